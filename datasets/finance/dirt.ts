import type { ReasonCode } from '@cupel/core/kinds/kind'
import type { Random } from '../random.ts'
import type { Fields, Topic } from './records.ts'

/** What now and then makes a record that no dataset can accept, and the reasons for which it must be quarantined then. */

/** Everything that can be wrong with a planted broken record. */
export const causes = [
  'not-json',
  'trailing-garbage',
  'byte-order-mark',
  'not-utf8',
  'half-a-character',
  'empty',
  'tombstone',
  'not-an-object',
  'missing-field',
  'duplicate-field',
  'wrong-type',
  'bad-time',
  'bad-value',
  'nul-character',
  'too-long',
  'several',
] as const
export type Cause = (typeof causes)[number]

/** A rule that a broken record violates: as quarantine must name it, without the value. */
export type Expected = { readonly field: string | null; readonly reason: ReasonCode }
export type Broken = { readonly value: Buffer | null; readonly reasons: readonly Expected[] }

/** A value that a field can never have, and what is to be said of it. */
type Impossible = readonly [field: string, value: unknown, reason: ReasonCode]

/** What each topic offers to break. Fields stand in the order of their dataset, in which reasons are listed. */
type Weakness = {
  readonly required: Readonly<Record<string, ReasonCode>> // what is said of an object, a list or `false` in the field
  readonly time: string
  readonly impossible: readonly Impossible[]
  readonly text: readonly [field: string, maxLength: number | undefined] // free text; undefined: a field of fixed words
}

const weaknesses: Readonly<Record<Topic, Weakness>> = {
  merchant_info: {
    required: {
      merchant_id: 'not-a-uuid',
      name: 'not-text',
      category: 'not-one-of',
      risk: 'not-one-of',
      country: 'unknown-country',
      city: 'not-text',
      updated_at: 'not-a-timestamp',
    },
    time: 'updated_at',
    impossible: [
      ['category', 'astrology', 'not-one-of'],
      ['risk', 'unknown', 'not-one-of'],
      ['country', 'Atlantis', 'unknown-country'],
    ],
    text: ['name', 200],
  },
  user_profiles: {
    required: {
      user_id: 'not-a-uuid',
      full_name: 'not-text',
      email: 'not-an-email',
      phone: 'not-a-phone',
      birth_date: 'not-a-date',
      country: 'unknown-country',
      updated_at: 'not-a-timestamp',
    },
    time: 'updated_at',
    impossible: [
      ['user_id', '12345', 'not-a-uuid'],
      ['email', 'jane at example.com', 'not-an-email'],
      ['phone', '030 1234567', 'no-country-code'],
      ['birth_date', '1990-02-30', 'no-such-date'],
      ['birth_date', '03/04/1990', 'ambiguous-date'],
      ['country', 'Atlantis', 'unknown-country'],
    ],
    text: ['full_name', 200],
  },
  account_balances: {
    required: {
      account_id: 'not-a-uuid',
      user_id: 'not-a-uuid',
      type: 'not-one-of',
      balance: 'not-a-number',
      currency: 'unknown-currency',
      status: 'not-one-of',
      updated_at: 'not-a-timestamp',
    },
    time: 'updated_at',
    impossible: [
      ['balance', 'a lot', 'not-a-number'],
      ['balance', 2 ** 53, 'inexact-number'],
      ['balance', '1234567890123456.00', 'out-of-range'],
      ['currency', 'GOLD', 'unknown-currency'],
      ['currency', '$', 'ambiguous-currency'],
      ['status', 'gone', 'not-one-of'],
    ],
    text: ['status', undefined],
  },
  transactions: {
    required: {
      transaction_id: 'not-a-uuid',
      account_id: 'not-a-uuid',
      user_id: 'not-a-uuid',
      amount: 'not-a-number',
      currency: 'unknown-currency',
      country: 'unknown-country',
      event_time: 'not-a-timestamp',
    },
    time: 'event_time',
    impossible: [
      ['merchant_id', 'n/a', 'not-a-uuid'],
      ['amount', '-12.00', 'not-positive'],
      ['amount', '12.345678', 'too-precise'],
      ['amount', 0.30000000000000004, 'inexact-number'],
      ['amount', '12,34,567', 'not-a-number'],
      ['currency', 'GOLD', 'unknown-currency'],
      ['country', 'Atlantis', 'unknown-country'],
      ['latitude', 91.5, 'out-of-range'],
      ['channel', 'pigeon', 'not-one-of'],
    ],
    text: ['city', 200],
  },
}
const badTimes: readonly (readonly [value: unknown, reason: ReasonCode])[] = [
  ['yesterday', 'not-a-timestamp'],
  ['31/12/2025 10:00', 'ambiguous-date'],
  ['2026-13-01', 'not-a-timestamp'],
  ['2026-02-30T10:00:00Z', 'no-such-date'],
  ['2026-02-28T24:00:00Z', 'no-such-time'],
  [1_772_272_800_000_000, 'out-of-range'], // microseconds
  ['', 'missing'],
  [true, 'not-a-timestamp'],
]

