import { dateSql, dayStartMs, maxTimeMs, minTimeMs } from './calendar.ts'
import { accept, type FieldOptions, field, type Kind, type Parsed, reject } from './kind.ts'
import { wholeMatchSql, wholePattern } from './strings.ts'

/**
 * An instant in UTC with milliseconds, as `2026-01-02T03:04:05.678Z`, years 1 to 9999. Finer fractions are cut, not
 * rounded; no offset means UTC; leap seconds (`:60`) are refused.
 *
 * Numbers, and strings of digits (9 at least, so that `20260102` is no instant), count from 1970: seconds when below
 * 10^11, milliseconds from there on.
 */
export const timestamp = <const Options extends FieldOptions>(description: string, options?: Options) =>
  field(timestampKind, description, options)

const calendarForm = String.raw`(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.](\d{1,9}))?)?(?: ?([Zz]|UTC|[+-]\d{2}(?::?\d{2})?))?`
const epochForm = String.raw`(-?)(\d{1,15})(?:[.](\d+))?`
const calendarPattern = wholePattern(calendarForm)
const epochPattern = wholePattern(epochForm)
const millisecondsFrom = 1e11 // 1973 in milliseconds, 5138 in seconds

const timestampKind: Kind<string> = {
  name: 'timestamp',
  wrongType: 'not-a-timestamp',
  duckdbType: 'TIMESTAMP WITH TIME ZONE',
  postgresType: 'timestamptz(3)',
  parse: (value) => {
    if (typeof value === 'boolean') return reject('not-a-timestamp')
    if (typeof value === 'number' && Math.abs(value) >= 1e15) return reject('out-of-range')
    const ms = typeof value === 'number' ? readEpoch(String(value), 1) : readInstant(value)
    if (!ms.ok) return ms
    if (ms.value < minTimeMs || ms.value > maxTimeMs) return reject('out-of-range')
    return accept(new Date(ms.value).toISOString())
  },
  sql: ({ isBoolean, isString, text, step }) => {
    const quickForm = String.raw`\d{4}-[01]\d-[0-3]\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:[.]\d{3})?Z`
    const part = (index: number): string => `regexp_extract(${text}, '^${calendarForm}$', ${index})`
    const number = (part: string): string => `coalesce(TRY_CAST(${part} AS BIGINT), 0)`
    const zone = part(6)
    const zoneMs = `CASE WHEN length(${zone}) < 3 OR ${zone} = 'UTC' THEN 0 ELSE (CASE WHEN starts_with(${zone}, '-') THEN -60000 ELSE 60000 END) * (${number(`${zone}[2:3]`)} * 60 + ${number(`right(${zone}, 2)`)} * (length(${zone}) > 3)::BIGINT) END`
    const zoneGood = `length(${zone}) < 3 OR ${zone} = 'UTC' OR (${zone}[2:3] < '24' AND (length(${zone}) = 3 OR right(${zone}, 2) < '60'))`
    const clockMs = `${number(part(2))} * 3600000 + ${number(part(3))} * 60000 + ${number(part(4))} * 1000 + ${number(`left(rpad(${part(5)}, 3, '0'), 3)`)}`
    const epoch = (index: number): string => `regexp_extract(${text}, '^${epochForm}$', ${index})`
    const epochMs = `(CASE WHEN ${epoch(1)} = '-' THEN -1 ELSE 1 END) * CASE WHEN ${number(epoch(2))} >= ${millisecondsFrom}::BIGINT THEN ${number(epoch(2))} ELSE ${number(epoch(2))} * 1000 + ${number(`left(rpad(${epoch(3)}, 3, '0'), 3)`)} END`
    const form = step('form')
    return {
      steps: [
        [
          'quick',
          `CASE WHEN ${isString} AND ${wholeMatchSql(text, quickForm)} THEN TRY_CAST(${text} AS TIMESTAMP) END`,
        ],
        [
          'form',
          `CASE WHEN ${step('quick')} IS NOT NULL AND NOT starts_with(${text}, '0000') THEN 'quick' WHEN ${isBoolean} THEN NULL WHEN ${isString} AND ${wholeMatchSql(text, calendarForm)} THEN 'calendar' WHEN NOT ${isString} AND abs(TRY_CAST(${text} AS DOUBLE)) >= 1e15 THEN 'large' WHEN ${wholeMatchSql(text, epochForm)} AND (NOT ${isString} OR length(${epoch(2)}) >= 9) THEN 'epoch' END`,
        ],
        ['day', `CASE WHEN ${form} = 'calendar' THEN epoch_ms(${dateSql(`${text}[:10]`)}::TIMESTAMP) END`],
        [
          'ms',
          `CASE ${form} WHEN 'calendar' THEN ${step('day')} + ${clockMs} - ${zoneMs} WHEN 'epoch' THEN ${epochMs} WHEN 'quick' THEN epoch_ms(${step('quick')}) END`,
        ],
      ],
      reason: `CASE ${form} WHEN 'quick' THEN NULL WHEN 'calendar' THEN CASE WHEN ${step('day')} IS NULL THEN 'no-such-date' WHEN NOT (${part(2)} < '24' AND ${part(3)} < '60' AND ${part(4)} < '60' AND (${zoneGood})) THEN 'no-such-time' WHEN ${step('ms')} NOT BETWEEN ${minTimeMs} AND ${maxTimeMs} THEN 'out-of-range' END WHEN 'epoch' THEN CASE WHEN ${step('ms')} NOT BETWEEN ${minTimeMs} AND ${maxTimeMs} THEN 'out-of-range' END WHEN 'large' THEN 'out-of-range' ELSE 'not-a-timestamp' END`,
      value: `CASE WHEN ${step('ms')} BETWEEN ${minTimeMs} AND ${maxTimeMs} THEN make_timestamptz(${step('ms')} * 1000) END`,
    }
  },
}

function readInstant(text: string): Parsed<number> {
  const [, day, hour, minute, second = '00', fraction = '', zone = 'Z'] = calendarPattern.exec(text) ?? []
  if (day === undefined) return readEpoch(text, 9)
  const [year, month, date] = day.split('-').map(Number) as [number, number, number]
  const start = dayStartMs({ year, month, day: date })
  if (start === undefined) return reject('no-such-date')
  const offset = zoneMinutes(zone)
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59 || offset === undefined)
    return reject('no-such-time')
  const clock = Number(hour) * 3_600_000 + Number(minute) * 60_000 + Number(second) * 1000
  return accept(start + clock + firstMilliseconds(fraction) - offset * 60_000)
}

function zoneMinutes(zone: string): number | undefined {
  const [, sign, hours = '', minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? []
  if (sign === undefined) return 0 // Z, UTC
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}

function readEpoch(text: string, minDigits: number): Parsed<number> {
  const [, sign, digits = '', fraction = ''] = epochPattern.exec(text) ?? []
  if (sign === undefined || digits.length < minDigits) return reject('not-a-timestamp')
  const count = Number(digits)
  const ms = count >= millisecondsFrom ? count : count * 1000 + firstMilliseconds(fraction)
  return accept(sign === '-' ? -ms : ms)
}

const firstMilliseconds = (fraction: string): number => Number(fraction.slice(0, 3).padEnd(3, '0'))
