import { isUtf8 } from 'node:buffer'
import { broken, byteString, type FileRecord, maxRecordBytes, type Reader, text, tooLarge } from './record.ts'

/** How the rows of a file are read. */
export type Header = {
  readonly delimiter: string // one character
  readonly columns: readonly string[] // what the cells are called, in their order
}

/**
 * Delimited text (RFC 4180) to records: an object a row, its values the cells as strings, exactly as they stand there.
 *
 * The first row is the header and no record; blank lines are none. Rows end with LF, CRLF or CR, in any mixture. A quote
 * counts at the beginning of a cell only. A row of another length than the header's is kept as `ragged-row`; a line with
 * a quote that is not closed, or closed before the cell ends, as `broken-row`, and the next line begins a new row: a
 * missing quote costs its line, not the file.
 */
export function csvReader({ delimiter, columns }: Header): Reader {
  const names = columns.map((name) => `${byteString(Buffer.from(JSON.stringify(name)))}:`)
  let open = ''
  let line = 1
  let isHeader = true
  let cut: string | undefined // the beginning of a line that is too long, until it ends

  function read(piece: string, isLast: boolean): FileRecord[] {
    const records: FileRecord[] = []
    let text = open + piece
    if (cut !== undefined) {
      const end = /\r\n|\n|\r(?=.)/s.exec(text)
      open = text.endsWith('\r') ? '\r' : ''
      if (!end && !isLast) return records
      records.push(tooLarge(line, cut))
      cut = undefined
      line += 1
      text = end ? text.slice(end.index + end[0].length) : ''
    }
    const rows = rowScanner(text, delimiter, isLast)
    const isGood = isUtf8(Buffer.from(text, 'latin1')) // else it is asked of each row
    for (let row = rows.next(); row; row = rows.next()) {
      if (!isBlank(row) && !isHeader) records.push(toRecord(row, isGood))
      isHeader &&= isBlank(row)
      line += row.lines
    }
    open = rows.rest()
    if (open.length > maxRecordBytes) {
      cut = open.slice(0, 1000)
      open = open.endsWith('\r') ? '\r' : ''
    }
    return records
  }

  function toRecord({ raw, cells }: Row, isGood: boolean): FileRecord {
    if (raw.length > maxRecordBytes) return tooLarge(line, raw)
    const bytes = isGood ? undefined : Buffer.from(raw, 'latin1')
    if (bytes && !isUtf8(bytes))
      return { at: line, format: 'bytes', value: JSON.stringify(bytes.toString('base64')) }
    if (cells === undefined) return broken(line, 'broken-row', { problem: brokenQuote, line: text(raw) })
    if (cells.length !== names.length)
      return broken(line, 'ragged-row', {
        problem: `${cells.length} cells, and the header has ${names.length}`,
        cells: cells.map(text),
      })
    const isPlain = !needsEscape.test(raw)
    const members = cells.map((cell, i) => names[i] + (isPlain ? `"${cell}"` : JSON.stringify(cell)))
    return { at: line, format: 'json', value: `{${members.join(',')}}` }
  }

  return {
    read: (piece) => read(piece, false),
    end: () => read('', true),
    next: () => line,
  }
}

/** The cells of the first row that is not blank, or undefined where none ends in the text. */
export function firstRow(head: string, delimiter: string, isLast: boolean): readonly string[] | undefined {
  const rows = rowScanner(head, delimiter, isLast)
  for (let row = rows.next(); row; row = rows.next()) if (!isBlank(row)) return row.cells
  return undefined
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes them
const needsEscape = /["\\\x00-\x1f]/
const brokenQuote = 'a quote is not closed, or closed before the end of its cell'
const lineBreaks = /\r\n|\r|\n/g

type Row = {
  readonly raw: string // without its line break
  readonly cells: readonly string[] | undefined // undefined: a quote is broken, and the row is its first line only
  readonly lines: number // that it takes
}

const isBlank = ({ raw }: Row): boolean => raw === ''

/** Row by row, for as long as a row ends in the text. */
function rowScanner(text: string, delimiter: string, isLast: boolean) {
  const quoteAt = finder(text, '"')
  const lineFeedAt = finder(text, '\n')
  const carriageReturnAt = finder(text, '\r')
  const quotedRow = quotedRows(text, delimiter, isLast)
  let at = 0

  function next(): Row | undefined {
    if (at >= text.length) return undefined
    const lineEnd = Math.min(lineFeedAt(at), carriageReturnAt(at), text.length)
    const endsHere = isLast || isLineEnd(text, lineEnd)
    if (quoteAt(at) >= lineEnd)
      return endsHere ? take(lineEnd, text.slice(at, lineEnd).split(delimiter)) : undefined
    const row = quotedRow(at)
    if (row === 'open' && (!endsHere || text.length - at <= maxRecordBytes) && !isLast) return undefined
    if (typeof row === 'object') return take(row.end, row.cells)
    return endsHere ? take(lineEnd, undefined) : undefined
  }

  function take(end: number, cells: Row['cells']): Row {
    const raw = text.slice(at, end)
    at = end + (text.startsWith('\r\n', end) ? 2 : 1)
    return { raw, cells, lines: 1 + (cells && raw.includes('"') ? (raw.match(lineBreaks)?.length ?? 0) : 0) }
  }
  return { next, rest: () => text.slice(at) }
}

/** Whether a line ends here for certain: an LF may follow a CR at the end of a piece. */
const isLineEnd = (text: string, at: number): boolean =>
  at < text.length && (text[at] === '\n' || at < text.length - 1)

/** Reads rows some of whose cells are quoted: where one ends, or that it is open still. */
function quotedRows(text: string, delimiter: string, isLast: boolean) {
  const cellEnd = new RegExp(`[${delimiter.replace(/[\\\]^-]/, '\\$&')}\r\n]`, 'g')
  return (at: number): { end: number; cells: string[] } | 'open' | 'broken' => {
    const cells: string[] = []
    for (let from = at; ; from += 1) {
      let end: number
      if (text[from] === '"') {
        const closing = closingQuote(text, from + 1)
        if (closing === -1 || (closing === text.length - 1 && !isLast)) return 'open'
        cells.push(text.slice(from + 1, closing).replaceAll('""', '"'))
        end = closing + 1
      } else {
        cellEnd.lastIndex = from
        end = cellEnd.exec(text)?.index ?? text.length
        cells.push(text.slice(from, end))
      }
      from = end
      if (text[end] === delimiter) continue
      if (end < text.length && text[end] !== '\n' && text[end] !== '\r') return 'broken'
      if (end - at > maxRecordBytes) return 'broken'
      return isLast || isLineEnd(text, end) ? { end, cells } : 'open'
    }
  }
}

function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from)
  while (at !== -1 && text[at + 1] === '"') at = text.indexOf('"', at + 2)
  return at
}

/** The next place of a character at or behind one that never decreases; the text is looked through once. */
function finder(text: string, character: string): (from: number) => number {
  let found = -1
  return (from) => {
    if (found < from) {
      const at = text.indexOf(character, from)
      found = at === -1 ? Number.POSITIVE_INFINITY : at
    }
    return found
  }
}
