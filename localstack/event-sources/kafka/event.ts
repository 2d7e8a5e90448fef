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

/** A record's place in an event: its partition, and its JSON as {@link recordJson} wrote it. */
export type EventEntry = { readonly partition: number; readonly json: string }

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
 * The whole event as text. Records stand under `<topic>-<partition>`, each partition's in the order given;
 * partitions stand in order of first appearance. Written as text, because building and stringifying objects
 * costs several times as much for a batch of 10,000.
 */
export function eventJson(head: string, topic: string, entries: readonly EventEntry[]): string {
  const byPartition = new Map<number, string[]>()
  for (const { partition, json } of entries) {
    const texts = byPartition.get(partition)
    if (texts) texts.push(json)
    else byPartition.set(partition, [json])
  }
  const groups = Array.from(
    byPartition,
    ([partition, texts]) => `${partitionKey(topic, partition)}:[${texts.join(',')}]`,
  )
  return `${head}${groups.join(',')}}}`
}

/** `"<topic>-<partition>"`, quoted. The topic may hold hyphens itself: the last one separates. */
export const partitionKey = (topic: string, partition: number): string =>
  JSON.stringify(`${topic}-${partition}`)

/**
 * One record as it stands in the event: numbers are numbers, key and value are base64, a header is an object of
 * its own (order and duplicates kept) whose value is an array of Java bytes, -128 to 127.
 */
export function recordJson(record: SourceRecord, nullsAs: NullsAs = 'absent'): string {
  const { topic, partition, offset, timestampMs, timestampType } = record
  return (
    `{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":${offset},"timestamp":${timestampMs},` +
    `"timestampType":"${timestampType}",${bytesProperty('key', record.key, nullsAs)}` +
    `${bytesProperty('value', record.value, nullsAs)}"headers":[${record.headers.map(headerJson).join(',')}]}`
  )
}

function bytesProperty(name: string, bytes: Uint8Array | null, nullsAs: NullsAs): string {
  if (bytes)
    return `"${name}":"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')}",`
  return nullsAs === 'null' ? `"${name}":null,` : ''
}

function headerJson([name, value]: readonly [string, Uint8Array | null]): string {
  const signed = value && new Int8Array(value.buffer, value.byteOffset, value.length)
  return `{${JSON.stringify(name)}:${signed ? `[${signed.join(',')}]` : 'null'}}`
}
