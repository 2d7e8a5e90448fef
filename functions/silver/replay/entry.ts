import type { ValueFormat } from '@cupel/core/bronze'
import type { KafkaRecord } from '@cupel/core/kafka-event'
import type { Reason } from '@cupel/core/record'

/** A rejected record, as its line in quarantine says. */
export type Entry = {
  readonly object: string // the name of the bronze object that holds the record
  readonly topic: string
  readonly partition: number
  readonly offset: number // once in an object
  readonly timestampMs: number
  readonly version: number // of the dataset that rejected it
  readonly reasons: readonly Reason[]
  readonly line: string // its line in bronze
}

/** The name of an entry in its dataset. */
export const idOf = ({ object, offset }: Pick<Entry, 'object' | 'offset'>): string => `${object}@${offset}`

export const parseId = (id: string): { object: string; offset: number } | undefined => {
  const [, object, offset] = /^(.+)@(\d{1,16})$/s.exec(id) ?? []
  return object === undefined ? undefined : { object, offset: Number(offset) }
}

/** The entries of a quarantine object, in the order of their offsets. */
export const parseEntries = (object: string, body: Uint8Array): readonly Entry[] =>
  Buffer.from(body)
    .toString()
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => parseEntry(object, text))

function parseEntry(object: string, text: string): Entry {
  const { topic, partition, offset, timestamp, version, reasons } = JSON.parse(text)
  // Reasons stand in front, and within their texts quotes are escaped: what follows them is the bronze line.
  const line = `{${text.slice(text.indexOf('],"topic":') + 2)}`
  return { object, topic, partition, offset, timestampMs: Number(timestamp), version, reasons, line }
}

export type BronzeRecord = Omit<KafkaRecord, 'timestampType'> & {
  readonly format: ValueFormat
  readonly text?: string // of `json` and `text`: the value as it was sent
}

/** What a bronze line says. */
export function parseBronzeLine(line: string): BronzeRecord {
  const { topic, partition, offset, timestamp, key, headers, format, value } = JSON.parse(line)
  const text =
    format === 'json'
      ? line.slice(line.indexOf(',"value":') + ',"value":'.length, -1) // verbatim
      : format === 'text'
        ? bytesOf(value)!.toString()
        : undefined
  return {
    topic,
    partition,
    offset,
    timestampMs: Number(timestamp),
    key: bytesOf(key),
    headers: headers.map(([name, bytes]: [string, string | null]) => [name, bytesOf(bytes)]),
    value: text === undefined ? bytesOf(value) : Buffer.from(text),
    format,
    ...(text !== undefined && { text }),
  }
}

const bytesOf = (base64: string | null): Buffer | null =>
  base64 === null ? null : Buffer.from(base64, 'base64')

/** Entries that were rejected for the same reason in the same field, by the same version of their dataset. */
export type Group = {
  readonly field: string | null
  readonly reason: string
  readonly version: number
  readonly entries: number
  readonly edited: number // of these
  readonly firstMs: number // when the earliest was sent
  readonly lastMs: number
  readonly example: { readonly id: string; readonly value: string | null }
}

/** Count entries by reason. An entry with several reasons counts in each of their groups. */
export const groupEntries = (entries: readonly Entry[], isEdited: (entry: Entry) => boolean): Group[] =>
  mergeGroups(
    entries.flatMap((entry) =>
      entry.reasons.map(({ field, reason, value }) => ({
        field,
        reason,
        version: entry.version,
        entries: 1,
        edited: isEdited(entry) ? 1 : 0,
        firstMs: entry.timestampMs,
        lastMs: entry.timestampMs,
        example: { id: idOf(entry), value },
      })),
    ),
  )

/** Add up the groups of several pages; the largest first. What pages were cut does not matter. */
export function mergeGroups(groups: readonly Group[]): Group[] {
  const merged = new Map<string, Group>()
  for (const group of groups) {
    const name = JSON.stringify([group.field, group.reason, group.version])
    const other = merged.get(name)
    merged.set(name, other ? add(other, group) : group)
  }
  const nameOf = ({ field, reason, version }: Group) => `${field ?? ''} ${reason} ${version}`
  return [...merged.values()].sort((a, b) => b.entries - a.entries || (nameOf(a) < nameOf(b) ? -1 : 1))
}

const add = (a: Group, b: Group): Group => ({
  ...a,
  entries: a.entries + b.entries,
  edited: a.edited + b.edited,
  firstMs: Math.min(a.firstMs, b.firstMs),
  lastMs: Math.max(a.lastMs, b.lastMs),
  example: a.example.id <= b.example.id ? a.example : b.example,
})
