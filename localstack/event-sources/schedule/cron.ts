/** The minute at which a `cron(…)` expression is next due, strictly after a time; undefined when it never is again. */
export type Cron = { next(after: Date): Date | undefined }

const grammar = 'https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html'

const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const weekdays = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

type Field = {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly names?: readonly string[] // of the values, from `from` on
  readonly steps: boolean // whether `/` is one of its wildcards
}

const fields = {
  minute: { name: 'minutes', from: 0, to: 59, steps: true },
  hour: { name: 'hours', from: 0, to: 23, steps: true },
  day: { name: 'day-of-month', from: 1, to: 31, steps: true },
  month: { name: 'month', from: 1, to: 12, names: months, steps: true },
  weekday: { name: 'day-of-week', from: 1, to: 7, names: weekdays, steps: false },
  year: { name: 'year', from: 1970, to: 2199, steps: true },
} satisfies Record<string, Field>

/** A day in UTC, and what rules about days ask of it. */
type Day = { readonly date: number; readonly weekday: number; readonly lastDate: number } // weekday: 1 is Sunday
type DayRule = (day: Day) => boolean

const dayMs = 86_400_000

/**
 * Reads `cron(minutes hours day-of-month month day-of-week year)` in AWS's dialect: UTC whatever the machine's zone,
 * 1 is Sunday, and of the two day fields one is `?`. Days are also `L`, `15W`, `6L` and `6#3`.
 *
 * What AWS's grammar does not name is refused with a message, even where other crons know it: `LW`, `L-3`, ranges
 * that wrap around, steps of weekdays. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
 */
export function readCron(expression: string): Cron {
  const refuse = (why: string): never => {
    throw new Error(`${expression} is no schedule of AWS: ${why}; see ${grammar}`)
  }
  const [, inner = ''] = /^cron\(([^()]*)\)$/.exec(expression) ?? []
  const texts = inner.trim().toUpperCase().split(/\s+/)
  if (texts.length !== 6)
    return refuse('it needs six fields, minutes hours day-of-month month day-of-week year')
  const [minuteText, hourText, dayText, monthText, weekdayText, yearText] = texts as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  if ((dayText === '?') === (weekdayText === '?'))
    return refuse('one of day-of-month and day-of-week has to be ?, and only one')
  const valuesOf = (field: Field, text: string) => {
    try {
      return readValues(field, text)
    } catch (error) {
      return refuse((error as Error).message)
    }
  }
  const [minutes, hours] = [valuesOf(fields.minute, minuteText), valuesOf(fields.hour, hourText)]
  const [monthsIn, years] = [valuesOf(fields.month, monthText), valuesOf(fields.year, yearText)]
  const isDay =
    dayText === '?'
      ? anyOf(weekdayText, (item) => weekdayRule(item) ?? oneOf(valuesOf(fields.weekday, item), 'weekday'))
      : anyOf(dayText, (item) => dateRule(item) ?? oneOf(valuesOf(fields.day, item), 'date'))
  if (weekdayText.includes('#') && weekdayText.includes(','))
    return refuse('with #, day-of-week takes one entry')

  const timesOfDay = [...hours].flatMap((hour) => [...minutes].map((minute) => (hour * 60 + minute) * 60_000))
  timesOfDay.sort((a, b) => a - b)
  return {
    next(after) {
      const afterMs = after.getTime()
      const endMs = Date.UTC(fields.year.to + 1, 0, 1)
      let dayStartMs = Math.floor(afterMs / dayMs) * dayMs
      while (dayStartMs < endMs) {
        const date = new Date(dayStartMs)
        const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
        if (!years.has(year)) {
          dayStartMs = Date.UTC(year + 1, 0, 1)
        } else if (!monthsIn.has(month + 1)) {
          dayStartMs = Date.UTC(year, month + 1, 1)
        } else {
          const lastDate = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
          const due = isDay({ date: date.getUTCDate(), weekday: date.getUTCDay() + 1, lastDate })
            ? timesOfDay.find((timeMs) => dayStartMs + timeMs > afterMs)
            : undefined
          if (due !== undefined) return new Date(dayStartMs + due)
          dayStartMs += dayMs
        }
      }
      return undefined
    },
  }
}

const anyOf = (text: string, ruleOf: (item: string) => DayRule): DayRule => {
  const rules = text.split(',').map(ruleOf)
  return (day) => rules.some((rule) => rule(day))
}

const oneOf =
  (values: ReadonlySet<number>, of: 'date' | 'weekday'): DayRule =>
  (day) =>
    values.has(day[of])

/** `L`, the last day of the month, and `15W`, the weekday nearest to the 15th in the same month. */
function dateRule(item: string): DayRule | undefined {
  if (item === 'L') return ({ date, lastDate }) => date === lastDate
  const [, digits] = /^([1-9]|[12]\d|3[01])W$/.exec(item) ?? []
  if (digits === undefined) return undefined
  const wanted = Number(digits)
  return ({ date, weekday, lastDate }) => {
    const wantedWeekday = ((((wanted - date + weekday - 1) % 7) + 7) % 7) + 1
    if (wanted > lastDate) return false
    if (wantedWeekday === 7) return date === (wanted === 1 ? 3 : wanted - 1)
    if (wantedWeekday === 1) return date === (wanted === lastDate ? wanted - 2 : wanted + 1)
    return date === wanted
  }
}

/** `L`, Saturday; `6L`, the last Friday of the month; `6#3`, its third one. */
function weekdayRule(item: string): DayRule | undefined {
  if (item === 'L') return ({ weekday }) => weekday === 7
  const [, named = '', nth] = /^([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(?:L|#([1-5]))$/.exec(item) ?? []
  if (named === '') return undefined
  const wanted = weekdays.includes(named) ? weekdays.indexOf(named) + 1 : Number(named)
  return ({ date, weekday, lastDate }) =>
    weekday === wanted && (nth === undefined ? date > lastDate - 7 : Math.ceil(date / 7) === Number(nth))
}

/** `*`, `5`, `1-5`, `0/15`, and several with commas between. */
function readValues(field: Field, text: string): Set<number> {
  const { name, from, to, names = [], steps } = field
  const read = (written: string): number => {
    const value = names.includes(written) ? names.indexOf(written) + from : Number(written)
    if (!/^(\d+|[A-Z]{3})$/.test(written) || !(value >= from && value <= to))
      throw new Error(`${name} has ${text}, and ${written || 'nothing'} is not in ${from} to ${to}`)
    return value
  }
  const values = new Set<number>()
  for (const item of text.split(',')) {
    const [range = '', step, ...rest] = item.split('/')
    if (step !== undefined && (!steps || rest.length > 0 || !/^[1-9]\d*$/.test(step)))
      throw new Error(`${name} has ${item}, which is no step`)
    const [first, last, ...more] = range === '*' ? [String(from), String(to)] : range.split('-')
    if (more.length > 0) throw new Error(`${name} has ${item}, which is no range`)
    const start = read(first ?? '')
    const end = last === undefined ? (step === undefined ? start : to) : read(last)
    if (end < start) throw new Error(`${name} has ${item}, a range that ends before it begins`)
    for (let value = start; value <= end; value += Number(step ?? 1)) values.add(value)
  }
  return values
}
