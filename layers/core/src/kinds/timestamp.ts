import { dayStartMs, everyMonthsDay, isEveryMonthsDay, maxTimeMs, minTimeMs } from './calendar.ts'
import {
  accept,
  between,
  type FieldOptions,
  field,
  type Kind,
  type Parsed,
  type Personal,
  reject,
} from './kind.ts'
import { type Range, ranged } from './ranged.ts'
import { isDigit, twoDigits, wholePattern } from './strings.ts'

type TimestampRule = Range & {
  /** How `03/04/2024 10:00` is read. Without it such a day is refused. */
  readonly order?: 'day-first' | 'month-first'
}

/**
 * An instant in UTC with milliseconds, as `2026-01-02T03:04:05.678Z`, years 1 to 9999. Finer fractions are cut, not
 * rounded; no offset means UTC; leap seconds (`:60`) are refused.
 *
 * Numbers, and strings of digits (9 at least, so that `20260102` is no instant), count from 1970: seconds when below
 * 10^11, milliseconds from there on.
 */
export const timestamp = <Optional extends boolean = false, Shown extends Personal = false>(
  description: string,
  options?: TimestampRule & FieldOptions<string, Optional, Shown>,
) => field(ranged(slashed(timestampKind, options?.order), options ?? {}), description, options)

const calendarForm = String.raw`(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.](\d{1,9}))?)?(?: ?([Zz]|UTC|[+-]\d{2}(?::?\d{2})?))?`
const epochForm = String.raw`(-?)(\d{1,15})(?:[.](\d+))?`
const calendarPattern = wholePattern(calendarForm)
const epochPattern = wholePattern(epochForm)
const canonicalPattern = wholePattern(String.raw`${everyMonthsDay}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z`)
const millisecondsFrom = 100_000_000_000 // 1973 in milliseconds, 5138 in seconds
const minEpochDigits = 9 // of a string

const timestampKind: Kind<string> = {
  name: 'timestamp',
  schema: { type: 'string', format: 'date-time' },
  example: (random) => new Date(between(random, 1e12, 1.7e12)).toISOString(),
  wrongType: 'not-a-timestamp',
  ordered: true,
  duckdbType: 'TIMESTAMP WITH TIME ZONE',
  postgresType: 'timestamptz(3)',
  isCanonical: (bytes, start, end) =>
    end - start === 24 && isEveryMonthsDay(bytes, start) && isTimeOfDay(bytes, start + 10),
  parse: (value) => {
    if (typeof value === 'string' && canonicalPattern.test(value)) return accept(value)
    if (typeof value === 'boolean') return reject('not-a-timestamp')
    if (typeof value === 'number' && Math.abs(value) >= 1e15) return reject('out-of-range')
    const ms = typeof value === 'number' ? readEpoch(String(value), 1) : readInstant(value)
    if (!ms.ok) return ms
    if (ms.value < minTimeMs || ms.value > maxTimeMs) return reject('out-of-range')
    return accept(new Date(ms.value).toISOString())
  },
}

/** `T03:04:05.678Z` */
function isTimeOfDay(bytes: Uint8Array, start: number): boolean {
  const marks = bytes[start] === capitalT && bytes[start + 3] === colon && bytes[start + 6] === colon
  if (!marks || bytes[start + 9] !== point || bytes[start + 13] !== capitalZ) return false
  const isClock =
    twoDigits(bytes, start + 1) <= 23 &&
    twoDigits(bytes, start + 4) <= 59 &&
    twoDigits(bytes, start + 7) <= 59
  return isClock && twoDigits(bytes, start + 10) >= 0 && isDigit(bytes[start + 12]!)
}

const [point, colon, capitalT, capitalZ] = [46, 58, 84, 90]

function readInstant(text: string): Parsed<number> {
  const match = calendarPattern.exec(text)
  if (!match) return readEpoch(text, minEpochDigits)
  const [hour, minute, second] = [Number(match[4]), Number(match[5]), Number(match[6] ?? 0)]
  const start = dayStartMs({ year: Number(match[1]), month: Number(match[2]), day: Number(match[3]) })
  if (start === undefined) return reject('no-such-date')
  const offset = zoneMinutes(match[8])
  if (hour > 23 || minute > 59 || second > 59 || offset === undefined) return reject('no-such-time')
  const clock = hour * 3_600_000 + minute * 60_000 + second * 1000
  return accept(start + clock + firstMilliseconds(match[7]) - offset * 60_000)
}

function zoneMinutes(zone = 'Z'): number | undefined {
  if (zone === 'Z') return 0
  const [, sign, hours = '', minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? []
  if (sign === undefined) return 0 // z, UTC
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}

function readEpoch(text: string, minDigits: number): Parsed<number> {
  const [, sign, digits = '', fraction] = epochPattern.exec(text) ?? []
  if (sign === undefined || digits.length < minDigits) return reject('not-a-timestamp')
  const count = Number(digits)
  const ms = count >= millisecondsFrom ? count : count * 1000 + firstMilliseconds(fraction)
  return accept(sign === '-' ? -ms : ms)
}

const firstMilliseconds = (fraction = ''): number => Number(fraction.slice(0, 3).padEnd(3, '0'))

const slashedPattern = /^(\d{1,2})\/(\d{1,2})\/(\d{4})([Tt ].*)$/su

/** Days with slashes before a time of day, by the order that the dataset says; without one they are ambiguous, every one. */
function slashed(kind: Kind<string>, order: TimestampRule['order']): Kind<string> {
  const two = (digits: string): string => digits.padStart(2, '0')
  return {
    ...kind,
    parse: (value, context) => {
      if (typeof value !== 'string' || !value.includes('/')) return kind.parse(value, context)
      const [, first = '', second = '', year, rest] = slashedPattern.exec(value) ?? []
      if (year === undefined) return kind.parse(value, context)
      if (order === undefined) return reject('ambiguous-date')
      const [day, month] = order === 'day-first' ? [first, second] : [second, first]
      return kind.parse(`${year}-${two(month)}-${two(day)}${rest}`, context)
    },
  }
}
