import { type Day, dayStartMs, dayText } from './calendar.ts'
import { accept, between, type FieldOptions, field, type Kind, type Personal, reject } from './kind.ts'
import { type Range, ranged } from './ranged.ts'
import { lowerAscii, wholeMatchSql, wholePattern } from './strings.ts'

type DateRule = Range & {
  /** How `03/04/2024` is read. Without it such a date is refused, unless only one reading exists (`25/04/2024`). */
  readonly order?: 'day-first' | 'month-first'
}

/** A calendar day, as `2026-01-02`, years 1 to 9999. docs/kinds.md lists the spellings. */
export const date = <Optional extends boolean = false, Shown extends Personal = false>(
  description: string,
  options?: DateRule & FieldOptions<string, Optional, Shown>,
) => field(ranged(dateKind(options?.order), options ?? {}), description, options)

type Part = 'year' | 'month' | 'day' | 'word' | 'first' | 'second'

/** Each spelling, and what its groups are. Of the groups of a part at most one takes part in a match. */
const spellings: readonly (readonly [pattern: string, parts: readonly Part[]])[] = [
  [String.raw`(\d{4})(?:-(\d{1,2})-|/(\d{1,2})/)(\d{1,2})`, ['year', 'month', 'month', 'day']],
  [String.raw`(\d{1,2})[.](\d{1,2})[.](\d{4})`, ['day', 'month', 'year']],
  [String.raw`(\d{1,2})(?:/(\d{1,2})/|-(\d{1,2})-)(\d{4})`, ['first', 'second', 'second', 'year']],
  [String.raw`(\d{1,2})[ -]([A-Za-z]{3,9})[.]?[ -](\d{4})`, ['day', 'word', 'year']],
  [String.raw`([A-Za-z]{3,9})[.]? (\d{1,2}),? (\d{4})`, ['word', 'day', 'year']],
]
const anySpelling = spellings.map(([pattern]) => pattern).join('|')
const groups = spellings.flatMap(([, parts]) => parts)
const pattern = wholePattern(anySpelling)

const months = 'january february march april may june july august september october november december'.split(
  ' ',
)
const monthWords = months.flatMap((month) => [month, month.slice(0, 3), month.slice(0, 4)])

function dateKind(order: DateRule['order']): Kind<string> {
  return {
    name: 'date',
    schema: { type: 'string', format: 'date' },
    example: (random) => new Date(between(random, 0, 20_000) * 86_400_000).toISOString().slice(0, 10),
    wrongType: 'not-a-date',
    ordered: true,
    duckdbType: 'DATE',
    postgresType: 'date',
    parse: (value) => {
      const day = typeof value === 'string' ? readDay(value, order) : 'not-a-date'
      if (typeof day === 'string') return reject(day)
      return dayStartMs(day) === undefined ? reject('no-such-date') : accept(dayText(day))
    },
    quick: (text) => ({ value: quickDateSql(text, order) }),
  }
}

function readDay(text: string, order: DateRule['order']): Day | 'not-a-date' | 'ambiguous-date' {
  const match = pattern.exec(text)
  if (!match) return 'not-a-date'
  const part = (name: Part): string =>
    groups.map((group, at) => (group === name && match[at + 1]) || '').join('')
  const year = Number(part('year'))
  if (part('first') !== '') {
    const [first, second] = [Number(part('first')), Number(part('second'))]
    if (order ? order === 'month-first' : first === second || second > 12)
      return { year, month: first, day: second }
    return order || first > 12 ? { year, month: second, day: first } : 'ambiguous-date'
  }
  const word = lowerAscii(part('word'))
  if (word !== '' && !monthWords.includes(word)) return 'not-a-date'
  const month = word === '' ? Number(part('month')) : Math.floor(monthWords.indexOf(word) / 3) + 1
  return { year, month, day: Number(part('day')) }
}

/** Year first, day first with dots, and slashes where the dataset says what they mean. */
function quickDateSql(text: string, order: DateRule['order']): string {
  const day = (year: string, month: string, day: string): string =>
    `TRY_CAST(concat(${[year, month, day].map((part) => `${text}[${part}]`).join(", '-', ")}) AS DATE)`
  const slashes = order === 'day-first' ? day('7:10', '4:5', '1:2') : day('7:10', '1:2', '4:5')
  const forms = [
    [String.raw`[1-9]\d{3}(?:-\d\d?-|/\d\d?/)\d\d?`, `TRY_CAST(${text} AS DATE)`],
    [String.raw`\d\d[.]\d\d[.][1-9]\d{3}`, day('7:10', '4:5', '1:2')],
    ...(order ? [[String.raw`\d\d/\d\d/[1-9]\d{3}`, slashes] as const] : []),
  ] as const
  return `CASE ${forms.map(([form, value]) => `WHEN ${wholeMatchSql(text, form)} THEN ${value}`).join(' ')} END`
}
