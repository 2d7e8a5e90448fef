import stringWidth from 'string-width'
import { showCount } from '../numbers.ts'
import { cutText } from '../view/text.ts'

/** A value of a result as JSON says it: exact numbers as text, times in ISO 8601 and UTC. */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly unknown[]
  | { readonly [name: string]: unknown }

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${showCount(count)} ${count === 1 ? one : many}`

/** On one line of a terminal: what senders wrote may hold line breaks and escape sequences. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\n' ? '\\n' : `\\u{${character.codePointAt(0)!.toString(16)}}`,
  )

export const showValue = (value: Value | undefined): string =>
  value === null || value === undefined
    ? 'NULL'
    : printable(typeof value === 'object' ? JSON.stringify(value) : String(value))

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
    Math.min(widestCell, Math.max(stringWidth(head), ...cells.map((row) => stringWidth(row[i]!)))),
  )
  const widths = shrink(needed, width - 2 * (columns.length - 1))
  const line = (row: readonly string[], pad = ' '): string =>
    cutText(
      row
        .map((cell, i) => {
          const shown = cutText(cell, widths[i]!)
          const space = pad.repeat(widths[i]! - stringWidth(shown))
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

const narrowest = 8

/** The widest columns give, equally, until the sum fits or all are narrow. */
function shrink(widths: readonly number[], room: number): readonly number[] {
  let cap = Math.max(0, ...widths)
  const sum = () => widths.reduce((total, width) => total + Math.min(width, cap), 0)
  while (sum() > room && cap > narrowest) cap--
  return widths.map((width) => Math.min(width, cap))
}
