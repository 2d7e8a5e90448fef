import { CupelError, messageWithoutValues, UnknownDatasetError } from '@cupel/core/errors'
import { addressOf, decodeMskEvent, type KafkaRecord } from '@cupel/core/kafka-event'
import type { Transaction as Database, Postgres } from '@cupel/io/postgres'
import { transactions } from '../../../datasets/finance/transactions.ts'
import { type Arrival, assess } from './assess.ts'
import { findReplaced, fingerprintOf, type PartitionBatch, splitByPartition, takeNew } from './batch.ts'
import { type AlertPort, sendAlerts } from './outbox.ts'
import {
  lockProgress,
  readKnowledge,
  readUndecided,
  type Step,
  writeDecisions,
  writeHistories,
  writeProgress,
} from './store.ts'

export type DetectPorts = {
  readonly warehouse: Pick<Postgres, 'transaction'>
  readonly alerts: AlertPort
  readonly now: () => number // milliseconds
}
export type DetectResult = {
  readonly records: number // = redelivered + duplicates + invalid + tombstones + fraud + genuine
  readonly redelivered: number // decided by an earlier batch, or twice in this event
  readonly duplicates: number // a transaction that came before, with the same content
  readonly invalid: number // refine quarantines them
  readonly tombstones: number
  readonly fraud: number
  readonly genuine: number
  readonly missing: number // offsets that never came
  readonly late: number // decisions on what gold holds and no batch decided
  readonly alerts: number // sent now
}

/**
 * Decide every valid transaction of a Kafka event, once: fraud or genuine, with the numbers behind it.
 *
 * Delivery: decisions, users' histories, alerts to send and the progress of each partition are one transaction. The row of a
 * partition's progress is locked first and says where the partition stands; records below are skipped. So a second
 * delivery, other batch boundaries, or a batch that wakes after its successor, change nothing. Then the alerts are sent, at least once.
 *
 * An empty batch decides what gold holds undecided, though its partition is past it: rejected when it came, and accepted when
 * it was replayed from quarantine.
 *
 * Throws when PostgreSQL does, when an alert cannot be sent, when the event is of another topic, or when its offsets belong to
 * another life of the topic; the event source delivers again.
 */
export const makeDetect =
  ({ warehouse, alerts, now }: DetectPorts) =>
  async (event: unknown): Promise<DetectResult> => {
    const records = decodeMskEvent(event)
    for (const { topic } of records)
      if (topic !== transactions.topic)
        throw new UnknownDatasetError(`topic ${topic} in detect-fraud`, [transactions.topic])
    const batches = splitByPartition(records)
    const counts =
      batches.length > 0
        ? await warehouse
            .transaction((database) => decide(database, batches, new Date(now())))
            .catch(throwWithoutValues)
        : nothing
    const late =
      batches.length === 0
        ? await warehouse
            .transaction((database) => decideLate(database, new Date(now())))
            .catch(throwWithoutValues)
        : 0
    const handled = counts.duplicates + counts.invalid + counts.tombstones + counts.fraud + counts.genuine
    return {
      records: records.length,
      redelivered: records.length - handled,
      ...counts,
      late,
      alerts: await sendAlerts(warehouse, alerts),
    }
  }

type Counts = Omit<DetectResult, 'records' | 'redelivered' | 'late' | 'alerts'>
const nothing: Counts = { duplicates: 0, invalid: 0, tombstones: 0, fraud: 0, genuine: 0, missing: 0 }

async function decide(database: Database, batches: readonly PartitionBatch[], now: Date): Promise<Counts> {
  const progress = await lockProgress(database, batches, now)
  const steps = batches.map((batch, index) => {
    const seen = progress[index]!
    const replaced = findReplaced(batch, seen)
    if (replaced) throw topicReplaced(replaced)
    return { ...batch, ...takeNew(batch, seen) }
  })
  const moving = steps.filter(({ fresh }) => fresh.length > 0)
  if (moving.length === 0) return nothing

  const arrivals = moving.flatMap(({ fresh }) => fresh.flatMap(arrivalOf))
  const knowledge = await readKnowledge(database, arrivals)
  const { decisions, duplicates, histories } = assess(arrivals, knowledge)
  const written = moving.map(({ topic, partition, fresh, gaps }): Step => {
    const isHere = (arrival: Arrival) => arrival.partition === partition
    const last = fresh.at(-1)!.record
    return {
      topic,
      partition,
      nextOffset: last.offset + 1,
      lastRecord: fingerprintOf(last),
      gaps,
      counts: {
        decided: count(decisions, isHere),
        duplicates: count(duplicates, isHere),
        invalid: count(fresh, ({ content }) => content === 'invalid'),
        tombstones: count(fresh, ({ content }) => content === 'tombstone'),
        missing: gaps.reduce((sum, { fromOffset, toOffset }) => sum + toOffset - fromOffset + 1, 0),
      },
    }
  })
  await writeDecisions(database, decisions, { referenceVersion: knowledge.reference.version, now })
  await writeHistories(database, histories)
  await writeProgress(database, written, now)

  const total = (name: keyof Step['counts']) => written.reduce((sum, { counts }) => sum + counts[name], 0)
  const fraud = count(decisions, ({ verdict }) => verdict === 'fraud')
  return {
    duplicates: duplicates.length,
    invalid: total('invalid'),
    tombstones: total('tombstones'),
    fraud,
    genuine: decisions.length - fraud,
    missing: total('missing'),
  }
}

/** The oldest that wait; the rest at the next time. Progress stays: their offsets were counted as invalid, and were. */
async function decideLate(database: Database, now: Date): Promise<number> {
  const waiting = await readUndecided(database)
  if (waiting.length === 0) return 0
  const knowledge = await readKnowledge(database, waiting)
  // A batch may have decided a correction just before their users were locked.
  const late = waiting.filter(({ transaction }) => !knowledge.decided.has(transaction.transaction_id))
  const { decisions, histories } = assess(late, knowledge)
  await writeDecisions(database, decisions, { referenceVersion: knowledge.reference.version, now })
  await writeHistories(database, histories)
  return decisions.length
}

const arrivalOf = ({ record, content }: PartitionBatch['records'][number]): Arrival[] =>
  typeof content === 'string'
    ? []
    : [
        {
          transaction: content,
          topic: record.topic,
          partition: record.partition,
          offset: record.offset,
          timestampMs: record.timestampMs,
        },
      ]

/** PostgreSQL's `detail` may quote a row, and Lambda logs whatever an error holds. */
function throwWithoutValues(error: unknown): never {
  if (error instanceof CupelError) throw error
  throw new CupelError(
    'UNDECIDED',
    `nothing of the batch is decided (${(error as { code?: string }).code ?? 'no code'}): ${messageWithoutValues(error)}`,
    { retryable: true },
  )
}

const count = <T>(items: readonly T[], is: (item: T) => boolean): number => items.filter(is).length

const topicReplaced = (record: KafkaRecord): CupelError =>
  new CupelError(
    'TOPIC_REPLACED',
    `${addressOf(record)} is not the record that fraud_progress knows there: the topic was made anew. ` +
      `To start this partition again from the records at hand, delete topic '${record.topic}', partition ${record.partition} from ` +
      'fraud_progress and fraud_gaps; decisions stay, and transactions that have one count as duplicates',
    { retryable: true },
  )
