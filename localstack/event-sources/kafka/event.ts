/** One Kafka record as a consumer reads it. */
export type SourceRecord = {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly timestampType: 'CREATE_TIME' | 'LOG_APPEND_TIME'
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null // null: tombstone
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[]
}

/** How a missing key and a tombstone look in the event. AWS leaves the property out, as far as anyone has shown. */
export type NullsAs = 'absent' | 'null'

/** https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html, …/with-kafka.html */
export type EventOrigin =
  | { readonly kind: 'msk'; readonly eventSourceArn: string; readonly bootstrapServers: string }
  | { readonly kind: 'self-managed'; readonly bootstrapServers: string }

/** The event up to and including the opening brace of `records`. */
export function eventHead(origin: EventOrigin): string {
  const source =
    origin.kind === 'msk'
      ? `"eventSource":"aws:kafka","eventSourceArn":${JSON.stringify(origin.eventSourceArn)}`
      : '"eventSource":"SelfManagedKafka"'
  return `{${source},"bootstrapServers":${JSON.stringify(origin.bootstrapServers)},"records":{`
}

/**
 * The whole event as JSON in UTF-8. Records stand under `<topic>-<partition>`, each partition's in the order given;
 * partitions stand in order of first appearance. Written as text, because building and stringifying objects
 * costs several times as much for a batch of 10,000; and in pieces, because the parts of one long text are all kept,
 * and moved by the garbage collector, until it is whole: that doubled the cost again.
 */
export function eventUtf8(
  head: string,
  topic: string,
  records: readonly SourceRecord[],
  nullsAs: NullsAs = 'absent',
): Buffer {
  const byPartition = new Map<number, SourceRecord[]>()
  for (const record of records) {
    const list = byPartition.get(record.partition)
    if (list) list.push(record)
    else byPartition.set(record.partition, [record])
  }
  const pieces: Buffer[] = []
  let text = head
  let separator = ''
  for (const [partition, list] of byPartition) {
    text += `${separator}${partitionKey(topic, partition)}:[`
    const start = recordStart(topic, partition)
    separator = ''
    for (const record of list) {
      text += separator + start + recordEnd(record, nullsAs)
      separator = ','
      if (text.length < pieceLength) continue
      pieces.push(Buffer.from(text))
      text = ''
    }
    text += ']'
  }
  return Buffer.concat([...pieces, Buffer.from(`${text}}}`)])
}

const pieceLength = 64 * 1024 // characters

/** {@link eventUtf8} as a string. */
export const eventJson = (...event: Parameters<typeof eventUtf8>): string => eventUtf8(...event).toString()

/** `"<topic>-<partition>"`, quoted. The topic may hold hyphens itself: the last one separates. */
export const partitionKey = (topic: string, partition: number): string =>
  JSON.stringify(`${topic}-${partition}`)

/**
 * One record as it stands in the event: numbers are numbers, key and value are base64, a header is an object of
 * its own (order and duplicates kept) whose value is an array of Java bytes, -128 to 127.
 */
export const recordJson = (record: SourceRecord, nullsAs: NullsAs = 'absent'): string =>
  recordStart(record.topic, record.partition) + recordEnd(record, nullsAs)

/** Bytes of {@link recordJson}, without writing it. */
export function recordBytes(record: SourceRecord, nullsAs: NullsAs = 'absent'): number {
  const { topic, partition, offset, timestampMs, timestampType, key, value, headers } = record
  return (
    topicBytes(topic) +
    `{"topic":,"partition":${partition},"offset":${offset},"timestamp":${timestampMs},"timestampType":"",`
      .length +
    timestampType.length +
    propertyBytes(key, nullsAs, '"key":"",'.length) +
    propertyBytes(value, nullsAs, '"value":"",'.length) +
    (headers.length === 0 ? '"headers":[]}'.length : Buffer.byteLength(headersJson(headers)))
  )
}

const recordStart = (topic: string, partition: number): string =>
  `{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":`

const recordEnd = (
  { offset, timestampMs, timestampType, key, value, headers }: SourceRecord,
  nullsAs: NullsAs,
): string =>
  `${offset},"timestamp":${timestampMs},"timestampType":"${timestampType}",${bytesProperty('key', key, nullsAs)}` +
  bytesProperty('value', value, nullsAs) +
  headersJson(headers)

function bytesProperty(name: string, bytes: Uint8Array | null, nullsAs: NullsAs): string {
  if (bytes) return `"${name}":"${bufferOf(bytes).toString('base64')}",`
  return nullsAs === 'null' ? `"${name}":null,` : ''
}

const propertyBytes = (bytes: Uint8Array | null, nullsAs: NullsAs, empty: number): number =>
  bytes ? empty + 4 * Math.ceil(bytes.length / 3) : nullsAs === 'null' ? empty + 2 : 0

const headersJson = (headers: SourceRecord['headers']): string =>
  headers.length === 0 ? '"headers":[]}' : `"headers":[${headers.map(headerJson).join(',')}]}`

function headerJson([name, value]: readonly [string, Uint8Array | null]): string {
  const signed = value && new Int8Array(value.buffer, value.byteOffset, value.length)
  return `{${JSON.stringify(name)}:${signed ? `[${signed.join(',')}]` : 'null'}}`
}

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

/** Kafka allows letters, digits, dot, underscore and hyphen: each is a byte, and none is escaped. */
const topicBytes = (topic: string): number =>
  /^[\w.-]*$/.test(topic) ? topic.length + 2 : Buffer.byteLength(JSON.stringify(topic))
