import { styleText } from 'node:util'
import sliceAnsi from 'slice-ansi'
import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'

/** What a colour or weight means here; `Paint` makes it visible, or not. */
export type Tone = 'plain' | 'label' | 'strong' | 'good' | 'warning' | 'alarm'
export type Span = { readonly text: string; readonly tone: Tone }
export type Line = readonly Span[]
export type Paint = (line: Line) => string

export const span = (text: string, tone: Tone = 'plain'): Span => ({ text, tone })

const formats: Readonly<Record<Exclude<Tone, 'plain'>, Parameters<typeof styleText>[0]>> = {
  label: 'dim',
  strong: 'bold',
  good: 'green',
  warning: 'yellow',
  alarm: ['bold', 'red'],
}

export const paintColours: Paint = (line) =>
  line.map(({ text, tone }) => (tone === 'plain' ? text : styleText(formats[tone], text))).join('')
export const paintNothing: Paint = (line) => line.map(({ text }) => text).join('')

export const widthOf = (line: Line): number => stringWidth(paintNothing(line))

export const padEnd = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - stringWidth(text)))
export const padStart = (text: string, width: number): string =>
  ' '.repeat(Math.max(0, width - stringWidth(text))) + text

/** Not wider than `columns`: what is cut off leaves an ellipsis. */
export function cutText(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text
  if (columns < 1) return ''
  const cut = sliceAnsi(text, 0, columns - 1)
  const fits = stringWidth(cut) < columns // a wide character at the end may stand half outside
  return `${(fits ? cut : sliceAnsi(text, 0, columns - 2)).trimEnd()}…`
}

export function cutLine(line: Line, columns: number): Line {
  if (widthOf(line) <= columns) return line
  let left = columns
  return line.flatMap(({ text, tone }) => {
    if (left < 1) return []
    const cut = cutText(text, left)
    left = cut === text ? left - stringWidth(text) : 0
    return [{ text: cut, tone }]
  })
}

/** Broken between words, and inside a word only where it is wider than `columns`. */
export const wrapText = (text: string, columns: number): readonly string[] =>
  wrapAnsi(text, Math.max(1, columns), { hard: true }).split('\n')

/** Items side by side in as many lines as they take, none of them broken: what is too wide by itself is cut. */
export function flow(items: readonly Line[], columns: number, between = ' · '): readonly Line[] {
  const lines: Line[] = []
  for (const item of items) {
    const last = lines.at(-1)
    const joined = last && [...last, span(between, 'label'), ...item]
    if (joined && widthOf(joined) <= columns) lines[lines.length - 1] = joined
    else lines.push(cutLine(item, columns))
  }
  return lines
}
