import type { Random } from './random.ts'
import type { Country } from './reference/places.ts'

/**
 * How real senders write: the same value in several spellings, all of which the datasets accept, and now and then a
 * record that no dataset can accept.
 */

export type Topic = 'merchant_info' | 'user_profiles' | 'account_balances' | 'transactions'
export type Fields = Record<string, unknown>

export const spellTime = (random: Random, timeMs: number): string | number => {
  const roll = random.next()
  if (roll < 0.7) return new Date(timeMs).toISOString()
  if (roll < 0.8) return `${new Date(timeMs + 2 * 3_600_000).toISOString().slice(0, -1)}+02:00`
  if (roll < 0.9) return timeMs
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

/** Money of whole cents: `"1234.50"`, `"1,234.50"` or `1234.5`. */
export const spellMoney = (random: Random, cents: number): string | number => {
  const roll = random.next()
  if (roll < 0.2) return cents / 100
  const digits = String(Math.abs(cents)).padStart(3, '0')
  const whole = roll < 0.4 ? digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ',') : digits.slice(0, -2)
  return `${cents < 0 ? '-' : ''}${whole}.${digits.slice(-2)}`
}

export const spellText = (random: Random, text: string): string => (random.chance(0.03) ? `  ${text} ` : text)

/** Everything that can be wrong with a planted broken row. Each breaks a record for every reader of its dataset. */
export const causes = [
  'not-json',
  'not-utf8',
  'tombstone',
  'not-an-object',
  'missing-field',
  'wrong-type',
  'bad-time',
  'bad-value',
  'nul-character',
  'several',
] as const
export type Cause = (typeof causes)[number]

// Which fields of each topic a cause may touch: required ones, and values that they can never have.
const time: Readonly<Record<Topic, string>> = {
  merchant_info: 'updated_at',
  user_profiles: 'updated_at',
  account_balances: 'updated_at',
  transactions: 'event_time',
}
const required: Readonly<Record<Topic, readonly string[]>> = {
  merchant_info: ['merchant_id', 'name', 'category', 'risk', 'country', 'city', 'updated_at'],
  user_profiles: ['user_id', 'full_name', 'email', 'birth_date', 'country', 'updated_at'],
  account_balances: ['account_id', 'user_id', 'type', 'balance', 'currency', 'status', 'updated_at'],
  transactions: ['transaction_id', 'user_id', 'account_id', 'amount', 'currency', 'country', 'event_time'],
}
const impossible: Readonly<Record<Topic, readonly (readonly [field: string, value: unknown])[]>> = {
  merchant_info: [
    ['category', 'astrology'],
    ['risk', 'unknown'],
    ['country', 'Atlantis'],
  ],
  user_profiles: [
    ['birth_date', '1990-02-30'],
    ['country', 'Atlantis'],
    ['user_id', '12345'],
  ],
  account_balances: [
    ['balance', 'a lot'],
    ['currency', 'GOLD'],
    ['status', 'gone'],
  ],
  transactions: [
    ['amount', '-12.00'],
    ['amount', '12.345678'],
    ['currency', 'GOLD'],
    ['country', 'Atlantis'],
    ['channel', 'pigeon'],
    ['merchant_id', 'n/a'],
  ],
}
const textField: Readonly<Record<Topic, string>> = {
  merchant_info: 'name',
  user_profiles: 'full_name',
  account_balances: 'status',
  transactions: 'city',
}
const badTimes = ['yesterday', '2026-02-30T10:00:00Z', '2026-13-01', '', true]

/** The value of a record that was broken by that cause; null is a tombstone. */
export function breakRecord(random: Random, topic: Topic, fields: Fields, cause: Cause): Buffer | null {
  const text = JSON.stringify(fields)
  const withFields = (changed: Fields) => Buffer.from(JSON.stringify({ ...fields, ...changed }))
  switch (cause) {
    case 'tombstone':
      return null
    case 'not-json':
      return Buffer.from(text.slice(0, 1 + random.below(text.length - 1)))
    case 'not-utf8': {
      const bytes = Buffer.from(text)
      bytes[2] = 0xff // inside the first field's name; no UTF-8 text holds this byte
      return bytes
    }
    case 'not-an-object':
      return Buffer.from(random.pick([`[${text}]`, JSON.stringify(text), 'null', '42', 'true']))
    case 'missing-field':
      return withFields({ [random.pick(required[topic])]: random.pick([undefined, null, ' ']) })
    case 'wrong-type':
      return withFields({ [random.pick(required[topic])]: random.pick([{}, [1], false]) })
    case 'bad-time':
      return withFields({ [time[topic]]: random.pick(badTimes) })
    case 'bad-value':
      return withFields(Object.fromEntries([random.pick(impossible[topic])]))
    case 'nul-character':
      return withFields({ [textField[topic]]: 'bad\0text' })
    case 'several':
      return withFields({ ...Object.fromEntries(impossible[topic]), [time[topic]]: random.pick(badTimes) })
  }
}
