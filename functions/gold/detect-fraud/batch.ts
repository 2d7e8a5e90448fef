import { createHash } from 'node:crypto'
import { readValue } from '@cupel/core/bronze'
import type { KafkaRecord } from '@cupel/core/kafka-event'
import { parseRecord } from '@cupel/core/record'
import { type Transaction, transactions } from '../../../datasets/finance/transactions.ts'

/** The records of one partition in a batch, by offset, each offset once. */
export type PartitionBatch = {
  readonly topic: string
  readonly partition: number
  readonly records: readonly ParsedRecord[] // at least one
}
export type ParsedRecord = {
  readonly record: KafkaRecord
  readonly content: Transaction | 'invalid' | 'tombstone'
}

/** How far a partition is decided. */
export type Progress = {
  readonly firstOffset: number
  readonly firstRecord: string // fingerprint
  readonly nextOffset: number
  readonly lastRecord: string // fingerprint of the record at nextOffset - 1
}
export type Gap = { readonly fromOffset: number; readonly toOffset: number } // both inclusive

/** Sorted by topic and partition, the order in which their progress is locked. */
export function splitByPartition(records: readonly KafkaRecord[]): readonly PartitionBatch[] {
  const partitions = new Map<string, Map<number, KafkaRecord>>()
  for (const record of records) {
    const name = `${record.topic} ${String(record.partition).padStart(10, '0')}`
    const byOffset = partitions.get(name) ?? new Map<number, KafkaRecord>()
    partitions.set(name, byOffset.set(record.offset, record))
  }
  return [...partitions.keys()].sort().map((name) => {
    const sorted = [...partitions.get(name)!.values()].sort((a, b) => a.offset - b.offset)
    const { topic, partition } = sorted[0]!
    return { topic, partition, records: sorted.map(parse) }
  })
}

function parse(record: KafkaRecord): ParsedRecord {
  const read = readValue(record.value)
  if (read.format === 'tombstone') return { record, content: 'tombstone' }
  const parsed = parseRecord(transactions, read)
  return { record, content: parsed.ok ? parsed.row : 'invalid' }
}

/** SHA-256 of what Kafka holds of a record, headers aside: tells whether it is the one that stood there before. */
export function fingerprintOf({ key, value, timestampMs }: KafkaRecord): string {
  const lengths = JSON.stringify([timestampMs, key?.length ?? null, value?.length ?? null])
  return createHash('sha256')
    .update(lengths)
    .update(key ?? '')
    .update(value ?? '')
    .digest('hex')
}

/** The records that `progress` does not cover yet, and the offsets between them that never came. */
export function takeNew(
  { records }: PartitionBatch,
  { nextOffset }: Progress,
): { readonly fresh: readonly ParsedRecord[]; readonly gaps: readonly Gap[] } {
  const fresh = records.filter(({ record }) => record.offset >= nextOffset)
  const gaps = fresh.flatMap(({ record: { offset } }, index) => {
    const expected = index === 0 ? nextOffset : fresh[index - 1]!.record.offset + 1
    return offset > expected ? [{ fromOffset: expected, toOffset: offset - 1 }] : []
  })
  return { fresh, gaps }
}

/** A record that stands where `progress` saw another one. */
export const findReplaced = ({ records }: PartitionBatch, progress: Progress): KafkaRecord | undefined =>
  records.find(
    ({ record }) =>
      (record.offset === progress.firstOffset && fingerprintOf(record) !== progress.firstRecord) ||
      (record.offset === progress.nextOffset - 1 && fingerprintOf(record) !== progress.lastRecord),
  )?.record
