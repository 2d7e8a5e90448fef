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

// Class 08 (connection), 40 (serialization, deadlock), 57P (shutdown, crash, starting up), 53300 (too many connections),
// 25006 (read-only: after a fail-over the connection leads to what is a standby now), and what a network says while an
// address moves. Not: 57014 (statement timeout), 53100 (disk full), which ten seconds do not mend.
// https://www.postgresql.org/docs/18/errcodes-appendix.html
const passing =
  /^(08...|40...|57P..|53300|25006|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/
const readOnly = '25006'
const attempts = 5

/**
 * Connections to PostgreSQL, at most `max` (default 1: an execution environment serves one invocation at a time).
 *
 * What fails for a passing reason (deadlock, restart, fail-over, too many connections) runs again from its start, up to 4
 * times within about 10 s; what lasts longer is thrown, and the event source redelivers. A connection may be cut just after
 * COMMIT, so `work` must do no harm when it runs twice, as redelivery asks of it anyway. A statement of `query` runs
 * again only when no connection could be made, so never twice.
 */
export function openPostgres(url: string, { max = 1 }: { max?: number } = {}): Postgres {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true, // a server that went away without a word is noticed
  })
  pool.on('error', () => {}) // an idle connection was cut: the pool replaces it when it is next needed

  return {
    async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) {
      const client = await retrying(() => pool.connect())
      client.on('error', alsoReported)
      let failure: Error | undefined
      try {
        return (await client.query<Row>(sql, [...values])).rows
      } catch (error) {
        failure = error as Error
        throw error
      } finally {
        client.off('error', alsoReported)
        client.release(passing.test(codeOf(failure)) ? failure : undefined)
      }
    },

    transaction: (work) => retrying(() => runTransaction(pool, work)),

    end: () => pool.end(),
  }
}

async function retrying<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === attempts || !passing.test(codeOf(error))) throw error
      await sleep(100 * 4 ** (attempt - 1) * (0.5 + Math.random()))
    }
  }
}

// What pg itself says, without a code: a connection was cut during a statement, or between two, or was not made in time.
const cut = /^Connection terminated|^Client (has encountered a connection error|was closed)|^timeout exceeded/

/** PostgreSQL's or the system's code. */
function codeOf(error: unknown): string {
  const { code, message = '' } = (error ?? {}) as { code?: string; message?: string }
  return code ?? (cut.test(message) ? 'ECONNRESET' : '')
}

/** Copy a CSV file (no header, an unquoted empty field is NULL) into a table. Names must be safe identifiers. */
export async function copyCsv(
  transaction: Transaction,
  { table, columns, file }: { table: string; columns: readonly string[]; file: string },
): Promise<void> {
  const copy = transaction.query(copyFrom(`COPY ${table} (${columns.join(', ')}) FROM STDIN (FORMAT csv)`))
  await pipeline(createReadStream(file, { highWaterMark: pieceBytes }), copy)
}

const pieceBytes = 1024 * 1024

/** A cut connection also rejects the statement under way, which reports it. */
const alsoReported = (): void => {}

async function runTransaction<T>(pool: pg.Pool, work: (client: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  client.on('error', alsoReported)
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
        if (codeOf(error) !== readOnly) failure = undefined // the connection is sound
      },
      () => {},
    )
    throw error
  } finally {
    client.off('error', alsoReported)
    client.release(failure)
  }
}
