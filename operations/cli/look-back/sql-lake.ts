import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Dataset } from '@cupel/core/dataset'
import { identifier, literal } from '@cupel/core/kinds/strings'
import { openEngine } from '@cupel/duckdb/engine'
import { silverProblems } from '@cupel/duckdb/silver'
import type { ObjectStore } from '@cupel/io/object-store'
import { type TemporaryFolder, withTemporaryFolder } from '@cupel/io/temporary-folder'
import { DuckDBInstance, StatementType } from '@duckdb/node-api'
import { to as copyTo } from 'pg-copy-streams'
import { inParallel } from '../../in-parallel.ts'
import { Failure } from '../failure.ts'
import {
  exactInteger,
  isoInstant,
  pointAt,
  type QueryOptions,
  type Result,
  withReadOnlyPostgres,
} from './sql-gold.ts'
import type { Value } from './text.ts'

/** A table that a query names: `silver.transactions`, or `users` without a schema, which is gold. */
export type Named = { readonly schema: Schema; readonly table: string }
export type Schema = 'bronze' | 'silver' | 'quarantine' | 'gold'
const schemas: readonly string[] = ['bronze', 'silver', 'quarantine', 'gold']

export type LakePorts = {
  readonly lake: Pick<ObjectStore, 'list' | 'get'>
  readonly gold: string // URL of PostgreSQL
  readonly datasets: readonly Dataset[]
  readonly warn: (line: string) => void
}

const settings = {
  memory_limit: '1GB',
  threads: '2',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
}

/**
 * The tables that a query names, when one of them is in the lake; undefined when it is for PostgreSQL alone. DuckDB's
 * parser reads the query, so a name in a text, a comment or a WITH is none.
 *
 * @throws {Failure} with what the parser says, when the query looks as if it were for the lake.
 */
