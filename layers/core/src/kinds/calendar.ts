/** Days of the proleptic Gregorian calendar, years 1 to 9999, UTC. */

import { twoDigits } from './strings.ts'

export type Day = { readonly year: number; readonly month: number; readonly day: number }

export const minTimeMs = -62_135_596_800_000 // 0001-01-01T00:00:00.000Z
export const maxTimeMs = 253_402_300_799_999 // 9999-12-31T23:59:59.999Z

/** Milliseconds from 1970 to the start of a day; undefined when the calendar has no such day. */
export function dayStartMs({ year, month, day }: Day): number | undefined {
  if (year < 1 || year > 9999 || month < 1 || month > 12) return undefined
  if (day < 1 || day > (month === 2 && isLeap(year) ? 29 : daysOfMonth[month - 1]!)) return undefined
  if (year > 99) return Date.UTC(year, month - 1, day)
  return new Date(0).setUTCFullYear(year, month - 1, day) // Date.UTC takes the years 0 to 99 as 1900 to 1999
}

/** How a day that every month has stands in canonical text, as the source of a pattern: nothing of it has to be reckoned. */
export const everyMonthsDay = String.raw`(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])`

/** Do these ten bytes write such a day? */
export function isEveryMonthsDay(bytes: Uint8Array, start: number): boolean {
  const year = 100 * twoDigits(bytes, start) + twoDigits(bytes, start + 2)
  const [month, day] = [twoDigits(bytes, start + 5), twoDigits(bytes, start + 8)]
  const hasHyphens = bytes[start + 4] === hyphen && bytes[start + 7] === hyphen
  return hasHyphens && year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= 28
}

const hyphen = 45
const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

/** The canonical text of a day, `2026-01-02`. */
export const dayText = ({ year, month, day }: Day): string =>
  `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
