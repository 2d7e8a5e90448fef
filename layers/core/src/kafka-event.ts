import { EventShapeError } from './errors.ts'

/** One Kafka record as Lambda hands it over. `null` value: a tombstone. */
export type KafkaRecord = {
  readonly topic: string
  readonly partition: number // 0-based
  readonly offset: number // 0-based; gaps are normal (compaction, transactions)
  readonly timestampMs: number
  readonly timestampType: string // CREATE_TIME or LOG_APPEND_TIME
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly KafkaHeader[] // in the order sent; names may repeat
}
export type KafkaHeader = readonly [name: string, value: Uint8Array | null]

/** `topic-partition@offset`: unique in a cluster, fit for log lines. */
export const addressOf = ({
  topic,
  partition,
  offset,
}: Pick<KafkaRecord, 'topic' | 'partition' | 'offset'>): string => `${topic}-${partition}@${offset}`

/**
 * Decode the event of a Kafka event source mapping (MSK or self-managed), partition by partition, in offset order.
 *
 * Keys and values are base64; an absent or null one is null, an empty string is zero bytes. Header values are
 * lists of *signed* bytes (https://github.com/aws/aws-lambda-go/issues/422). An event without records is an empty batch.
 *
 * @throws {EventShapeError} when the event is of another shape: no record of it can be trusted.
 */
export function decodeMskEvent(event: unknown): readonly KafkaRecord[] {
  const batches = isObject(event) ? (event.records ?? {}) : undefined
  if (!isObject(batches))
    throw new EventShapeError('Kafka', 'an object `records` of topic-partition lists', event)
  return Object.values(batches).flatMap((batch) => {
    if (!Array.isArray(batch))
      throw new EventShapeError('Kafka', 'a list of records for each topic-partition', batch)
    return batch.map(decodeRecord)
  })
}

function decodeRecord(record: unknown): KafkaRecord {
  if (!isObject(record)) throw new EventShapeError('Kafka', 'a record', record)
  const { topic, partition, offset, timestamp, timestampType } = record
  if (typeof topic !== 'string') throw new EventShapeError('Kafka', 'a record with a topic', record)
  if (!isOffset(partition) || !isOffset(offset))
    throw new EventShapeError('Kafka', 'a record with a partition and an offset', record)
  return {
    topic,
    partition,
    offset,
    timestampMs: typeof timestamp === 'number' ? timestamp : 0,
    timestampType: typeof timestampType === 'string' ? timestampType : 'CREATE_TIME',
    key: decodeBase64(record.key),
    value: decodeBase64(record.value),
    headers: decodeHeaders(record.headers),
  }
}

function decodeHeaders(headers: unknown): readonly KafkaHeader[] {
  if (headers === undefined || headers === null) return []
  if (!Array.isArray(headers)) throw new EventShapeError('Kafka', 'a list of headers', headers)
  return headers.flatMap((header: unknown) => {
    if (!isObject(header)) throw new EventShapeError('Kafka', 'a header', header)
    return Object.entries(header).map(([name, bytes]): KafkaHeader => {
      if (bytes === null) return [name, null]
      if (!Array.isArray(bytes)) throw new EventShapeError('Kafka', 'a header value of signed bytes', bytes)
      return [name, Uint8Array.from(bytes, (byte) => Number(byte) & 0xff)]
    })
  })
}

function decodeBase64(text: unknown): Uint8Array | null {
  if (text === undefined || text === null) return null
  if (typeof text !== 'string') throw new EventShapeError('Kafka', 'a base64 key or value', text)
  return Buffer.from(text, 'base64')
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
