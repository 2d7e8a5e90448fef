import { type Day, dateSql, dayStartMs, dayText } from './calendar.ts'
import { accept, type FieldOptions, field, type Kind, reject } from './kind.ts'
import { literal, lowerAscii, wholePattern } from './strings.ts'

export type DateOptions = FieldOptions & {
  /** How `03/04/2024` is read. Without it such a date is refused, unless only one reading exists (`25/04/2024`). */
  readonly order?: 'day-first' | 'month-first'
}

/** A calendar day, as `2026-01-02`, years 1 to 9999. docs/kinds.md lists the spellings. */
export const date = <const Options extends DateOptions>(description: string, options?: Options) =>
  field(dateKind(options?.order), description, options)

type Part = 'year' | 'month' | 'day' | 'word' | 'first' | 'second'

const forms: readonly { readonly pattern: string; readonly parts: readonly Part[] }[] = [
  { pattern: String.raw`(\d{4})-(\d{1,2})-(\d{1,2})`, parts: ['year', 'month', 'day'] },
  { pattern: String.raw`(\d{4})/(\d{1,2})/(\d{1,2})`, parts: ['year', 'month', 'day'] },
  { pattern: String.raw`(\d{1,2})[.](\d{1,2})[.](\d{4})`, parts: ['day', 'month', 'year'] },
  { pattern: String.raw`(\d{1,2})/(\d{1,2})/(\d{4})`, parts: ['first', 'second', 'year'] },
  { pattern: String.raw`(\d{1,2})-(\d{1,2})-(\d{4})`, parts: ['first', 'second', 'year'] },
  { pattern: String.raw`(\d{1,2})[ -]([A-Za-z]{3,9})[.]?[ -](\d{4})`, parts: ['day', 'word', 'year'] },
  { pattern: String.raw`([A-Za-z]{3,9})[.]? (\d{1,2}),? (\d{4})`, parts: ['word', 'day', 'year'] },
]
const patterns = forms.map(({ pattern }) => wholePattern(pattern))

const months = 'january february march april may june july august september october november december'.split(
  ' ',
)
const monthByWord = new Map(
  months.flatMap((name, index): [string, number][] => [
    [name, index + 1],
    [name.slice(0, 3), index + 1],
  ]),
).set('sept', 9)

type Read = Day | 'not-a-date' | 'ambiguous-date'

function readDay(text: string, order: DateOptions['order']): Read {
  for (const [index, { parts }] of forms.entries()) {
    const match = patterns[index]!.exec(text)
    if (!match) continue
    const part = (name: Part): string => match[parts.indexOf(name) + 1] ?? ''
    const year = Number(part('year'))
    if (parts.includes('first')) return orderDay(year, Number(part('first')), Number(part('second')), order)
    const month = parts.includes('word') ? monthByWord.get(lowerAscii(part('word'))) : Number(part('month'))
    return month === undefined ? 'not-a-date' : { year, month, day: Number(part('day')) }
  }
  return 'not-a-date'
}

function orderDay(year: number, first: number, second: number, order: DateOptions['order']): Read {
  const dayFirst = { year, month: second, day: first }
  const monthFirst = { year, month: first, day: second }
  if (order) return order === 'day-first' ? dayFirst : monthFirst
  if (first === second || second > 12) return monthFirst
  return first > 12 ? dayFirst : 'ambiguous-date'
}

function dateKind(order: DateOptions['order']): Kind<string> {
  return {
    name: 'date',
    wrongType: 'not-a-date',
    duckdbType: 'DATE',
    postgresType: 'date',
    parse: (value) => {
      if (typeof value !== 'string') return reject('not-a-date')
      const day = readDay(value, order)
      if (typeof day === 'string') return reject(day)
      return dayStartMs(day) === undefined ? reject('no-such-date') : accept(dayText(day))
    },
    sql: ({ isString, text, step }) => {
      const iso = String.raw`\d{4}-\d{2}-\d{2}`
      return {
        steps: [
          [
            'day',
            `CASE WHEN NOT ${isString} THEN NULL WHEN regexp_full_match(${text}, '${iso}') THEN ${text} ELSE ${readDaySql(text, order)} END`,
          ],
          ['date', dateSql(step('day'))],
        ],
        reason: `CASE WHEN ${step('day')} IS NULL THEN 'not-a-date' WHEN ${step('day')} = '?' THEN 'ambiguous-date' WHEN ${step('date')} IS NULL THEN 'no-such-date' END`,
        value: step('date'),
      }
    },
  }
}

/** `readDay` in SQL: the canonical text of a day that may not exist, `?` for an ambiguous one, NULL for no date. */
function readDaySql(text: string, order: DateOptions['order']): string {
  const cases = forms.map(({ pattern, parts }) => {
    const group = (name: Part): string =>
      `regexp_extract(${text}, ${literal(`^(?:${pattern})$`)}, ${parts.indexOf(name) + 1})`
    const padded = (name: Part): string => `lpad(${group(name)}, 2, '0')`
    const joined = (month: string, day: string): string =>
      `${group('year')} || '-' || ${month} || '-' || ${day}`
    const word = `CASE ${`lower(${group('word')})`} ${[...monthByWord].map(([name, number]) => `WHEN '${name}' THEN '${String(number).padStart(2, '0')}'`).join(' ')} END`
    const dayFirst = joined(padded('second'), padded('first'))
    const monthFirst = joined(padded('first'), padded('second'))
    const free = `CASE WHEN ${padded('first')} = ${padded('second')} OR ${padded('second')} > '12' THEN ${monthFirst} WHEN ${padded('first')} > '12' THEN ${dayFirst} ELSE '?' END`
    const read = parts.includes('first')
      ? { 'day-first': dayFirst, 'month-first': monthFirst, free }[order ?? 'free']
      : joined(parts.includes('word') ? word : padded('month'), padded('day'))
    return `WHEN regexp_full_match(${text}, ${literal(pattern)}) THEN ${read}`
  })
  return `CASE ${cases.join(' ')} END`
}
