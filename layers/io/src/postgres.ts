import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

export type Transaction = pg.PoolClient

/** PostgreSQL as the functions use it: single statements, and transactions that are whole or not at all. */
export type Postgres = {
  readonly query: <Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]) => Promise<Row[]>
  /** Run `work` between BEGIN and COMMIT on one connection; any throw rolls back and is thrown on. */
  readonly transaction: <T>(work: (client: Transaction) => Promise<T>) => Promise<T>
  readonly end: () => Promise<void>
}

// Class 08 (connection), 40 (serialization, deadlock), 57P (shutdown, crash, starting up), 53300 (too many connections):
// https://www.postgresql.org/docs/18/errcodes-appendix.html
const passing = /^(08...|40...|57P..|53300)$/
const attempts = 4

/**
 * Connections to PostgreSQL, at most `max` (default 1: an execution environment serves one invocation at a time).
 *
 * A transaction that PostgreSQL broke off for a passing reason (deadlock, restart, too many connections) runs again
 * from its start, up to 4 times within about 3 s; what lasts longer is thrown, and the event source redelivers.
 */
export function openPostgres(url: string, { max = 1 }: { max?: number } = {}): Postgres {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
  })
  pool.on('error', () => {}) // an idle connection was cut: the pool replaces it when it is next needed

  return {
    async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) {
      const { rows } = await pool.query<Row>(sql, [...values])
      return rows
    },

    async transaction(work) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await runTransaction(pool, work)
        } catch (error) {
          if (attempt === attempts || !passing.test((error as { code?: string }).code ?? '')) throw error
          await sleep(100 * 4 ** (attempt - 1) * (0.5 + Math.random()))
        }
      }
    },

    end: () => pool.end(),
  }
}

/** Copy a CSV file (no header, an unquoted empty field is NULL) into a table. Names must be safe identifiers. */
export async function copyCsv(
  transaction: Transaction,
  { table, columns, file }: { table: string; columns: readonly string[]; file: string },
): Promise<void> {
  const copy = transaction.query(copyFrom(`COPY ${table} (${columns.join(', ')}) FROM STDIN (FORMAT csv)`))
  await pipeline(createReadStream(file), copy)
}

async function runTransaction<T>(pool: pg.Pool, work: (client: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  const broken = (error: Error) => void error // a cut connection also rejects the statement under way, which reports it
  client.on('error', broken)
  let failure: Error | undefined
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    failure = error as Error
    await client.query('ROLLBACK').then(
      () => {
        failure = undefined // the connection is sound
      },
      () => {},
    )
    throw error
  } finally {
    client.off('error', broken)
    client.release(failure)
  }
}
