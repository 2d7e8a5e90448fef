import type { KafkaRecord } from './kafka-event.ts'

/**
 * How the bytes of a record's value stand in a bronze line.
 *
 * - `json`: strict JSON on one line, standing verbatim.
 * - `text`: strict JSON that holds raw line breaks; base64, so that a line stays a line.
 * - `bytes`: anything else (not UTF-8, not JSON, a BOM, half of a surrogate pair); base64, never readable as a record.
 * - `tombstone`: no value.
 * - what a file has where a record belongs; the value says what is wrong, and refine takes the format for the reason.
 */
export type ValueFormat = 'json' | 'text' | 'bytes' | 'tombstone' | NoRecord
/** A row of another length than its header's, one with a broken quote, a record that is too large, a file from here on. */
export type NoRecord = (typeof noRecords)[number]
export const noRecords = ['ragged-row', 'broken-row', 'too-large', 'unreadable-file'] as const

export type ReadValue = {
  readonly format: ValueFormat
  readonly text?: string // of `json` and `text`
  readonly json?: unknown // what JSON.parse makes of the text, where it is known
}

export type RecordAddress = Pick<KafkaRecord, 'topic' | 'partition' | 'offset' | 'timestampMs'>

/** What is needed of a record to refine it. */
export type BronzeRecord = RecordAddress & {
  readonly key: Uint8Array | null // of a tombstone; nobody asks for any other
  readonly value: ReadValue
}

/** What stands before the value in a line, and nowhere before it: other quotes of a line are escaped or part of no such name. */
export const valueMark = '"value":'

/** How a line of a topic's partition begins, up to its offset. */
export const beforeOffset = (topic: string, partition: number): string =>
  `{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":`
// What stands in a line between the offset, the timestamp, the key, the headers, and a value of the format `json`.
export const beforeTimestamp = ',"timestamp":'
export const beforeKey = ',"key":'
export const beforeHeaders = ',"headers":['
export const beforeJson = `],"format":"json",${valueMark}`

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
// Escapes one by one: a whole surrogate pair, half of one (captured), or any other. DuckDB refuses half a pair, JSON.parse does not.
const escapes = /\\(?:u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|u[dD]([89a-fA-F]\w\w)|.)/g

/** What the bytes of a value are. `text` is there for `json` and `text`. Total: never throws. */
export function readValue(value: Uint8Array | null): ReadValue {
  if (value === null) return { format: 'tombstone' }
  let text: string
  let json: unknown
  try {
    text = utf8.decode(value)
    json = JSON.parse(text)
  } catch {
    return { format: 'bytes' } // not UTF-8, not JSON, or nested deeper than the parser's stack
  }
  if (text.includes('\\u') && [...text.matchAll(escapes)].some(([, half]) => half)) return { format: 'bytes' }
  return { format: /[\r\n]/.test(text) ? 'text' : 'json', text, json }
}

/**
 * The bronze line of a record, without its line break: fields in a fixed order, and the value's own bytes where they
 * can stand in a line. Deterministic, so that a redelivered record gives the same bytes.
 */
export function bronzeLine(record: KafkaRecord): string {
  const { format, text } = readValue(record.value)
  const value = format === 'json' ? text! : JSON.stringify(base64(record.value))
  return bronzeLines(record)(record.offset, format, value)
}

/** Makes the bronze lines of records of which all is alike but their offsets and values; a value is JSON on one line. */
export function bronzeLines({
  topic,
  partition,
  timestampMs,
  key,
  headers,
}: Omit<KafkaRecord, 'offset' | 'value' | 'timestampType'>) {
  const before = beforeOffset(topic, partition)
  const rest = JSON.stringify({
    timestamp: timestampMs,
    key: base64(key),
    headers: headers.map(([name, value]) => [name, base64(value)]),
  })
  const after = `,${rest.slice(1, -1)},"format":"`
  return (offset: number, format: ValueFormat, value: string): string =>
    `${before}${offset}${after}${format}",${valueMark}${value}}`
}

/** A bronze line, read again; undefined for what is none. Where an object holds a name twice, the raw text still says so. */
export function readBronzeLine(line: string): BronzeRecord | undefined {
  let record: Record<string, unknown>
  try {
    record = JSON.parse(line) ?? {}
  } catch {
    return undefined
  }
  const { topic, partition, offset, timestamp, key, format, value } = record
  if (typeof topic !== 'string' || typeof format !== 'string') return undefined
  if (!isPlace(partition) || !isPlace(offset) || typeof timestamp !== 'number') return undefined
  const timestampMs = Math.min(
    Math.max(Math.trunc(timestamp), Number.MIN_SAFE_INTEGER),
    Number.MAX_SAFE_INTEGER,
  )
  const isKeyed = format === 'tombstone' && typeof key === 'string'
  const keyBytes = isKeyed ? Buffer.from(key, 'base64') : null
  return { topic, partition, offset, timestampMs, key: keyBytes, value: readAgain() }

  function readAgain(): ReadValue {
    const bare = (['tombstone', ...noRecords] as const).find((each) => each === format)
    if (bare) return { format: bare }
    if (format === 'text') return { format, text: Buffer.from(String(value), 'base64').toString() }
    if (format !== 'json') return { format: 'bytes' }
    const isLast = Object.keys(record).at(-1) === 'value'
    const text = isLast ? line.slice(line.indexOf(valueMark) + valueMark.length, -1) : JSON.stringify(value)
    return { format, text, json: value }
  }
}

const isPlace = (some: unknown): some is number => Number.isSafeInteger(some) && Number(some) >= 0

const base64 = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
