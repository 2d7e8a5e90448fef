import type { KafkaRecord } from '@cupel/core/kafka-event'

/** A valid record; a test says what it is about. */
export const kafkaRecord = (changes: Partial<KafkaRecord> = {}): KafkaRecord => ({
  topic: 'transactions',
  partition: 0,
  offset: 0,
  timestampMs: 1_767_225_600_000,
  timestampType: 'CREATE_TIME',
  key: Buffer.from('user-1'),
  value: Buffer.from('{"amount":1}'),
  headers: [],
  ...changes,
})

/** The records of one topic-partition with offsets `from` ≤ o < `to`; the value names the offset. */
export const kafkaRecords = (from: number, to: number, changes: Partial<KafkaRecord> = {}): KafkaRecord[] =>
  Array.from({ length: to - from }, (_, i) =>
    kafkaRecord({ offset: from + i, value: Buffer.from(`{"n":${from + i}}`), ...changes }),
  )

/** The event in which Lambda hands these records over. */
export function mskEvent(records: readonly KafkaRecord[]) {
  const byPartition: Record<string, object[]> = {}
  for (const { topic, partition, offset, timestampMs, timestampType, key, value, headers } of records) {
    const topicPartition = `${topic}-${partition}`
    byPartition[topicPartition] ??= []
    byPartition[topicPartition].push({
      topic,
      partition,
      offset,
      timestamp: timestampMs,
      timestampType,
      ...(key && { key: Buffer.from(key).toString('base64') }),
      ...(value && { value: Buffer.from(value).toString('base64') }),
      headers: headers.map(([name, bytes]) => ({ [name]: bytes && [...Int8Array.from(bytes)] })),
    })
  }
  return {
    eventSource: 'aws:kafka',
    eventSourceArn: 'arn:aws:kafka:us-east-1:123456789012:cluster/cupel/0-1',
    bootstrapServers: '127.0.0.1:9092',
    records: byPartition,
  }
}
