import { valueMark } from '@cupel/core/bronze'

/** The lines of a bronze object in memory, blank ones left out, each by its number from 0. */
export type BronzeBody = {
  readonly count: number
  readonly text: (line: number) => string
  /**
   * Is this a record that the first pass could not but see right? True where its value has no more than `bytes`, or where
   * each of its fields is seen to stand in it once, and those that must be strings as strings.
   */
  readonly isClear: (line: number, bytes: number) => boolean
}

const lineFeed = 10

export function bronzeBody(
  body: Buffer,
  { fields, strings }: { readonly fields: readonly string[]; readonly strings: readonly string[] },
): BronzeBody {
  const starts: number[] = []
  const ends: number[] = [] // after the last character that is no white space
  for (let start = 0; start < body.length; ) {
    const next = body.indexOf(lineFeed, start)
    const stop = next < 0 ? body.length : next
    let end = stop
    while (end > start && body[end - 1]! <= 32) end -= 1
    if (end > start) starts.push(start) && ends.push(end)
    start = stop + 1
  }
  const marks = fields.map((name) => ({ mark: `"${name}"`, isString: strings.includes(name) }))
  const startOfValue = (line: number): number => body.indexOf(valueMark, starts[line]) + valueMark.length

  return {
    count: starts.length,
    text: (line) => body.toString('utf8', starts[line], ends[line]),
    isClear: (line, bytes) => {
      const start = startOfValue(line)
      const end = ends[line]! - 1
      if (end - start <= bytes) return start > starts[line]!
      const value = body.toString('latin1', start, end)
      return !value.includes('\\') && marks.every(({ mark, isString }) => standsOnce(value, mark, isString))
    },
  }
}

/** Does a name stand at most once in an object without escapes, with a string behind it where one must be there? */
function standsOnce(value: string, mark: string, isString: boolean): boolean {
  const at = value.indexOf(mark)
  if (at < 0) return true
  if (value.includes(mark, at + 1)) return false
  return !isString || /^[ \t]*:[ \t]*"/.test(value.slice(at + mark.length, at + mark.length + 10))
}
