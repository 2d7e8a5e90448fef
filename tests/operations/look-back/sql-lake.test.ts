import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { datasets } from '#datasets/index.ts'
import { Failure } from '#operations/cli/failure.ts'
import { type Named, queryLake, tablesInLake } from '#operations/cli/look-back/sql-lake.ts'
import { makePipeline, transaction } from '../../support/pipeline.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

let database: TestDatabase
let pipeline: Awaited<ReturnType<typeof makePipeline>>
let key: string
const warnings: string[] = []
beforeAll(async () => {
  database = await makeDatabase()
  pipeline = await makePipeline(database.warehouse)
  key = await pipeline.receive([
    transaction(1),
    transaction(2, { amount: '2.50', device: '"quoted", \\ and\nbroken' }),
    transaction(3, { amount: 'much', currency: '' }),
  ])
  // Nothing of this object is rejected any more.
  await pipeline.lake.put('quarantine/transactions/partition=9/transactions+9+0.ndjson', new Uint8Array())
})
afterAll(() => pipeline.close())

const query = async (sql: string, limit = 10) => run(sql, (await tablesInLake(sql))!, limit)
function run(sql: string, named: readonly Named[], limit: number, signal = new AbortController().signal) {
  const ports = {
    lake: pipeline.lake,
    gold: database.url,
    datasets,
    warn: (line: string) => warnings.push(line),
  }
  return queryLake(ports, sql, named, { limit, signal })
}

describe('which engine a query is for', () => {
  it.each([
    ['SELECT * FROM silver.transactions', ['silver.transactions']],
    [
      'WITH t AS (SELECT 1 FROM "silver"."users") SELECT * FROM t, Merchants',
      ['silver.users', 'gold.merchants'],
    ],
    ['SELECT * FROM bronze.users JOIN gold.users USING (user_id)', ['bronze.users', 'gold.users']],
    ["SELECT 'silver.users' AS name -- of gold", undefined],
    ['SELECT metadata @> \'{"gold": 1}\'::jsonb FROM users', undefined],
    ['SELECT * FROM users', undefined],
  ])('%s', async (sql, expected) => {
    const named = await tablesInLake(sql)
    expect(named?.map(({ schema, table }) => `${schema}.${table}`).sort()).toEqual(
      expected && [...expected].sort(),
    )
  })
})

