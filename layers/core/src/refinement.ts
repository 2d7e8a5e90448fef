/** A bronze object, refined: pure, from its bytes to the rows of silver and the lines of quarantine. */
import { readBronzeLine } from './bronze.ts'
import { type Dataset, storedFields } from './dataset.ts'
import type { Scalar } from './kinds/kind.ts'
import { compareNewest, type EventOrder } from './newest.ts'
import { judgeRecord, judgeTombstone, type Reason, type Secrets } from './record.ts'
import { hasWarnings, keepsTombstones } from './silver-sql.ts'

/** `records` = `silver` + `quarantined` + `duplicates`. */
export type RefineCounts = {
  readonly records: number
  readonly silver: number
  readonly quarantined: number
  readonly duplicates: number // older records of a key that the same object holds again
  readonly warned: number // good records without a value that a field with the policy `warn` did not take
}

export type Refinement = {
  readonly counts: RefineCounts
  /** The rows of silver, of each key the newest, in the order of their addresses: CSV in the columns of `silverColumns`. */
  readonly csv: Uint8Array
  readonly longestRow: number // bytes
  /** The rejected records in that order: bronze lines with dataset, version and reasons in front. */
  readonly rejected: readonly string[]
  /** Why the dataset refuses the object as a whole. */
  readonly problem?: string
}

/**
 * Judge each record of a bronze object. The same bytes give the same refinement, in whatever order the lines stand.
 *
 * Throws when a line is no bronze line, or a hashed field has no key: never because of what a record holds.
 */
export function refineBronze(dataset: Dataset, bronze: Uint8Array, secrets: Secrets = {}): Refinement {
  const columns = columnsOf(dataset)
  const [warns, keepsDeleted] = [hasWarnings(dataset), keepsTombstones(dataset)]
  const [keyAt, ...moreKeysAt] = dataset.key.map((name) =>
    columns.findIndex((column) => column.name === name),
  )
  const orderAt = columns.findIndex(({ name }) => name === dataset.orderBy)
  const written = byteWriter(bronze.length)
  const rejection = `{"dataset":${JSON.stringify(dataset.name)},"version":${dataset.version},"reasons":`
  const newest = new Map<string, Row>()
  const rejected: Rejected[] = []
  let [records, warned] = [0, 0]
  for (const line of linesOf(bronze)) {
    records += 1
    const record = readBronzeLine(line)
    if (!record) throw new Error(`line ${records} is no bronze line: it is not JSON, or lacks its envelope`)
    const { topic, partition, offset, timestampMs, value } = record
    const deletes = keepsDeleted && value.format === 'tombstone'
    const { values, reasons, isGood } = deletes
      ? judgeTombstone(dataset, record, secrets)
      : judgeRecord(dataset, value, secrets)
    if (!isGood) {
      const text = `${rejection}${JSON.stringify(reasons)},${line.slice(1)}\n`
      rejected.push({ topic, partition, offset, reasons, text })
      continue
    }
    if (reasons.length > 0) warned += 1
    let key = String(values[keyAt!])
    for (const at of moreKeysAt) key += `\0${values[at]}` // no text holds U+0000
    if (deletes) key += '\0' // does not take the place of a row: one that is marked keeps what it last said
    const at = { order: values[orderAt] as Scalar, timestampMs, partition, offset }
    const older = newest.get(key)
    if (older && compareNewest(at, older.at) <= 0) continue
    let text = ''
    for (let index = 0; index < columns.length; index += 1) text += csvOf(columns[index]!, values[index])
    if (warns) text += `${reasons.length > 0 ? quoted(JSON.stringify(reasons)) : ''},`
    text += `${quoted(topic)},${partition},${offset},${timestampMs}`
    if (keepsDeleted) text += `,${deletes}`
    newest.set(key, { at, ...written.write(`${text}\n`) })
  }
  const rows = [...newest.values()].sort((a, b) => byAddress(a.at, b.at))
  rejected.sort(byAddress)
  const problem = problemOf(dataset, records, rejected)
  const quarantined = rejected.length
  return {
    counts: {
      records,
      silver: rows.length,
      quarantined,
      duplicates: records - rows.length - quarantined,
      warned,
    },
    csv: written.take(rows),
    longestRow: rows.reduce((longest, { start, end }) => Math.max(longest, end - start), 0),
    rejected: rejected.map(({ text }) => text),
    ...(problem !== undefined && { problem }),
  }
}

