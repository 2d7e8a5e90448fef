import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { goldTables, queryGold } from '#operations/cli/look-back/sql-gold.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await makeDatabase()
})
const query = (sql: string, limit = 10, signal = new AbortController().signal) =>
  queryGold(database.url, sql, { limit, signal })

describe('a query of gold', () => {
  it('gives values that JSON can say exactly', async () => {
    expect(
      await query(`SELECT 1 AS one, 9007199254740993::bigint AS big, 12::bigint AS small, 1.50::numeric AS amount,
                          timestamptz '2026-01-02 03:04:05.5+02' AS at, date '2026-01-02' AS day, NULL::text AS nothing,
                          true AS yes, '{"a": [1]}'::jsonb AS json, 0.5::float8 AS half`),
    ).toEqual({
      columns: ['one', 'big', 'small', 'amount', 'at', 'day', 'nothing', 'yes', 'json', 'half'],
      rows: [
        [
          1,
          '9007199254740993',
          12,
          '1.50',
          '2026-01-02T01:04:05.5Z',
          '2026-01-02',
          null,
          true,
          { a: [1] },
          0.5,
        ],
      ],
      more: 0,
    })
  })

  it('is cut at the limit, and counts what is left', async () => {
    const { rows, more } = await query('SELECT * FROM generate_series(1, 250) AS n', 3)
    expect({ rows, more }).toEqual({ rows: [[1], [2], [3]], more: 247 })
  })

  it('takes WITH, VALUES, SHOW and EXPLAIN, and a semicolon at its end', async () => {
    expect((await query('WITH x AS (VALUES (1)) SELECT * FROM x;')).rows).toEqual([[1]])
    expect((await query('SHOW transaction_read_only')).rows).toEqual([['on']])
    expect((await query('EXPLAIN SELECT 1')).columns).toEqual(['QUERY PLAN'])
  })

  it('says what is wrong, and where', async () => {
    await expect(query('SELECT *\n  FRM users')).rejects.toThrow(
      /PostgreSQL says: syntax error[\s\S]*\n {4}FRM users\n {4}\^/,
    )
    await expect(query('SELECT nothing FROM users')).rejects.toThrow('"nothing" does not exist')
  })

  it('ends with the signal', async () => {
    const interrupted = new AbortController()
    const slow = query('SELECT pg_sleep(600)', 1, interrupted.signal)
    slow.catch(() => {})
    const sleeping = `SELECT FROM pg_stat_activity WHERE query LIKE 'FETCH%' AND wait_event = 'PgSleep' AND datname = current_database()`
    while ((await database.warehouse.query(sleeping)).length === 0);
    interrupted.abort()
    await expect(slow).rejects.toThrow()
    while ((await database.warehouse.query(sleeping)).length > 0); // on the server too
  })

  it('lists tables and views', async () => {
    const names = (await goldTables(database.url, new AbortController().signal)).map(({ name }) => name)
    expect(names).toEqual(
      expect.arrayContaining(['transactions', 'fraud_decisions', 'fraud_transaction', 'ledger']),
    )
  })
})

describe('PostgreSQL refuses to', () => {
  const file = join(tmpdir(), 'cupel-sql-attack')
  it.each([
    ['delete', 'DELETE FROM users'],
    ['delete inside of a query', 'WITH gone AS (DELETE FROM ledger RETURNING 1) SELECT * FROM gone'],
    ['delete by EXPLAIN', 'EXPLAIN ANALYZE DELETE FROM ledger'],
    ['run a second statement', 'SELECT 1; DROP TABLE ledger'],
    ['leave the transaction first', 'SELECT 1; COMMIT; DROP TABLE ledger'],
    ['leave it by EXPLAIN', 'EXPLAIN SELECT 1; COMMIT; DROP TABLE ledger'],
    ['drop', 'DROP TABLE ledger'],
    ['write a file', `COPY users TO '${file}'`],
    ['run a program', `COPY (SELECT 1) TO PROGRAM 'touch ${file}'`],
    ['run a block', `DO $$ BEGIN EXECUTE 'DROP TABLE ledger'; END $$`],
    ['read a file', `SELECT pg_read_file('/etc/passwd')`],
    ['write a large object', `SELECT lo_from_bytea(0, 'x')`],
    ['write by its settings', `SELECT set_config('transaction_read_only', 'off', true)`],
    ['advance a sequence', `SELECT nextval(pg_get_serial_sequence('alerts', 'id'))`],
    ['stop its server', 'SELECT pg_reload_conf()'],
  ])('%s', async (_, sql) => {
    await expect(query(sql)).rejects.toThrow(/PostgreSQL says|one query at a time/)
    expect(await database.warehouse.query(`SELECT to_regclass('ledger') AS ledger`)).toEqual([
      { ledger: 'ledger' },
    ])
    expect(existsSync(file)).toBe(false)
  })
})
