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
  const rows = replayed.map(({ object, offset, topic, partition, version, reasons, outcome }) => ({
    object,
    record_offset: offset,
    topic,
    partition,
    rejected_version: version,
    reasons,
    outcome,
  }))
  await query(
    `INSERT INTO quarantine_history (
       object, record_offset, topic, partition, rejected_version, reasons, outcome,
       dataset, replayed_version, replayed_by, replayed_at)
     SELECT new.*, $2::text, $3::integer, $4::text, $5::timestamptz
       FROM json_to_recordset($1) AS new (
              object text, record_offset bigint, topic text, partition integer, rejected_version integer, reasons jsonb,
              outcome text)
     ON CONFLICT DO NOTHING`,
    [JSON.stringify(rows), name, version, by, new Date(atMs)],
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
