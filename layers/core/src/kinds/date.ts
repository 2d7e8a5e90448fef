import { type Day, dayStartMs, dayText, everyMonthsDay, isEveryMonthsDay } from './calendar.ts'
import { accept, between, type FieldOptions, field, type Kind, type Personal, reject } from './kind.ts'
import { type Range, ranged } from './ranged.ts'
import { lowerAscii, wholePattern } from './strings.ts'

type DateRule = Range & {
  /** How `03/04/2024` is read. Without it such a date is refused, unless only one reading exists (`25/04/2024`). */
  readonly order?: 'day-first' | 'month-first'
}

/** A calendar day, as `2026-01-02`, years 1 to 9999. docs/kinds.md lists the spellings. */
export const date = <Optional extends boolean = false, Shown extends Personal = false>(
  description: string,
  options?: DateRule & FieldOptions<string, Optional, Shown>,
) => field(ranged(dateKind(options?.order), options ?? {}), description, options)

const spellings = [
  /^(?<year>\d{4})-(?<month>\d{1,2})-(?<day>\d{1,2})$/,
  /^(?<year>\d{4})\/(?<month>\d{1,2})\/(?<day>\d{1,2})$/,
  /^(?<day>\d{1,2})\.(?<month>\d{1,2})\.(?<year>\d{4})$/,
  /^(?<first>\d{1,2})\/(?<second>\d{1,2})\/(?<year>\d{4})$/,
  /^(?<first>\d{1,2})-(?<second>\d{1,2})-(?<year>\d{4})$/,
  /^(?<day>\d{1,2})[ -](?<word>[A-Za-z]{3,9})\.?[ -](?<year>\d{4})$/,
  /^(?<word>[A-Za-z]{3,9})\.? (?<day>\d{1,2}),? (?<year>\d{4})$/,
]

const canonicalPattern = wholePattern(everyMonthsDay)

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
    isCanonical: (bytes, start, end) => end - start === 10 && isEveryMonthsDay(bytes, start),
    parse: (value) => {
      if (typeof value === 'string' && canonicalPattern.test(value)) return accept(value)
      const day = typeof value === 'string' ? readDay(value, order) : 'not-a-date'
      if (typeof day === 'string') return reject(day)
      return dayStartMs(day) === undefined ? reject('no-such-date') : accept(dayText(day))
    },
  }
}

function readDay(text: string, order: DateRule['order']): Day | 'not-a-date' | 'ambiguous-date' {
  for (const spelling of spellings) {
    const parts = spelling.exec(text)?.groups
    if (!parts) continue
    const { first, second, word } = parts
    const year = Number(parts.year)
    if (first !== undefined) return slashedDay(year, Number(first), Number(second), order)
    const day = Number(parts.day)
    if (word === undefined) return { year, month: Number(parts.month), day }
    const at = monthWords.indexOf(lowerAscii(word))
    return at < 0 ? 'not-a-date' : { year, month: Math.floor(at / 3) + 1, day }
  }
  return 'not-a-date'
}

function slashedDay(
  year: number,
  first: number,
  second: number,
  order: DateRule['order'],
): Day | 'ambiguous-date' {
  if (order ? order === 'month-first' : first === second || second > 12)
    return { year, month: first, day: second }
  return order || first > 12 ? { year, month: second, day: first } : 'ambiguous-date'
}