describe('a query of the lake', () => {
  it('sees silver with types and the object of each row', async () => {
    expect(
      await query('SELECT amount, event_time, _offset, _object FROM silver.transactions ORDER BY _offset'),
    ).toEqual({
      columns: ['amount', 'event_time', '_offset', '_object'],
      rows: [
        [
          '10.0000',
          '2026-01-05T00:00:00Z',
          0,
          key
            .replace('bronze/transactions-folder', 'silver/processed-transactions')
            .replace('ndjson', 'parquet'),
        ],
        ['2.5000', '2026-01-05T00:00:00Z', 1, expect.any(String)],
      ],
      more: 0,
    })
  })

  it('sees bronze as received, and quarantine with its reasons', async () => {
    expect(
      await query('SELECT "offset", value->>\'amount\' FROM bronze.transactions ORDER BY 1', 2),
    ).toMatchObject({
      rows: [
        [0, '10.00'],
        [1, '2.50'],
      ],
      more: 1,
    })
    const reasons = await query(
      'SELECT r.field, r.reason, r.value FROM quarantine.transactions, unnest(reasons) AS t(r) ORDER BY ALL',
    )
    expect(reasons.rows).toEqual([
      ['amount', 'not-a-number', 'much'],
      ['currency', 'missing', null],
    ])
  })

  it('joins the lake with gold', async () => {
    const { rows } = await query(
      `SELECT t.device, d.verdict, d.findings, d.amount_usd > 2, d.decided_at IS NOT NULL
         FROM silver.transactions AS s JOIN transactions AS t USING (transaction_id)
         JOIN fraud_decisions AS d USING (transaction_id) WHERE s.amount < 3`,
    )
    expect(rows).toEqual([['"quoted", \\ and\nbroken', 'genuine', '[]', true, true]])
  })

  it('sees a dataset of which nothing has come as empty', async () => {
    for (const layer of ['bronze', 'silver', 'quarantine'])
      expect((await query(`SELECT count(*) FROM ${layer}.merchants`)).rows).toEqual([[0]])
    expect((await query('SELECT name, updated_at, _object FROM silver.merchants')).columns).toEqual([
      'name',
      'updated_at',
      '_object',
    ])
  })

  it('leaves out what is no silver, and says so', async () => {
    await pipeline.lake.put('silver/processed-accounts/x.parquet', Buffer.from('hello'))
    expect((await query('SELECT count(*) FROM silver.accounts')).rows).toEqual([[0]])
    expect(warnings).toEqual(['silver/processed-accounts/x.parquet is left out: not a Parquet file'])
  })

  it('ends when it is interrupted, and gives no part of a result for the whole', async () => {
    const sql = 'SELECT r.range FROM silver.transactions, range(100000000000) AS r'
    await expect(
      run(sql, (await tablesInLake(sql))!, 10, AbortSignal.timeout(500)), // it would take days
    ).rejects.toThrow(Failure)
  })

  it('says what is wrong, and where', async () => {
    await expect(query('SELECT x FRM silver.users')).rejects.toThrow(
      /DuckDB says: syntax error.*\n.*\n {16}\^|DuckDB says: syntax error/,
    )
    await expect(query('SELECT nix FROM silver.users')).rejects.toThrow(/"nix" not found/)
    await expect(query('SELECT * FROM silver.nix')).rejects.toThrow('datasets are users, merchants')
    await expect(query('SELECT * FROM silver.users, nix')).rejects.toThrow('no table nix in gold')
    await expect(query('SELECT * FROM other.users, silver.users')).rejects.toThrow('no other.users')
  })

  it('leaves nothing behind', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('cupel-work-'))
    await query('SELECT * FROM silver.users')
    const after = readdirSync(tmpdir()).filter((name) => name.startsWith('cupel-work-'))
    expect(after.filter((name) => !before.includes(name)).length).toBeLessThanOrEqual(1) // of a test beside this one
  })
})

describe('DuckDB refuses to', () => {
  const file = join(tmpdir(), 'cupel-lake-attack')
  it.each([
    ['read a file', "SELECT * FROM read_text('/etc/passwd'), silver.users"],
    ['list files', "SELECT * FROM glob('/etc/*'), silver.users"],
    ['read a file as a table', "SELECT * FROM '/etc/passwd', silver.users"],
    ['read a file in a subquery', "SELECT (SELECT content FROM read_text('/etc/passwd')) FROM silver.users"],
    ['write a file', `COPY silver.users TO '${file}'`],
    ['write a file by EXPLAIN', `EXPLAIN ANALYZE COPY (FROM silver.users) TO '${file}'`],
    ['attach a database', `ATTACH '${file}' AS silver; SELECT * FROM silver.users`],
    ['run a second statement', `SELECT * FROM silver.users; COPY (SELECT 1) TO '${file}'`],
    ['drop', 'DROP VIEW silver.users'],
    ['delete', 'DELETE FROM gold.users'],
    ['unlock itself', 'SELECT * FROM silver.users; SET enable_external_access = true'],
    ['install', 'INSTALL httpfs; SELECT * FROM silver.users'],
    ['export', `EXPORT DATABASE '${file}'; SELECT * FROM silver.users`],
  ])('%s', async (_, sql) => {
    // As if the parser that looks for tables had let it pass.
    const named: Named[] = [
      { schema: 'silver', table: 'users' },
      { schema: 'gold', table: 'users' },
    ]
    await expect(run(sql, named, 10)).rejects.toThrow(/DuckDB says: |one query/)
    expect(existsSync(file)).toBe(false)
  })
})
