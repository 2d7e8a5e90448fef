import { type FileRecord, maxRecordBytes, type Reader, tooLarge, verbatim } from './record.ts'

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const opens = new Set(Buffer.from('[{'))
const closes = new Set(Buffer.from(']}'))

/**
 * The elements of a JSON array to records, each as it stands there: all that is between two commas of the array, good
 * JSON or not. They are counted, because several may stand in one line. What follows the array is a record that cannot
 * be read, and so is an element that the end of the file cuts off.
 */
export const jsonArrayReader = (): Reader => jsonReader({ isArray: true })

/** Likewise JSON objects that stand one behind the other, each on as many lines as it likes. */
export const jsonObjectsReader = (): Reader => jsonReader({ isArray: false })

function jsonReader({ isArray }: { readonly isArray: boolean }): Reader {
  let open = '' // the element that has begun
  let count = 1
  const outside = isArray ? 0 : 1 // the depth before and behind the array, or between objects
  let depth = outside
  let isBehind = false
  let isString = false
  let isEscaped = false
  let cut: string | undefined // the beginning of an element that is too large

  function take(bytes: string): FileRecord[] {
    const element = bytes.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '') // String.trim takes bytes of UTF-8 for white space
    if (bytes.length > maxRecordBytes) cut = bytes
    const record = cut === undefined ? verbatim(count, element) : tooLarge(count, cut)
    const isNothing = cut === undefined && element === ''
    cut = undefined
    if (isNothing) return []
    count += 1
    return [record]
  }

  function read(piece: string): FileRecord[] {
    const records: FileRecord[] = []
    const text = open + piece
    let from = 0
    for (let at = open.length; at < text.length && !isBehind; at += 1) {
      const character = text.charCodeAt(at)
      if (isString) {
        if (isEscaped) isEscaped = false
        else if (character === backslash) isEscaped = true
        else if (character === quote) isString = false
      } else if (character === quote) isString = true
      else if (opens.has(character)) {
        depth += 1
        if (depth === 1) from = at + 1
      } else if (closes.has(character) || (character === comma && depth === 1)) {
        if (character !== comma) depth = Math.max(depth - 1, outside)
        isBehind = depth === 0
        const isWhole = !isArray && depth === 1 && character !== comma
        if (!isBehind && !isWhole && character !== comma) continue
        records.push(...take(text.slice(from, isWhole ? at + 1 : at)))
        from = at + 1
      }
    }
    open = text.slice(from)
    if (open.length > maxRecordBytes) {
      cut ??= open.slice(0, 1000)
      open = ''
    }
    return records
  }
  return {
    read,
    end() {
      const rest = open
      open = ''
      return take(rest)
    },
    next: () => count,
  }
}
