import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import type { ValueFormat } from '@cupel/core/bronze'
import { csvReader, firstRow } from '#functions/bronze/land-file/csv.ts'
import { decodeFile, headBytes } from '#functions/bronze/land-file/decode.ts'
import { lineReader } from '#functions/bronze/land-file/lines.ts'
import { byteString, type FileRecord, text } from '#functions/bronze/land-file/record.ts'
import { Failure } from '../failure.ts'

/** A row of a CSV file, or a line of JSON lines, as it is sent. */
export type Row = {
  readonly row: number // from 1, the header not counted
  readonly format: ValueFormat // `json`, or why it is kept as what it is
  readonly value: string // JSON: the cells as strings, or the members, as they are, and `row` and `file`
}

const delimiters = [',', ';', '\t', '|']

/**
 * The rows of a CSV file (RFC 4180), or the objects of JSON lines, unpacked where it is gzip, some at a time. A row that
 * cannot be read is kept as what it is: its cells in a list, its line or bytes, with the problem.
 *
 * @throws {Failure} that says what to do when it is no such file, or has no rows, and at the row where its header changes.
 */
export async function* readRows(file: string): AsyncGenerator<readonly Row[]> {
  const name = basename(file)
  let row = 0
  try {
    const { head, chunks } = await decodeFile(createReadStream(file))
    if (head.includes(0)) throw new Failure(`${file} is not text: a CSV file is needed`)
    const isLines = /^\s*\{/.test(head.toString('latin1'))
    const { delimiter, columns } = isLines ? { delimiter: '', columns: [] } : headerOf(file, head)
    const toRow = (record: FileRecord): Row => {
      if (!isLines && isHeader(record, columns))
        throw new Failure(
          `${file}:${record.at}: the header changes here: put what follows into a file of its own (the ${row} rows before are fine)`,
        )
      row += 1
      return { row, format: record.format, value: jsonOf(record, row, name) }
    }
    const reader = isLines ? lineReader() : csvReader({ delimiter, columns })
    for await (const chunk of chunks) yield reader.read(byteString(chunk)).map(toRow)
    yield reader.end().map(toRow)
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(`cannot read ${file}: ${(error as Error).message}`)
  }
  if (row === 0) throw new Failure(`${file} has a header and no rows`)
}

/** How many rows it has. @throws {Failure} as `readRows`. */
export async function countRows(file: string): Promise<number> {
  let count = 0
  for await (const rows of readRows(file)) count += rows.length
  return count
}

/** Of the usual delimiters the one that finds the most columns in the first row. */
function headerOf(file: string, head: Buffer) {
  const isAll = head.length < headBytes
  const [header] = delimiters
    .flatMap((delimiter) => {
      const columns = firstRow(byteString(head), delimiter, isAll)
      return columns ? [{ delimiter, columns: columns.map((cell) => text(cell).trim()) }] : []
    })
    .toSorted((a, b) => b.columns.length - a.columns.length)
  if (!header) throw new Failure(`${file} is empty: a CSV file with a header is needed`)
  const { columns } = header
  const twice = columns.find((column, index) => columns.indexOf(column) !== index)
  if (columns.includes('')) throw new Failure(`${file}: a column has no name in the header`)
  if (twice !== undefined) throw new Failure(`${file}: two columns are called ${twice}`)
  const taken = columns.find((column) => column === 'row' || column === 'file')
  if (taken) throw new Failure(`${file}: the column ${taken} is in the way of where a row stands: rename it`)
  return header
}

/** Whether at least half of its cells, and two, are names of columns. */
function isHeader({ format, value }: FileRecord, columns: readonly string[]): boolean {
  if (format === 'bytes') return false
  const known = columns.filter((column) => value.includes(`"${byteString(Buffer.from(column))}"`))
  if (known.length < columns.length / 2) return false
  const content = JSON.parse(text(value))
  const cells: readonly string[] = format === 'json' ? Object.values(content) : (content.cells ?? [])
  const names = new Set(cells.map((cell) => cell.trim()))
  return columns.filter((column) => names.has(column)).length >= Math.max(2, columns.length / 2)
}

function jsonOf({ format, value }: FileRecord, row: number, file: string): string {
  const isObject = format !== 'bytes' && value.startsWith('{')
  const content = isObject
    ? text(value).trimEnd()
    : `{"problem":"no object in UTF-8","content":${text(value)}}`
  const place = `"row":${row},"file":${JSON.stringify(file)}}`
  return `${content.slice(0, -1)}${/^\{\s*\}$/.test(content) ? '' : ','}${place}`
}
