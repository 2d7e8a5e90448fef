import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { openEngine } from '@cupel/duckdb/engine'
import { copyCsv, openPostgres } from '@cupel/io/postgres'

/**
 * About the least that the same work costs on this machine: `spark/job.py` in DuckDB, file by file, on as many engines of one thread
 * as there are lanes. No S3, no events, no ledger, no reasons, and of each kind only the spellings of this benchmark. Not tuned
 * to the last, but what this does not reach, all that ours does beside will not. Prints a line when the tables are done.
 *
 *     node floor.mjs <folder> <URL of PostgreSQL> <lanes> < keys of bronze, JSON
 */
const [folder, databaseUrl, lanes] = process.argv.slice(2)
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const keys = JSON.parse((await input.next()).value!) as string[]

type Column = (text: string) => string // an expression of the trimmed text of a field
const text: Column = (text) => text
const word: Column = (text) => `lower(${text})`
const identifier: Column = (text) => `TRY_CAST(${text} AS UUID)`
const instant: Column = (text) => `TRY_CAST(${text} AS TIMESTAMP)`
const amount: Column = (text) => `TRY_CAST(translate(${text}, '$€, ', '') AS DECIMAL(18, 4))`
const phone: Column = (text) => `translate(${text}, ' ()./-', '')`
const currency: Column = (text) => `upper(${text})`
const oneOf =
  (...words: string[]): Column =>
  (text) =>
    `CASE WHEN lower(${text}) IN (${words.map((word) => `'${word}'`).join(', ')}) THEN lower(${text}) END`
const day: Column = (text) => `CASE
  WHEN contains(${text}, '.') THEN CAST(try_strptime(${text}, '%d.%m.%Y') AS DATE)
  WHEN contains(${text}, '/') THEN CAST(try_strptime(${text}, '%Y/%m/%d') AS DATE)
  ELSE TRY_CAST(${text} AS DATE) END`
const countries = {
  US: ['us', 'usa', 'united states'],
  GB: ['gb', 'uk', 'united kingdom'],
  DE: ['de', 'deu', 'germany'],
  TR: ['tr', 'tur', 'turkey'],
  FR: ['fr', 'fra', 'france'],
  NL: ['nl', 'the netherlands'],
  ES: ['es', 'spain'],
  JP: ['jp', 'japan'],
}
const country: Column = (text) => {
  const cases = Object.entries(countries).flatMap(([code, names]) =>
    names.map((name) => `WHEN '${name}' THEN '${code}'`),
  )
  return `CASE replace(lower(${text}), '.', '') ${cases.join(' ')} END`
}

type Table = { readonly name: string; readonly key: string; readonly fields: Record<string, Column> }
const tables: Readonly<Record<string, Table>> = {
  'profiles-folder': {
    name: 'users',
    key: 'user_id',
    fields: {
      user_id: identifier,
      full_name: text,
      email: word,
      phone,
      birth_date: day,
      address: text,
      city: text,
      country,
      registered_at: instant,
      updated_at: instant,
    },
  },
  'account-folder': {
    name: 'accounts',
    key: 'account_id',
    fields: {
      account_id: identifier,
      user_id: identifier,
      type: oneOf('checking', 'savings', 'credit'),
      balance: amount,
      currency,
      status: oneOf('active', 'dormant', 'frozen', 'closed'),
      opened_at: instant,
      updated_at: instant,
    },
  },
  'merchant-folder': {
    name: 'merchants',
    key: 'merchant_id',
    fields: {
      merchant_id: identifier,
      name: text,
      category: word,
      risk: oneOf('low', 'medium', 'high'),
      country,
      city: text,
      updated_at: instant,
    },
  },
}

const work = await mkdtemp(join(tmpdir(), 'cupel-bench-floor-'))
const warehouse = openPostgres(databaseUrl!)
await Promise.all(Array.from({ length: Number(lanes) }, (_, lane) => serve(join(work, String(lane)))))
console.log('done')
await input.next() // what it used is counted, then it may end
await warehouse.end()
await rm(work, { recursive: true })

async function serve(file: string): Promise<void> {
  const engine = await openEngine({ memoryLimit: '256MB', threads: 1 })
  const [parquet, rejected, csv] = ['parquet', 'ndjson', 'csv'].map((ending) => `${file}.${ending}`)
  for (let key = keys.shift(); key !== undefined; key = keys.shift()) {
    const { name, key: id, fields } = tables[basename(dirname(dirname(key)))]!
    const columns = Object.keys(fields)
    const loaded = [...columns, '_timestamp_ms', '_partition', '_offset']
    const members = columns.map((column) => `${column} VARCHAR`).join(', ')
    const typed = Object.entries(fields).map(([column, of]) => `${of(`trim(value.${column})`)} AS ${column}`)
    const isGood = columns.map((column) => `${column} IS NOT NULL`).join(' AND ')
    const newest = 'updated_at DESC, _timestamp_ms DESC, _partition DESC, _offset DESC'

    await engine.run(`CREATE OR REPLACE TEMP TABLE typed AS
      SELECT ${typed.join(', ')}, topic AS _topic, "partition" AS _partition, "offset" AS _offset, "timestamp" AS _timestamp_ms
        FROM read_json('${join(folder!, key)}', format = 'newline_delimited', ignore_errors = true, columns = {
          topic: 'VARCHAR', "partition": 'INTEGER', "offset": 'BIGINT', "timestamp": 'BIGINT', value: 'STRUCT(${members})'})`)
    await engine.run(`COPY (FROM typed WHERE ${isGood}
      QUALIFY row_number() OVER (PARTITION BY ${id} ORDER BY ${newest}) = 1) TO '${parquet}' (FORMAT parquet, COMPRESSION zstd)`)
    await engine.run(`COPY (FROM typed WHERE NOT (${isGood})) TO '${rejected}' (FORMAT json)`)
    await engine.run(
      `COPY (SELECT ${loaded.join(', ')} FROM '${parquet}') TO '${csv}' (FORMAT csv, HEADER false)`,
    )
    await warehouse.transaction(async (transaction) => {
      const listed = loaded.join(', ')
      await transaction.query(
        `CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT ${listed} FROM ${name} WITH NO DATA`,
      )
      await copyCsv(transaction, { table: 'incoming', columns: loaded, file: csv! })
      const changes = loaded
        .filter((column) => column !== id)
        .map((column) => `${column} = excluded.${column}`)
      await transaction.query(`INSERT INTO ${name} AS present (${listed}) SELECT ${listed} FROM incoming ORDER BY ${id}
        ON CONFLICT (${id}) DO UPDATE SET ${changes.join(', ')}
        WHERE (excluded.updated_at, excluded._timestamp_ms) > (present.updated_at, present._timestamp_ms)`)
    })
  }
  engine.close()
}
