/** A bronze object, refined: from its bytes to the rows of silver and the lines of quarantine, without any effect. */
import { type RecordAddress, readBronzeLine } from './bronze.ts'
import type { Dataset } from './dataset.ts'
import { isSpace } from './flat-object.ts'
import { NewestRows } from './newest-rows.ts'
import { columnsOf, PlainLines } from './plain-lines.ts'
import { judgeRecord, judgeTombstone, type Reason, type Secrets } from './record.ts'
import type { RowPages } from './row-pages.ts'
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
 * whatever order the lines stand. The rows stand in `pages`, which are the caller's to clear.
 */
export function startRefining(dataset: Dataset, pages: RowPages, secrets: Secrets): Refining {
  const columns = columnsOf(dataset)
  const [warns, keepsDeleted] = [hasWarnings(dataset), keepsTombstones(dataset)]
  const placeOf = (name: string): number => columns.findIndex((column) => column.name === name)
  const orderAt = placeOf(dataset.orderBy)
  const rejection = `{"dataset":${JSON.stringify(dataset.name)},"version":${dataset.version},"reasons":`
  const plainLines = new PlainLines(dataset, pages, secrets)
  const newest = new NewestRows(pages, {
    keysAt: dataset.key.map(placeOf),
    orderAt,
    orderKind: columns[orderAt]!.field.kind,
  })
  const rejected: Rejected[] = []
  let [records, warned] = [0, 0]

  const lines = lineReader((bytes, start, end) => {
    records += 1
    const plain = plainLines.read(bytes, start, end)
    if (plain) return endRow(plain)
    pages.restart()
    const line = bytes.toString('utf8', start, end)
    const record = readBronzeLine(line)
    if (!record) throw new Error(`line ${records} is no bronze line: it is not JSON, or lacks its envelope`)
    const { topic, partition, offset, value } = record
    plainLines.expect(topic, partition)
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
    for (const [index, { field, isText }] of columns.entries()) {
      const value = values[index]
      pages.value(field.kind.parseNested && value !== null ? JSON.stringify(value) : value, isText)
      pages.byte(comma)
    }
    endRow(record, reasons, deletes)
  })

  function endRow(address: RecordAddress, reasons: readonly Reason[] = [], deletes = false): void {
    if (warns) {
      pages.value(reasons.length > 0 ? JSON.stringify(reasons) : null, true)
      pages.byte(comma)
    }
    pages.value(address.topic, true)
    pages.byte(comma)
    pages.integer(address.partition)
    pages.byte(comma)
    pages.integer(address.offset)
    pages.byte(comma)
    pages.integer(address.timestampMs)
    if (keepsDeleted) pages.text(`,${deletes}`)
    pages.byte(lineFeed)

    newest.end(address, deletes)
  }

  return {
    take: lines.take,
    end() {
      lines.end()
      const { pieces: csv, longestRow } = newest.csv()
      rejected.sort(byAddress)
      const problem = problemOf(dataset, records, rejected)
      const quarantined = rejected.length
      return {
        counts: {
          records,
          silver: newest.count,
          quarantined,
          duplicates: records - newest.count - quarantined,
          warned,
        },
        csv,
        longestRow,
        rejected: rejected.map(({ text }) => text),
        ...(problem !== undefined && { problem }),
      }
    },
  }
}

type Rejected = Omit<RecordAddress, 'timestampMs'> & {
  readonly reasons: readonly Reason[]
  readonly text: string
}

const byAddress = (a: Rejected, b: Rejected): number => a.partition - b.partition || a.offset - b.offset

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

/** Hands on each line of what comes in pieces, blank ones left out. */
function lineReader(onLine: (bytes: Buffer, start: number, end: number) => void) {
  let rest: Buffer = Buffer.alloc(0) // of a line that is not whole yet
  const hand = (bytes: Buffer, start: number, end: number): void => {
    let last = end
    while (last > start && isSpace(bytes[last - 1]!)) last -= 1
    if (last > start) onLine(bytes, start, last)
  }
  return {
    take(piece: Uint8Array): void {
      const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
      let start = 0
      for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, start)) {
        if (rest.length > 0) {
          rest = Buffer.concat([rest, bytes.subarray(0, end)])
          hand(rest, 0, rest.length)
          rest = rest.subarray(0, 0)
        } else hand(bytes, start, end)
        start = end + 1
      }
      if (start < bytes.length) rest = Buffer.concat([rest, bytes.subarray(start)])
    },
    end(): void {
      hand(rest, 0, rest.length)
    },
  }
}

const [lineFeed, comma] = [10, 44]
