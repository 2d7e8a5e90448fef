import type { Dataset } from '@cupel/core/dataset'
import type { Reason } from '@cupel/core/record'
import type { Postgres } from '@cupel/io/postgres'
import type { Entry } from './entry.ts'

/** What became of an entry when its object was refined again (table: warehouse/migrations/040-quarantine-history.sql). */
export type Replay = {
  readonly version: number // that had rejected it
  readonly reasons: readonly Reason[]
  readonly replayedVersion: number
  readonly outcome: 'accepted' | 'rejected'
  readonly by: string
  readonly atMs: number
}

/** Note what becomes of the entries of an object. What is noted already stays: a repetition after a crash adds nothing. */
export async function writeHistory(
  { query }: Pick<Postgres, 'query'>,
  { name, version }: Dataset,
  replayed: readonly (Entry & Pick<Replay, 'outcome'>)[],
  { by, atMs }: Pick<Replay, 'by' | 'atMs'>,
): Promise<void> {
  const column = <Value>(value: (one: (typeof replayed)[number]) => Value) => replayed.map(value)
  // Reasons as text: PostgreSQL's functions of JSON refuse U+0000, which a rejected value may hold.
  await query(
    `INSERT INTO quarantine_history (
       object, record_offset, topic, partition, rejected_version, reasons, outcome,
       dataset, replayed_version, replayed_by, replayed_at)
     SELECT object, record_offset, topic, partition, rejected_version, reasons::json, outcome, $8, $9, $10, $11
       FROM unnest($1::text[], $2::bigint[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::text[])
         AS new (object, record_offset, topic, partition, rejected_version, reasons, outcome)
     ON CONFLICT DO NOTHING`,
    [
      column(({ object }) => object),
      column(({ offset }) => offset),
      column(({ topic }) => topic),
      column(({ partition }) => partition),
      column(({ version }) => version),
      column(({ reasons }) => JSON.stringify(reasons)),
      column(({ outcome }) => outcome),
      name,
      version,
      by,
      new Date(atMs),
    ],
  )
}

export async function readHistory(
  { query }: Pick<Postgres, 'query'>,
  { name }: Dataset,
  { object, offset }: Pick<Entry, 'object' | 'offset'>,
): Promise<readonly (Replay & Pick<Entry, 'topic' | 'partition'>)[]> {
  return query(
    `SELECT topic, partition, rejected_version AS version, reasons, replayed_version AS "replayedVersion", outcome,
            replayed_by AS by, (extract(epoch FROM replayed_at) * 1000)::float8 AS "atMs"
       FROM quarantine_history WHERE dataset = $1 AND object = $2 AND record_offset = $3 ORDER BY replayed_version`,
    [name, object, offset],
  )
}

/** How many entries of a dataset were accepted when they were replayed. */
export async function countAccepted({ query }: Pick<Postgres, 'query'>, { name }: Dataset): Promise<number> {
  const [row] = await query<{ count: string }>(
    "SELECT count(DISTINCT (object, record_offset)) FROM quarantine_history WHERE dataset = $1 AND outcome = 'accepted'",
    [name],
  )
  return Number(row?.count)
}
