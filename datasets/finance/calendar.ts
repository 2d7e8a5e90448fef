import type { City } from './reference/places.ts'

/** Clock and calendar of the people: local hours, weekends, feasts, pay days. */

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

/** How busy people are at each hour of their day, at most 1. */
const busyByHour = [
  0.05, 0.03, 0.02, 0.02, 0.03, 0.06, 0.18, 0.4, 0.65, 0.75, 0.8, 0.9, 1, 0.9, 0.75, 0.75, 0.85, 1, 1, 0.95,
  0.8, 0.6, 0.35, 0.15,
]

// The days to which people shop for three weeks. Of feasts that move, those of some years; 24 December everywhere else.
const feasts: Readonly<Record<string, readonly string[]>> = {
  IN: ['2024-11-01', '2025-10-20', '2026-11-08'], // Diwali
  AE: ['2024-04-10', '2025-03-30', '2026-03-20'], // Eid al-Fitr
  SG: ['2024-02-10', '2025-01-29', '2026-02-17'], // Lunar New Year
}
const feastsMs = new Map(Object.entries(feasts).map(([country, days]) => [country, days.map(Date.parse)]))
const shoppingMs = 21 * dayMs

export type LocalTime = {
  readonly ms: number // as if the local clock showed UTC
  readonly hour: number // 0 to 23
  readonly isWeekend: boolean
}

export function localTime(timeMs: number, { utcOffset }: City): LocalTime {
  const ms = timeMs + utcOffset * hourMs
  const day = Math.floor(ms / dayMs)
  const weekday = (day + 4) % 7 // 1 January 1970 was a Thursday, 4
  return { ms, hour: Math.floor((ms - day * dayMs) / hourMs), isWeekend: weekday === 0 || weekday === 6 }
}

/** Is this in the three weeks before the feast of a country? */
export function isBeforeFeast(country: string, { ms }: LocalTime): boolean {
  const moving = feastsMs.get(country)
  if (moving) return moving.some((feastMs) => ms > feastMs - shoppingMs && ms < feastMs)
  const { month, day } = dateOf(ms)
  return month === 12 && day > 24 - 21 && day <= 24
}

/** The months in which most people travel. */
export const isTravelSeason = ({ ms }: LocalTime): boolean => [7, 8, 12].includes(dateOf(ms).month)

export type LocalDate = { readonly month: number; readonly day: number; readonly monthIndex: number }
export function dateOf(ms: number): LocalDate {
  const daysSince1970 = Math.floor(ms / dayMs)
  const slot = daysSince1970 & 7
  const known = lastDates[slot]
  if (known?.daysSince1970 === daysSince1970) return known
  const date = new Date(ms)
  const month = date.getUTCMonth() + 1
  const monthIndex = date.getUTCFullYear() * 12 + month
  const made = { daysSince1970, month, day: date.getUTCDate(), monthIndex }
  lastDates[slot] = made
  return made
}
// Asked several times for each payment, and time zones apart there are only three days at a time.
const lastDates: (LocalDate & { readonly daysSince1970: number })[] = []

const feastFactor = 1.35
const payDayFactor = 1.25
const mostActive = feastFactor * payDayFactor

/** How likely somebody is to pay now, compared with the busiest hour of the busiest day: in (0, 1]. */
export function activity(local: LocalTime, country: string, payDay: number): number {
  const sincePay = (dateOf(local.ms).day - payDay + 31) % 31
  const feast = isBeforeFeast(country, local) ? feastFactor : 1
  return (busyByHour[local.hour]! * feast * (sincePay < 5 ? payDayFactor : 1)) / mostActive
}

/** `activity` over a year, on average. */
export const meanActivity =
  ((busyByHour.reduce((sum, busy) => sum + busy) / 24) *
    (1 + (feastFactor - 1) * (21 / 365)) *
    (1 + (payDayFactor - 1) * (5 / 31))) /
  mostActive