type Address = { readonly partition: number; readonly offset: number }
type Row = Range & { readonly at: EventOrder }
type Rejected = Address & {
  readonly topic: string
  readonly reasons: readonly Reason[]
  readonly text: string
}

const byAddress = (a: Address, b: Address): number => a.partition - b.partition || a.offset - b.offset

/** Why the dataset refuses the object as a whole, or undefined. */
function problemOf(
  { fields, maxQuarantined }: Dataset,
  records: number,
  rejected: readonly Rejected[],
): string | undefined {
  const fails = ({ field }: Reason): boolean => fields[/^\w*/.exec(field ?? '')![0]]?.policy === 'fail'
  for (const { topic, partition, offset, reasons } of rejected) {
    const broken = reasons.find(fails)
    if (broken) return `${topic}-${partition} offset ${offset}: ${broken.field} is ${broken.reason}`
  }
  if (rejected.length <= records * maxQuarantined) return undefined
  return `${rejected.length} of ${records} records would be quarantined, maxQuarantined is ${maxQuarantined}`
}

type Range = { readonly start: number; readonly end: number } // bytes

/** Text as bytes, one after the other: strings that wait to be written are dear to collect. */
function byteWriter(expected: number) {
  let bytes = Buffer.allocUnsafe(expected)
  let size = 0
  return {
    write(text: string): Range {
      const most = size + text.length * mostBytesOfUnit
      if (most > bytes.length) {
        const larger = Buffer.allocUnsafe(2 * most)
        bytes.copy(larger, 0, 0, size)
        bytes = larger
      }
      const start = size
      size += bytes.write(text, start)
      return { start, end: size }
    },
    /** These of them, in that order. */
    take(ranges: readonly Range[]): Uint8Array {
      const isAll = ranges.every(({ start }, at) => start === (ranges[at - 1]?.end ?? 0))
      if (isAll && (ranges.at(-1)?.end ?? 0) === size) return bytes.subarray(0, size)
      return Buffer.concat(ranges.map(({ start, end }) => bytes.subarray(start, end)))
    },
  }
}

const mostBytesOfUnit = 3 // of UTF-16 in UTF-8

/** Its lines, blank ones left out. */
function* linesOf(bronze: Uint8Array): Generator<string> {
  const bytes = Buffer.from(bronze.buffer, bronze.byteOffset, bronze.byteLength)
  for (let start = 0; start < bytes.length; ) {
    const next = bytes.indexOf(lineFeed, start)
    const end = next < 0 ? bytes.length : next
    const line = bytes.toString('utf8', start, end).trimEnd()
    if (line !== '') yield line
    start = end + 1
  }
}

const lineFeed = 10

type Column = { readonly name: string; readonly isText: boolean; readonly isNested: boolean }

const columnsOf = (dataset: Dataset): readonly Column[] =>
  Object.entries(storedFields(dataset)).map(([name, { kind }]) => ({
    name,
    isText: kind.duckdbType === 'VARCHAR',
    isNested: kind.parseNested !== undefined, // stored as JSON
  }))

/** A value of CSV and the comma behind it: null is nothing, text stands in quotes. */
function csvOf({ isText, isNested }: Column, value: unknown): string {
  if (value === null) return ','
  if (isNested) return `${quoted(JSON.stringify(value))},`
  return isText ? `${quoted(value as string)},` : `${value},`
}

const quoted = (text: string): string =>
  text.includes('"') ? `"${text.replaceAll('"', '""')}"` : `"${text}"`
