/** Days of the proleptic Gregorian calendar, years 1 to 9999, UTC. */

export type Day = { readonly year: number; readonly month: number; readonly day: number }

export const minTimeMs = -62_135_596_800_000 // 0001-01-01T00:00:00.000Z
export const maxTimeMs = 253_402_300_799_999 // 9999-12-31T23:59:59.999Z

/** Milliseconds from 1970 to the start of a day; undefined when the calendar has no such day. */
export function dayStartMs({ year, month, day }: Day): number | undefined {
  if (year < 1 || year > 9999) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day) // Date.UTC would take the years 0 to 99 as 1900 to 1999
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined
}

/** The canonical text of a day, `2026-01-02`. */
export const dayText = ({ year, month, day }: Day): string =>
  `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
