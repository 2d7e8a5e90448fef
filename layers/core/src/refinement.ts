/** A bronze object, refined: from its bytes to the rows of silver and the lines of quarantine, without any effect. */
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
  /** The rows of silver, of each key the newest, in the order of their addresses: CSV in the columns of `silverTypes`. */
  readonly csv: readonly Uint8Array[] // one after the other
  readonly longestRow: number // bytes
  /** The rejected records in that order: bronze lines with dataset, version and reasons in front. */
  readonly rejected: readonly string[]
  /** Why the dataset refuses the object as a whole. */
  readonly problem?: string
}

/** What is in memory of a bronze object: its rows, and no more of it than a line. */
export type Refining = {
  /** The next bytes of it. Throws when a line is no bronze line, or a hashed field has no key: never because of what a record holds. */
  readonly take: (piece: Uint8Array) => void
  readonly end: () => Refinement
}

/**
 * Judge each record of a bronze object, which comes in pieces of any length. The same bytes give the same refinement, in
 * whatever order the lines stand.
 */
export function startRefining(dataset: Dataset, secrets: Secrets = {}): Refining {
  const columns = columnsOf(dataset)
  const [warns, keepsDeleted] = [hasWarnings(dataset), keepsTombstones(dataset)]
  const [keyAt, ...moreKeysAt] = dataset.key.map((name) =>
    columns.findIndex((column) => column.name === name),
  )
  const orderAt = columns.findIndex(({ name }) => name === dataset.orderBy)
  const rejection = `{"dataset":${JSON.stringify(dataset.name)},"version":${dataset.version},"reasons":`
  const pages = pageWriter()
  const newest = new Map<string, Row>()
  const rejected: Rejected[] = []
  let [records, warned] = [0, 0]
  const lines = lineReader((line) => {
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
      return
    }
    if (reasons.length > 0) warned += 1
    let key = String(values[keyAt!])
    for (const at of moreKeysAt) key += `\0${values[at]}` // no text holds U+0000
    if (deletes) key += '\0' // does not take the place of a row: one that is marked keeps what it last said
    const at = { order: values[orderAt] as Scalar, timestampMs, partition, offset }
    const older = newest.get(key)
    if (older && compareNewest(at, older.at) <= 0) return
    let text = ''
    for (let index = 0; index < columns.length; index += 1) text += csvOf(columns[index]!, values[index])
    if (warns) text += `${reasons.length > 0 ? quoted(JSON.stringify(reasons)) : ''},`
    text += `${quoted(topic)},${partition},${offset},${timestampMs}`
    if (keepsDeleted) text += `,${deletes}`
    newest.set(key, { at, place: pages.write(`${text}\n`) })
  })

  return {
    take: lines.take,
    end() {
      lines.end()
      const rows = [...newest.values()].sort((a, b) => byAddress(a.at, b.at))
      const places = rows.map(({ place }) => place)
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
        csv: joined(places),
        longestRow: places.reduce((longest, { start, end }) => Math.max(longest, end - start), 0),
        rejected: rejected.map(({ text }) => text),
        ...(problem !== undefined && { problem }),
      }
    },
  }
}

type Address = { readonly partition: number; readonly offset: number }
type Row = { readonly at: EventOrder; readonly place: Place }
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

type Place = { readonly page: Buffer; readonly start: number; readonly end: number }

/** Text as bytes in pages: strings that wait to be written are dear to collect, and a buffer that grows is copied. */
function pageWriter() {
  let page = Buffer.allocUnsafe(0)
  let size = 0
  return {
    write(text: string): Place {
      const most = text.length * mostBytesOfUnit
      if (size + most > page.length) {
        page = Buffer.allocUnsafe(Math.max(most, pageBytes))
        size = 0
      }
      const start = size
      size += page.write(text, start)
      return { page, start, end: size }
    },
  }
}

const pageBytes = 256 * 1024
const mostBytesOfUnit = 3 // of UTF-16 in UTF-8

/** What stands at these places, in that order; neighbours are one piece. */
function joined(places: readonly Place[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let first = 0, next = 1; first < places.length; first = next, next += 1) {
    const { page, start } = places[first]!
    while (places[next]?.page === page && places[next]!.start === places[next - 1]!.end) next += 1
    pieces.push(page.subarray(start, places[next - 1]!.end))
  }
  return pieces
}

/** Hands on each line of what comes in pieces, blank ones left out. */
function lineReader(onLine: (line: string) => void) {
  let rest: Buffer = Buffer.alloc(0) // of a line that is not whole yet
  const hand = (bytes: Buffer): void => {
    const line = bytes.toString().trimEnd()
    if (line !== '') onLine(line)
  }
  return {
    take(piece: Uint8Array): void {
      const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
      let start = 0
      for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, start)) {
        const line = bytes.subarray(start, end)
        hand(rest.length > 0 ? Buffer.concat([rest, line]) : line)
        rest = rest.subarray(0, 0)
        start = end + 1
      }
      if (start < bytes.length) rest = Buffer.concat([rest, bytes.subarray(start)])
    },
    end(): void {
      hand(rest)
    },
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
