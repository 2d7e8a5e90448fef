import { identifier } from '@cupel/core/kinds/strings'
import { parseRecord } from '@cupel/core/record'
import type { Transaction as Database } from '@cupel/io/postgres'
import { transactions } from '../../../datasets/finance/transactions.ts'
import { alertLine } from './alert.ts'
import { type Arrival, type Decided, type Decision, type Knowledge, ruleSet } from './assess.ts'
import { fingerprintOf, type Gap, type PartitionBatch, type Progress } from './batch.ts'
import type { History } from './history.ts'
import { readUsdText, usdText } from './money.ts'
import type { ReferenceData } from './reference.ts'

/**
 * The statements of one batch (tables: warehouse/migrations/010-fraud.sql, 011-reference.sql). Rows are locked in the order of
 * their keys everywhere, progress before users, so two batches never wait for each other in a circle.
 */

/**
 * Lock the progress of each partition until the transaction ends; a batch with the same partition waits here. A partition that
 * was never seen starts with the first record of its batch, and one whose batch begins before its start (it was set
 * back, or somebody invoked the function by hand with a later record) starts again there: decisions stay, and what has one
 * counts as a duplicate. In the order given, which has to be by topic and partition.
 */
export async function lockProgress(
  database: Database,
  batches: readonly PartitionBatch[],
  now: Date,
): Promise<readonly Progress[]> {
  const asked = JSON.stringify(
    batches.map(({ topic, partition, records }) => {
      const { record } = records[0]!
      return { topic, partition, first_offset: record.offset, first_record: fingerprintOf(record) }
    }),
  )
  await database.query(
    `WITH started AS (
     INSERT INTO fraud_progress (topic, partition, first_offset, next_offset, first_record, last_record, updated_at)
     SELECT topic, partition, first_offset, first_offset, first_record, '', $2::timestamptz
       FROM json_to_recordset($1) AS asked (topic text, partition integer, first_offset bigint, first_record text)
      ORDER BY topic COLLATE "C", partition
     ON CONFLICT (topic, partition) DO UPDATE
        SET first_offset = excluded.first_offset, next_offset = excluded.next_offset, first_record = excluded.first_record,
            last_record = '', decided = 0, duplicates = 0, invalid = 0, tombstones = 0, missing = 0
      WHERE excluded.first_offset < fraud_progress.first_offset
     RETURNING topic, partition)
     DELETE FROM fraud_gaps USING started WHERE (fraud_gaps.topic, fraud_gaps.partition) = (started.topic, started.partition)`,
    [asked, now],
  )
  const { rows } = await database.query<
    Record<'first_offset' | 'next_offset' | 'first_record' | 'last_record', string>
  >(
    `SELECT first_offset, next_offset, first_record, last_record
       FROM fraud_progress
       JOIN json_to_recordset($1) AS asked (topic text, partition integer) USING (topic, partition)
      ORDER BY topic COLLATE "C", partition
        FOR UPDATE OF fraud_progress`,
    [asked],
  )
  return rows.map((row) => ({
    firstOffset: Number(row.first_offset),
    nextOffset: Number(row.next_offset),
    firstRecord: row.first_record,
    lastRecord: row.last_record,
  }))
}

/** Lock the histories of all users of the arrivals, and read what deciding them takes. */
export async function readKnowledge(database: Database, arrivals: readonly Arrival[]): Promise<Knowledge> {
  const distinct = (field: 'user_id' | 'transaction_id' | 'merchant_id' | 'country' | 'currency') => [
    ...new Set(arrivals.map(({ transaction }) => transaction[field])),
  ]
  const histories = await lockHistories(database, distinct('user_id'))
  const decided = await readDecided(database, distinct('transaction_id'))
  const { rows } = await database.query<{ reference: ReferenceData }>(
    `SELECT json_build_object(
       'version', (SELECT version FROM reference_version),
       'rates', (
         SELECT coalesce(json_agg(json_build_object(
                  'currency', currency, 'from', to_char(valid_from, 'YYYY-MM-DD'), 'usdPerUnit', usd_per_unit::text)), '[]')
           FROM exchange_rates WHERE currency = ANY ($1)),
       'suspiciousMerchants', (
         SELECT coalesce(json_agg(json_build_object(
                  'id', merchant_id, 'reason', reason,
                  'from', to_char(listed_from, 'YYYY-MM-DD'), 'to', to_char(listed_to, 'YYYY-MM-DD'))), '[]')
           FROM suspicious_merchants WHERE merchant_id = ANY ($2::uuid[])),
       'highRiskCountries', (
         SELECT coalesce(json_agg(json_build_object(
                  'id', country, 'reason', reason,
                  'from', to_char(listed_from, 'YYYY-MM-DD'), 'to', to_char(listed_to, 'YYYY-MM-DD'))), '[]')
           FROM high_risk_countries WHERE country = ANY ($3))) AS reference`,
    [distinct('currency'), distinct('merchant_id'), distinct('country')],
  )
  return { histories, decided, reference: rows[0]!.reference }
}