/** The value of a record that was broken by that cause; null is a tombstone. */
export function breakRecord(random: Random, topic: Topic, fields: Fields, cause: Cause): Broken {
  const text = JSON.stringify(fields)
  const { required, time, impossible, text: free } = weaknesses[topic]
  const whole = (reason: ReasonCode, value: Buffer | string | null): Broken => ({
    value: typeof value === 'string' ? Buffer.from(value) : value,
    reasons: [{ field: null, reason }],
  })
  const withFields = (changed: Fields, ...reasons: Expected[]): Broken => ({
    value: Buffer.from(JSON.stringify({ ...fields, ...changed })),
    reasons,
  })
  switch (cause) {
    case 'tombstone':
      return whole('tombstone', null)
    case 'empty':
      return whole('unreadable', '')
    case 'not-json':
      return whole('unreadable', text.slice(0, 1 + random.below(text.length - 1)))
    case 'trailing-garbage':
      return whole('unreadable', text + random.pick(['}', ' -- end', text, ',']))
    case 'byte-order-mark':
      return whole('unreadable', `\uFEFF${text}`)
    case 'half-a-character':
      return whole('unreadable', `${text.slice(0, -1)},"note":"\\ud83d"}`)
    case 'not-utf8': {
      const bytes = Buffer.from(text)
      bytes[2] = 0xff // inside the first field's name; no UTF-8 text holds this byte
      return whole('unreadable', bytes)
    }
    case 'not-an-object':
      return whole('not-an-object', random.pick([`[${text}]`, JSON.stringify(text), 'null', '42', 'true']))
    case 'missing-field': {
      const field = random.pick(Object.keys(required))
      return withFields({ [field]: random.pick([undefined, null, ' ']) }, { field, reason: 'missing' })
    }
    case 'duplicate-field': {
      const field = random.pick(Object.keys(required))
      const again = `${JSON.stringify(field)}:${JSON.stringify(fields[field])}`
      const value = Buffer.from(`${text.slice(0, -1)},${again}}`)
      return { value, reasons: [{ field, reason: 'duplicate-field' }] }
    }
    case 'wrong-type': {
      const [field, reason] = random.pick(Object.entries(required))
      return withFields({ [field]: random.pick([{}, [1], false]) }, { field, reason })
    }
    case 'bad-time': {
      const [value, reason] = random.pick(badTimes)
      return withFields({ [time]: value }, { field: time, reason })
    }
    case 'bad-value': {
      const [field, value, reason] = random.pick(impossible)
      return withFields({ [field]: value }, { field, reason })
    }
    case 'nul-character':
      return withFields({ [free[0]]: 'bad\0text' }, { field: free[0], reason: 'contains-nul' })
    case 'too-long': {
      const [field, maxLength] = free
      const value = '👍'.repeat((maxLength ?? 0) + 1)
      return withFields(
        { [field]: value },
        { field, reason: maxLength === undefined ? 'not-one-of' : 'too-long' },
      )
    }
    case 'several': {
      const [value, reason] = random.pick(badTimes)
      const last = new Map(impossible.map((one) => [one[0], one])) // of a field that stands there twice
      const broken = [...last.values()]
      return withFields(
        { ...Object.fromEntries(broken), [time]: value },
        ...broken.map(([field, , reason]) => ({ field, reason })),
        { field: time, reason },
      )
    }
  }
}