export async function tablesInLake(sql: string): Promise<readonly Named[] | undefined> {
  if (!/\b(bronze|silver|quarantine|gold)\b/i.test(sql)) return undefined
  const instance = await DuckDBInstance.create(':memory:', settings)
  const connection = await instance.connect()
  try {
    const rows = (await connection.runAndReadAll(`SELECT json_serialize_sql(${literal(sql)})`)).getRowsJS()
    const parsed = JSON.parse(String(rows[0]![0]))
    if (!parsed.error) {
      const names = namesIn(parsed)
      return names.some(({ schema }) => schemas.includes(schema)) ? names.map(toNamed) : undefined
    }
    // It is no query, or PostgreSQL's own dialect.
    if (!/\b(bronze|silver|quarantine|gold)"?\s*\.\s*"?\w/i.test(sql)) return undefined
    if (parsed.error_type !== 'parser') throw new Failure(onlyQueries)
    const at = Number(parsed.position ?? Number.NaN)
    throw new Failure(`DuckDB says: ${parsed.error_message}${at >= 0 ? `\n${pointAt(sql, at)}` : ''}`)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

const onlyQueries = 'cupel sql runs one query, SELECT or WITH, and changes nothing'

type Reference = { readonly schema: string; readonly table: string }

const toNamed = ({ schema, table }: Reference): Named => {
  if (schema !== '' && !schemas.includes(schema))
    throw new Failure(`there is no ${schema}.${table}: schemas are ${schemas.join(', ')}`)
  return { schema: (schema || 'gold') as Schema, table }
}

/** All base tables of a syntax tree, each once, but the names that a WITH defines. */
function namesIn(tree: unknown): readonly Reference[] {
  const found = new Map<string, Reference>()
  const defined = new Set<string>()
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    const { type, schema_name, table_name, cte_map } = node as Record<string, unknown>
    if (type === 'BASE_TABLE')
      found.set(`${schema_name}.${table_name}`.toLowerCase(), {
        schema: String(schema_name).toLowerCase(),
        table: String(table_name).toLowerCase(),
      })
    for (const { key } of (cte_map as { map?: { key: string }[] })?.map ?? []) defined.add(key.toLowerCase())
    for (const child of Object.values(node)) visit(child)
  }
  visit(tree)
  return [...found.values()].filter(({ schema, table }) => schema !== '' || !defined.has(table))
}

/**
 * Run one query on DuckDB over what it names of the lake, and copies of the gold tables that it names. Only the objects
 * of these datasets are fetched, into a folder of its own; then DuckDB reaches no file but those and no setting can be
 * changed, and it is asked for a query and nothing else.
 */
export const queryLake = (
  { lake, gold, datasets, warn }: LakePorts,
  sql: string,
  named: readonly Named[],
  { limit, signal }: QueryOptions,
): Promise<Result> =>
  withTemporaryFolder(async (folder) => {
    const instance = await DuckDBInstance.create(':memory:', { ...settings, temp_directory: folder.path })
    const connection = await instance.connect()
    const interrupt = () => connection.interrupt()
    signal.addEventListener('abort', interrupt, { once: true })
    try {
      await connection.run("SET TimeZone = 'UTC'")
      for (const schema of schemas) await connection.run(`CREATE SCHEMA ${schema}`)
      for (const { schema, table } of named) {
        if (schema === 'gold') {
          await connection.run(await goldSql(gold, table, folder, signal))
          continue
        }
        const dataset = datasets.find(({ name }) => name === table)
        if (!dataset)
          throw new Failure(
            `there is no ${schema}.${table}: datasets are ${datasets.map(({ name }) => name).join(', ')}`,
          )
        const files = await fetchAll(lake, prefixOf[schema](dataset), folder, signal)
        const usable = schema === 'silver' ? await silverOnly(dataset, files, folder, warn) : files
        await connection.run(
          `CREATE VIEW ${schema}.${identifier(table)} AS ${views[schema](dataset, usable, folder)}`,
        )
      }
      await connection.run("SET search_path = 'gold'")
      await connection.run(`SET allowed_directories = [${literal(folder.path)}]`)
      await connection.run('SET enable_external_access = false')
      await connection.run('SET lock_configuration = true')
      signal.throwIfAborted()
      return await ask()
    } catch (error) {
      throw error instanceof Failure ? error : new Failure(explain(error, folder))
    } finally {
      signal.removeEventListener('abort', interrupt)
      connection.closeSync()
      instance.closeSync()
    }

    async function ask(): Promise<Result> {
      const statements = await connection.extractStatements(sql)
      if (statements.count !== 1) throw new Failure(`one query at a time, there are ${statements.count}`)
      const prepared = await statements.prepare(0)
      if (prepared.statementType !== StatementType.SELECT) throw new Failure(onlyQueries)
      const result = await prepared.stream()
      const types = result.columnTypes().map(String)
      const rows: Value[][] = []
      let total = 0
      for await (const chunk of result.yieldRowsJson()) {
        total += chunk.length
        for (const row of chunk) {
          if (rows.length === limit) break
          rows.push(row.map((value, i) => toValue(value as Value, types[i]!)))
        }
      }
      signal.throwIfAborted() // an interrupted stream ends as if there were no more rows
      return { columns: result.deduplicatedColumnNames(), rows, more: total - rows.length }
    }
  })

const prefixOf = {
  bronze: ({ bronzeFolder }: Dataset) => `bronze/${bronzeFolder}/`,
  silver: ({ silverFolder }: Dataset) => `silver/${silverFolder}/`,
  quarantine: ({ name }: Dataset) => `quarantine/${name}/`,
}
const suffixes = /\.(ndjson|parquet)$/

/** Copies of all objects below a prefix, under their keys. */
const fetchAll = async (
  lake: LakePorts['lake'],
  prefix: string,
  folder: TemporaryFolder,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const files = await inParallel(lake.list(prefix), async ({ key }) => {
    signal.throwIfAborted()
    if (!suffixes.test(key) || key.split('/').includes('..')) return undefined
    const object = await lake.get(key)
    if (!object) return undefined
    const file = folder.file(key)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, object.body)
    return file
  })
  return files.filter((file) => file !== undefined)
}

async function silverOnly(
  dataset: Dataset,
  files: readonly string[],
  folder: TemporaryFolder,
  warn: LakePorts['warn'],
): Promise<readonly string[]> {
  const engine = await openEngine()
  try {
    const problems = await silverProblems(engine, dataset, files)
    for (const [i, problem] of problems.entries())
      if (problem !== undefined) warn(`${files[i]!.slice(folder.path.length + 1)} is left out: ${problem}`)
    return files.filter((_, i) => problems[i] === undefined)
  } finally {
    engine.close()
  }
}

type Columns = readonly (readonly [name: string, type: string])[]

const envelope: Columns = [
  ['topic', 'VARCHAR'],
  ['partition', 'INTEGER'],
  ['offset', 'BIGINT'],
  ['timestamp', 'BIGINT'], // milliseconds
  ['key', 'VARCHAR'], // base64
  ['headers', 'JSON'],
  ['format', 'VARCHAR'],
  ['value', 'JSON'],
]
const rejected: Columns = [
  ['dataset', 'VARCHAR'],
  ['version', 'INTEGER'],
  ['reasons', 'STRUCT(field VARCHAR, reason VARCHAR, "value" VARCHAR)[]'],
]
const lineage: Columns = [
  ['_topic', 'VARCHAR'],
  ['_partition', 'INTEGER'],
  ['_offset', 'BIGINT'],
  ['_timestamp_ms', 'BIGINT'],
]
const maxLineBytes = 16 * 1024 * 1024

