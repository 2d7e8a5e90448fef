import { type FileRecord, maxRecordBytes, type Reader, tooLarge, verbatim } from './record.ts'

/** JSON lines to records, each as it stands there. Blank lines are none; CRLF ends a line as LF does. */
export function lineReader(): Reader {
  let open = ''
  let line = 1
  let cut: string | undefined // the beginning of a line that is too long, until it ends

  function read(piece: string, isLast: boolean): FileRecord[] {
    const records: FileRecord[] = []
    const text = open + piece
    let from = 0
    const take = (end: number): void => {
      const bytes = text.slice(from, text[end - 1] === '\r' ? end - 1 : end)
      if (bytes.length > maxRecordBytes) cut = bytes
      if (cut !== undefined) records.push(tooLarge(line, cut))
      else if (/[^ \t]/.test(bytes)) records.push(verbatim(line, bytes))
      cut = undefined
      line += 1
      from = end + 1
    }
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) take(end)
    if (isLast && (from < text.length || cut !== undefined)) take(text.length)
    open = text.slice(from)
    if (open.length > maxRecordBytes) {
      cut ??= open.slice(0, 1000)
      open = ''
    }
    return records
  }
  return { read: (piece) => read(piece, false), end: () => read('', true), next: () => line }
}
