import { createHash } from 'node:crypto'
import { bronzeLine } from '@cupel/core/bronze'
import type { KafkaRecord } from '@cupel/core/kafka-event'
import { bronzeKey } from '@cupel/core/keys'

/** The records of one topic-partition, in offset order, none twice, never empty. */
export type PartitionBatch = {
  readonly folder: string // bronze folder, see bronzeKey
  readonly topic: string
  readonly partition: number
  readonly records: readonly KafkaRecord[]
}

export type BronzeObject = {
  readonly key: string
  readonly body: Uint8Array // NDJSON
  readonly metadata: {
    readonly 'first-offset': string
    readonly 'last-offset': string
    readonly records: string
    readonly sha256: string // of the body, hex
  }
}

/** Where records of topics that no dataset claims are kept: received is received. */
const unclaimedFolder = (topic: string): string => `unclaimed-${topic}`

/**
 * Sort a batch by topic-partition. Bad or good, every record is in exactly one of the batches; a record that an event
 * holds twice counts once.
 */
export function splitByPartition(
  records: readonly KafkaRecord[],
  folderOf: (topic: string) => string | undefined,
): readonly PartitionBatch[] {
  const byPartition = new Map<string, Map<number, KafkaRecord>>()
  for (const record of records) {
    const topicPartition = `${record.topic}-${record.partition}`
    const byOffset = byPartition.get(topicPartition) ?? new Map<number, KafkaRecord>()
    byPartition.set(topicPartition, byOffset.set(record.offset, record))
  }
  return [...byPartition.values()].map((byOffset) => {
    const sorted = [...byOffset.values()].sort((a, b) => a.offset - b.offset)
    const { topic, partition } = sorted[0]!
    return { folder: folderOf(topic) ?? unclaimedFolder(topic), topic, partition, records: sorted }
  })
}

/** The bronze object of a batch. Same records, same key and bytes. */
export function bronzeObject({ folder, topic, partition, records }: PartitionBatch): BronzeObject {
  const body = Buffer.from(records.map((record) => `${bronzeLine(record)}\n`).join(''))
  const first = records[0]!.offset
  return {
    key: bronzeKey(folder, { topic, partition }, first),
    body,
    metadata: {
      'first-offset': String(first),
      'last-offset': String(records.at(-1)!.offset),
      records: String(records.length),
      sha256: createHash('sha256').update(body).digest('hex'),
    },
  }
}

/** The first record that also stands in `stored` (the body of a bronze object) with other bytes, or is not there. */
export function firstDifference(
  records: readonly KafkaRecord[],
  stored: Uint8Array,
): KafkaRecord | undefined {
  const lines = new Set(Buffer.from(stored).toString('utf8').split('\n'))
  return records.find((record) => !lines.has(bronzeLine(record)))
}
