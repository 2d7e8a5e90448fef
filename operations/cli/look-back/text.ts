/** A value of a result as JSON says it: exact numbers as text, times in ISO 8601 and UTC. */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly unknown[]
  | { readonly [name: string]: unknown }

export const number = (value: number): string => value.toLocaleString('en-US')

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`

/** On one line of a terminal: what senders wrote may hold line breaks and escape sequences. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\n' ? '\\n' : `\\u{${character.codePointAt(0)!.toString(16)}}`,
  )

export const showValue = (value: Value | undefined): string =>
  value === null || value === undefined
    ? 'NULL'
    : printable(typeof value === 'object' ? JSON.stringify(value) : String(value))

export const cut = (text: string, width: number): string => {
  const characters = [...text]
  return characters.length > width ? `${characters.slice(0, Math.max(0, width - 1)).join('')}…` : text
}

const widestCell = 200

/**
 * Rows under their column names, numbers to the right, cut to `width` characters a line. A line that is too long is cut
 * at its end, after the widest columns have given what they can spare.
 */
export function formatTable(
  columns: readonly string[],
  rows: readonly (readonly Value[])[],
  width = Number.POSITIVE_INFINITY,
): string {
  const cells = rows.map((row) => row.map(showValue))
  const isNumeric = columns.map((_, i) =>
    rows.every((row) => row[i] === null || /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(String(row[i]))),
  )
  const heads = columns.map(printable)
  const needed = heads.map((head, i) =>
    Math.min(widestCell, Math.max(length(head), ...cells.map((row) => length(row[i]!)))),
  )
  const widths = shrink(needed, width - 2 * (columns.length - 1))
  const line = (row: readonly string[], pad = ' '): string =>
    cut(
      row
        .map((cell, i) => {
          const shown = cut(cell, widths[i]!)
          const space = pad.repeat(widths[i]! - length(shown))
          return isNumeric[i] && pad === ' ' ? space + shown : shown + space
        })
        .join('  ')
        .trimEnd(),
      width,
    )
  return [
    line(heads),
    line(
      heads.map(() => ''),
      '─',
    ),
    ...cells.map((row) => line(row)),
  ].join('\n')
}

const length = (text: string): number => [...text].length
const narrowest = 8

/** The widest columns give, equally, until the sum fits or all are narrow. */
function shrink(widths: readonly number[], room: number): readonly number[] {
  let cap = Math.max(0, ...widths)
  const sum = () => widths.reduce((total, width) => total + Math.min(width, cap), 0)
  while (sum() > room && cap > narrowest) cap--
  return widths.map((width) => Math.min(width, cap))
}

/** `2026-11-21 13:20:01.123`, in UTC. */
export const showTime = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').replace('Z', '')

/** `+13 ms`, `+1.24 s`, `+3 min 5 s`, `+2 h 0 min`. */
export function showDifference(ms: number): string {
  const sign = ms < 0 ? '−' : '+'
  const size = Math.abs(ms)
  if (size < 1_000) return `${sign}${Math.round(size)} ms`
  if (size < 60_000) return `${sign}${(size / 1_000).toFixed(2)} s`
  const [unit, parts, small] = size < 3_600_000 ? [60_000, 1_000, 's'] : [3_600_000, 60_000, 'min']
  const large = small === 's' ? 'min' : 'h'
  return `${sign}${Math.floor(size / unit)} ${large} ${Math.floor((size % unit) / parts)} ${small}`
}

/** `1.2 MB`, in powers of 1,000. */
export function showBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = bytes < 1_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1_000 ** power
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power]}`
}
