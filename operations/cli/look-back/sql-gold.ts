import pg from 'pg'
import { Failure } from '../failure.ts'
import type { Value } from './text.ts'

export type Result = {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Value[])[]
  readonly more: number // rows that were not fetched
}
export type QueryOptions = { readonly limit: number; readonly signal: AbortSignal }

/** A connection on which nothing can be written; it ends, and what runs on it, when the signal is aborted. */
export async function withReadOnlyPostgres<T>(
  url: string,
  signal: AbortSignal,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, types: rawTypes })
  client.on('error', () => {}) // a lost connection rejects the query that runs
  await client.connect()
  const cancel = () => void cancelOn(url, client).finally(() => client.end())
  signal.addEventListener('abort', cancel, { once: true })
  try {
    await client.query("BEGIN READ ONLY; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'")
    // A superuser's query may read and write the server's own files, and run programs, also when it is read-only.
    const { rows } = await client.query("SELECT current_setting('is_superuser')")
    if (rows[0].current_setting === 'on') await client.query('SET LOCAL ROLE pg_read_all_data')
    return await work(client)
  } finally {
    signal.removeEventListener('abort', cancel)
    await client.end()
  }
}

async function cancelOn(
  url: string,
  { processID }: pg.Client & { processID?: number | null },
): Promise<void> {
  const other = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  other.on('error', () => {})
  try {
    await other.connect()
    await other.query('SELECT pg_cancel_backend($1)', [processID])
  } catch {
  } finally {
    await other.end().catch(() => {})
  }
}

/**
 * Run one query on PostgreSQL, read-only: in a READ ONLY transaction, by a role that can read tables and nothing else,
 * as a cursor, which takes queries only, and one. `EXPLAIN` and `SHOW`, which a cursor does not take, run as they are.
 *
 * @throws {Failure} with what PostgreSQL says, and where.
 */
export const queryGold = (url: string, sql: string, { limit, signal }: QueryOptions): Promise<Result> =>
  withReadOnlyPostgres(url, signal, async (client) => {
    const prefix = /^\s*(explain|show)\b/i.test(sql) ? '' : 'DECLARE result NO SCROLL CURSOR FOR '
    const run = async (text: string) =>
      client.query({ text, rowMode: 'array', queryMode: 'extended' } as pg.QueryArrayConfig)
    try {
      const direct = await run(prefix + sql)
      const fetched = prefix ? await run(`FETCH FORWARD ${limit} FROM result`) : direct
      const more = prefix ? ((await run('MOVE FORWARD ALL FROM result')).rowCount ?? 0) : 0
      return {
        columns: fetched.fields.map(({ name }) => name),
        rows: fetched.rows.map((row) =>
          (row as (string | null)[]).map((text, i) => toValue(text, fetched.fields[i]!.dataTypeID)),
        ),
        more,
      }
    } catch (error) {
      throw explain(error, sql, prefix.length)
    }
  })

/** Names of the tables and views that can be asked, with what they say of themselves. */
export const goldTables = (url: string, signal: AbortSignal) =>
  withReadOnlyPostgres(url, signal, async (client) => {
    const { rows } = await client.query<{ name: string; comment: string | null }>(
      `SELECT relname AS name, obj_description(oid, 'pg_class') AS comment FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'p') ORDER BY relname`,
    )
    return rows
  })

const rawTypes = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig

// Type numbers that never change: https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/catalog/pg_type.dat
const booleanType = 16
const bigintType = 20
const numberTypes = new Set([21, 23, 26, 700, 701])
const jsonTypes = new Set([114, 3802])
const timestampType = 1114
const timestamptzType = 1184

function toValue(text: string | null, type: number): Value {
  if (text === null) return null
  if (type === booleanType) return text === 't'
  if (type === bigintType) return exactInteger(text)
  if (numberTypes.has(type)) return Number.isFinite(Number(text)) ? Number(text) : text
  if (jsonTypes.has(type)) return JSON.parse(text)
  if (type === timestamptzType) return isoInstant(text)
  return type === timestampType ? text.replace(' ', 'T') : text
}

/** A number where a number of JSON says it exactly, else its digits. */
export const exactInteger = (digits: string): number | string =>
  Number.isSafeInteger(Number(digits)) ? Number(digits) : digits

/** Of `2026-01-02 03:04:05.123+00`, as both engines write an instant in UTC; others (infinity, BC) as they are. */
export const isoInstant = (text: string): string =>
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00$/.test(text)
    ? text.replace(' ', 'T').replace('+00', 'Z')
    : text

function explain(error: unknown, sql: string, prefixLength: number): Failure {
  const { code, message, position, hint } = error as pg.DatabaseError
  if (code === '42601' && /multiple commands/.test(message))
    return new Failure('one query at a time: without a second statement behind it')
  const at = Number(position) - 1 - prefixLength
  return new Failure(
    [
      `PostgreSQL says: ${message}`,
      ...(at >= 0 && at <= sql.length ? [pointAt(sql, at)] : []),
      ...(hint ? [hint] : []),
    ].join('\n'),
  )
}

/** The line of a query in which something is wrong, and a caret below the place. */
export function pointAt(sql: string, at: number): string {
  const start = sql.lastIndexOf('\n', at - 1) + 1
  const end = sql.indexOf('\n', at)
  const line = sql.slice(start, end < 0 ? undefined : end)
  return `  ${line}\n  ${' '.repeat(at - start)}^`
}