async function lockHistories(
  database: Database,
  users: readonly string[],
): Promise<ReadonlyMap<string, History>> {
  await database.query(
    `INSERT INTO fraud_history (user_id)
     SELECT user_id FROM unnest($1::uuid[]) AS asked (user_id) ORDER BY user_id
     ON CONFLICT DO NOTHING`,
    [users],
  )
  const { rows } = await database.query<{
    user_id: string
    payments: string
    sum_micro_usd: string
    sum_of_squares: string
    recent: [eventMs: number, microUsd: string][]
  }>(
    `SELECT user_id, payments, sum_micro_usd, sum_of_squares, recent
       FROM fraud_history WHERE user_id = ANY ($1::uuid[]) ORDER BY user_id FOR UPDATE`,
    [users],
  )
  return new Map(
    rows.map((row) => [
      row.user_id,
      {
        payments: Number(row.payments),
        sum: BigInt(row.sum_micro_usd),
        sumOfSquares: BigInt(row.sum_of_squares),
        recent: row.recent.map(([eventMs, worth]) => ({ eventMs, worth: BigInt(worth) })),
      },
    ]),
  )
}

async function readDecided(
  database: Database,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Decided>> {
  const { rows } = await database.query<{
    transaction_id: string
    version: number
    verdict: 'fraud' | 'genuine'
    user_id: string
    event_ms: string
    amount_usd: string | null
    content_sha256: string
  }>(
    `SELECT transaction_id, version, verdict, user_id, amount_usd, content_sha256,
            (extract(epoch FROM event_time) * 1000)::bigint AS event_ms
       FROM fraud_decisions WHERE transaction_id = ANY ($1::uuid[]) ORDER BY transaction_id, version`,
    [ids],
  )
  const decided = new Map<string, Decided>()
  for (const row of rows) {
    const contents = [...(decided.get(row.transaction_id)?.contents ?? []), row.content_sha256]
    const { version, verdict, user_id: userId } = row
    const worthUsd = row.amount_usd === null ? null : readUsdText(row.amount_usd)
    decided.set(row.transaction_id, {
      contents,
      latest: { version, verdict, userId, eventMs: Number(row.event_ms), worthUsd },
    })
  }
  return decided
}

const mostLate = 1_000

/** Transactions of gold without a decision, though their partition is decided beyond them. Oldest first, some. */
export async function readUndecided(database: Database): Promise<readonly Arrival[]> {
  const { rows } = await database.query<Record<string, unknown>>(
    `SELECT gold.* FROM ${identifier(transactions.table)} AS gold
       JOIN fraud_progress AS decided
         ON decided.topic = $1 AND partition = _partition AND first_offset <= _offset AND _offset < next_offset
      WHERE NOT EXISTS (SELECT FROM fraud_decisions AS d WHERE d.transaction_id = gold.transaction_id)
      ORDER BY _timestamp_ms, _partition, _offset LIMIT ${mostLate}`,
    [transactions.topic],
  )
  return rows.flatMap((row) => {
    // As a record, so that its values are spelled as those that come from Kafka, and a repetition has the same content.
    const fields = Object.keys(transactions.fields).map((name) => [name, row[name]])
    const parsed = parseRecord(transactions, {
      format: 'json',
      text: JSON.stringify(Object.fromEntries(fields)),
    })
    if (!parsed.ok) return []
    return [
      {
        transaction: parsed.row,
        topic: transactions.topic,
        partition: Number(row._partition),
        offset: Number(row._offset),
        timestampMs: Number(row._timestamp_ms),
      },
    ]
  })
}

/** Write decisions, and an alert for each that is fraud. */
export async function writeDecisions(
  database: Database,
  decisions: readonly Decision[],
  { referenceVersion, now }: { referenceVersion: number; now: Date },
): Promise<void> {
  if (decisions.length === 0) return
  const rows = decisions.map(({ transaction, worth, ...decision }) => ({
    ...transaction,
    version: decision.version,
    amount_usd: worth && usdText(worth.usd),
    verdict: decision.verdict,
    findings: decision.findings,
    content_sha256: decision.contentSha256,
    topic: decision.topic,
    partition: decision.partition,
    record_offset: decision.offset,
    record_time: instant(decision.timestampMs),
    event_lag_ms: now.getTime() - Date.parse(transaction.event_time),
  }))
  await database.query(
    `INSERT INTO fraud_decisions (
       transaction_id, version, account_id, user_id, merchant_id, amount, currency, amount_usd, country, city, channel, event_time,
       verdict, findings, content_sha256, topic, partition, record_offset, record_time, event_lag_ms, rules, reference_version, decided_at)
     SELECT new.*, $2::text, $3::bigint, $4::timestamptz
       FROM json_to_recordset($1) AS new (
              transaction_id uuid, version integer, account_id uuid, user_id uuid, merchant_id uuid, amount numeric, currency text,
              amount_usd numeric, country text, city text, channel text, event_time timestamptz, verdict text, findings jsonb,
              content_sha256 text, topic text, partition integer, record_offset bigint, record_time timestamptz, event_lag_ms bigint)
      ORDER BY transaction_id, version`,
    [JSON.stringify(rows), ruleSet, referenceVersion, now],
  )
  const frauds = decisions.filter(({ verdict }) => verdict === 'fraud')
  if (frauds.length === 0) return
  const names = await readMerchantNames(
    database,
    frauds.map(({ transaction }) => transaction.merchant_id),
  )
  const alerts = frauds.map((decision) => ({
    transaction_id: decision.transaction.transaction_id,
    version: decision.version,
    line: alertLine(decision, names.get(decision.transaction.merchant_id)),
  }))
  await database.query(
    `INSERT INTO alerts (transaction_id, version, line, created_at)
     SELECT transaction_id, version, line, $2::timestamptz
       FROM json_to_recordset($1) AS new (transaction_id uuid, version integer, line text)`,
    [JSON.stringify(alerts), now],
  )
}

/** The trading names that gold knows of merchants, by id. */
async function readMerchantNames(
  database: Database,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await database.query<{ merchant_id: string; name: string }>(
    'SELECT merchant_id, name FROM merchants WHERE merchant_id = ANY ($1::uuid[])',
    [ids],
  )
  return new Map(rows.map(({ merchant_id, name }) => [merchant_id, name]))
}

/** Kafka's timestamp, which senders choose: null when it lies outside of the years 1970 to 9999. */
const instant = (ms: number): string | null =>
  ms >= 0 && ms <= 253_402_300_799_999 ? new Date(ms).toISOString() : null

export async function writeHistories(
  database: Database,
  histories: ReadonlyMap<string, History>,
): Promise<void> {
  if (histories.size === 0) return
  const rows = [...histories].map(([user_id, history]) => ({
    user_id,
    payments: history.payments,
    sum_micro_usd: String(history.sum),
    sum_of_squares: String(history.sumOfSquares),
    recent: history.recent.map(({ eventMs, worth }) => [eventMs, String(worth)]),
  }))
  await database.query(
    `UPDATE fraud_history AS history
        SET payments = new.payments, sum_micro_usd = new.sum_micro_usd, sum_of_squares = new.sum_of_squares, recent = new.recent
       FROM json_to_recordset($1) AS new (
              user_id uuid, payments bigint, sum_micro_usd numeric, sum_of_squares numeric, recent jsonb)
      WHERE history.user_id = new.user_id`,
    [JSON.stringify(rows)],
  )
}

export type Step = {
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
  readonly lastRecord: string // fingerprint
  readonly counts: Readonly<Record<'decided' | 'duplicates' | 'invalid' | 'tombstones' | 'missing', number>>
  readonly gaps: readonly Gap[]
}

/** Move the progress of each partition, and note the offsets that never came. */
export async function writeProgress(database: Database, steps: readonly Step[], now: Date): Promise<void> {
  const moved = steps.map(({ topic, partition, nextOffset, lastRecord, counts }) => ({
    topic,
    partition,
    next_offset: nextOffset,
    last_record: lastRecord,
    ...counts,
  }))
  await database.query(
    `UPDATE fraud_progress AS progress
        SET next_offset = new.next_offset, last_record = new.last_record, decided = progress.decided + new.decided,
            duplicates = progress.duplicates + new.duplicates, invalid = progress.invalid + new.invalid,
            tombstones = progress.tombstones + new.tombstones, missing = progress.missing + new.missing, updated_at = $2::timestamptz
       FROM json_to_recordset($1) AS new (
              topic text, partition integer, next_offset bigint, last_record text,
              decided bigint, duplicates bigint, invalid bigint, tombstones bigint, missing bigint)
      WHERE progress.topic = new.topic AND progress.partition = new.partition`,
    [JSON.stringify(moved), now],
  )
  const gaps = steps.flatMap(({ topic, partition, gaps }) =>
    gaps.map(({ fromOffset, toOffset }) => ({
      topic,
      partition,
      from_offset: fromOffset,
      to_offset: toOffset,
    })),
  )
  if (gaps.length === 0) return
  await database.query(
    `INSERT INTO fraud_gaps (topic, partition, from_offset, to_offset, noticed_at)
     SELECT topic, partition, from_offset, to_offset, $2::timestamptz
       FROM json_to_recordset($1) AS new (topic text, partition integer, from_offset bigint, to_offset bigint)`,
    [JSON.stringify(gaps), now],
  )
}
