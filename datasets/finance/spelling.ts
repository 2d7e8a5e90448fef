import type { Random } from '../random.ts'
import type { Country } from './reference/places.ts'

/** How real senders write: the same value in several spellings, all of which the datasets accept. */

const hourMs = 3_600_000

export const spellTime = (random: Random, timeMs: number): string | number => {
  const roll = random.next()
  if (roll < 0.7) return new Date(timeMs).toISOString()
  if (roll < 0.8) return `${new Date(timeMs + 2 * hourMs).toISOString().slice(0, -1)}+02:00`
  if (roll < 0.87) return timeMs
  if (roll < 0.9) return timeMs / 1000
  return new Date(timeMs).toISOString().replace('T', ' ')
}

export const spellCountry = (random: Random, country: Country): string => {
  const roll = random.next()
  if (roll < 0.85) return country.code
  if (roll < 0.9) return country.code3
  if (roll < 0.95) return country.name
  return country.code.toLowerCase()
}

export const spellCurrency = (random: Random, currency: string): string =>
  random.chance(0.08) ? currency.toLowerCase() : currency

/** Money of whole cents: `"1234.50"`, `"1,234.50"`, `1234.5`, and seldom `"1.234,50"`, `"$ 1234.50"` or `"(1,234.50)"` for less than 0. */
export const spellMoney = (random: Random, cents: number): string | number => {
  const roll = random.next()
  if (roll < 0.2) return cents / 100
  const digits = String(Math.abs(cents)).padStart(3, '0')
  const units = digits.slice(0, -2)
  const fraction = digits.slice(-2)
  const sign = cents < 0 ? '-' : ''
  if (roll >= 0.43) return `${sign}${units}.${fraction}`
  if (roll < 0.4) return `${sign}${grouped(units, ',')}.${fraction}`
  if (roll < 0.41) return `${sign}${grouped(units, '.')},${fraction}`
  if (roll < 0.42) return `${sign}$ ${units}.${fraction}`
  return cents < 0 ? `(${grouped(units, ',')}.${fraction})` : `${grouped(units, ' ')}.${fraction}`
}

const grouped = (units: string, mark: string): string => units.replace(/\B(?=(\d{3})+$)/g, mark)

export const spellText = (random: Random, text: string): string => (random.chance(0.03) ? `  ${text} ` : text)

/** A JSON object as senders write it: now and then on several lines, or with fields that nobody knows. */
export function spellRecord(random: Random, fields: Readonly<Record<string, unknown>>): string {
  const roll = random.next()
  if (roll < 0.985) return JSON.stringify(fields)
  if (roll < 0.99) return JSON.stringify(fields, null, 2)
  if (roll < 0.995)
    return JSON.stringify({ ...fields, schema: { version: 3, tags: [['a', { b: [null] }], '👍'] } })
  return `\t${JSON.stringify({ note: 'x'.repeat(1_000), ...fields })} \n`
}