type View = (dataset: Dataset, files: readonly string[], folder: TemporaryFolder) => string

const silverSql: View = ({ fields }, files, folder) =>
  files.length > 0
    ? `SELECT * EXCLUDE (filename), ${objectKeySql(folder)} FROM read_parquet(${list(files)}, union_by_name = true, hive_partitioning = false, filename = true)`
    : emptySql([
        ...Object.entries(fields).map(([name, { kind }]) => [name, kind.duckdbType] as const),
        ...lineage,
      ])
const bronzeSql: View = (_, files, folder) => linesSql(envelope, files, folder)
const quarantineSql: View = (_, files, folder) => linesSql([...rejected, ...envelope], files, folder)

function linesSql(columns: Columns, files: readonly string[], folder: TemporaryFolder): string {
  if (files.length === 0) return emptySql(columns)
  const types = columns.map(([name, type]) => `${literal(name)}: ${literal(type)}`).join(', ')
  return `SELECT * EXCLUDE (filename), ${objectKeySql(folder)} FROM read_json(${list(files)}, format = 'newline_delimited', columns = {${types}}, maximum_object_size = ${maxLineBytes}, hive_partitioning = false, filename = true)`
}

const emptySql = (columns: Columns): string =>
  `SELECT ${[...columns, ['_object', 'VARCHAR'] as const].map(([name, type]) => `NULL::${type} AS ${identifier(name)}`).join(', ')} WHERE false`
const list = (files: readonly string[]): string => `[${files.map(literal).join(', ')}]`
/** The object's key: the files stand under theirs. */
const objectKeySql = ({ path }: TemporaryFolder): string =>
  `substring(filename, ${path.length + 2}) AS _object`

const views: Record<Exclude<Schema, 'gold'>, View> = {
  bronze: bronzeSql,
  silver: silverSql,
  quarantine: quarantineSql,
}

/** A statement that makes a copy of a table or view of PostgreSQL. */
async function goldSql(
  url: string,
  table: string,
  folder: TemporaryFolder,
  signal: AbortSignal,
): Promise<string> {
  const file = folder.file(`gold-${Buffer.from(table).toString('hex').slice(0, 100)}.csv`)
  const columns = await withReadOnlyPostgres(url, signal, async (client) => {
    const { rows } = await client.query<{ name: string; type: string }>(
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
        WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
      [identifier(table)],
    )
    if (rows.length === 0) throw new Failure(`there is no table ${table} in gold: cupel sql lists them`)
    const copy = client.query(copyTo(`COPY (SELECT * FROM ${identifier(table)}) TO STDOUT (FORMAT csv)`))
    await pipeline(copy, createWriteStream(file))
    return rows
  })
  const types = columns.map(({ name, type }) => `${literal(name)}: ${literal(duckdbType(type))}`)
  return `CREATE TABLE gold.${identifier(table)} AS SELECT * FROM read_csv(${literal(file)}, header = false, delim = ',', quote = '"', escape = '"', allow_quoted_nulls = false, auto_detect = false, columns = {${types.join(', ')}})`
}

/** PostgreSQL's type as DuckDB calls it. A numeric without precision becomes a double; what DuckDB lacks stays text. */
function duckdbType(type: string): string {
  const known: Record<string, string> = {
    numeric: 'DOUBLE',
    'double precision': 'DOUBLE',
    real: 'FLOAT',
    jsonb: 'JSON',
    json: 'JSON',
  }
  const plain = type.replace(/^(timestamp|time)\(\d\)/, '$1')
  if (/^(bigint|integer|smallint|boolean|date|uuid|timestamp with(out)? time zone)$/.test(plain))
    return plain.replace(' without time zone', '').toUpperCase()
  if (/^numeric\(\d+,\d+\)$/.test(plain)) return plain.replace('numeric', 'DECIMAL')
  return known[plain] ?? 'VARCHAR'
}

function toValue(value: Value, type: string): Value {
  if (value === null) return null
  if (/^U?(BIG|HUGE)INT$/.test(type)) return exactInteger(String(value))
  if (type === 'TIMESTAMP WITH TIME ZONE') return isoInstant(String(value))
  if (/^TIMESTAMP/.test(type)) return String(value).replace(' ', 'T')
  return value
}

/** What DuckDB says, with the place, and without the path of the folder in which it works. */
function explain(error: unknown, { path }: TemporaryFolder): string {
  const message = error instanceof Error ? error.message : String(error)
  const lines = message.replaceAll(`${path}/`, '').split('\n')
  return `DuckDB says: ${lines
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n')}`
}
