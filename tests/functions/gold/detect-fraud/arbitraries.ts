import fc from 'fast-check'
import type { Transaction } from '#datasets/finance/transactions.ts'
import type { Arrival, Knowledge } from '#functions/gold/detect-fraud/assess.ts'
import type { ReferenceData } from '#functions/gold/detect-fraud/reference.ts'

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

export const aTransaction = (changes: Partial<Transaction> = {}): Transaction => ({
  transaction_id: id(1),
  account_id: id(2),
  user_id: id(3),
  merchant_id: id(4),
  amount: '20.0000',
  currency: 'USD',
  country: 'DE',
  city: 'Berlin',
  latitude: null,
  longitude: null,
  channel: 'pos',
  device: null,
  event_time: '2026-01-05T12:00:00.000Z',
  ...changes,
})

export const aReference = (changes: Partial<ReferenceData> = {}): ReferenceData => ({
  version: 1,
  rates: [
    { currency: 'USD', from: '2015-01-01', usdPerUnit: '1' },
    { currency: 'EUR', from: '2015-01-01', usdPerUnit: '1.125' },
    { currency: 'EUR', from: '2026-01-01', usdPerUnit: '1.064' },
  ],
  suspiciousMerchants: [{ id: id(66), reason: 'sample', from: '2020-01-01', to: '2027-01-01' }],
  highRiskCountries: [{ id: 'KP', reason: 'sample', from: '2020-01-01', to: null }],
  ...changes,
})

export const nothingKnown: Knowledge = { histories: new Map(), decided: new Map(), reference: aReference() }

export const arrivalsOf = (transactions: readonly Transaction[]): readonly Arrival[] =>
  transactions.map((transaction, offset) => ({
    transaction,
    topic: 'transactions',
    partition: 0,
    offset,
    timestampMs: 0,
  }))

/** Any positive amount that fits the dataset, small ones more often. */
export const anyAmount = fc
  .oneof(fc.bigInt(1n, 10_000_000n), fc.bigInt(1n, 10n ** 18n - 1n))
  .map((units) => `${units / 10_000n}.${String(units % 10_000n).padStart(4, '0')}`)

/** Few users, transactions and minutes, so that they meet; and now and then any instant that the dataset takes. */
export const anyTransaction: fc.Arbitrary<Transaction> = fc
  .record({
    transaction: fc.nat(40),
    user: fc.nat(2),
    merchant: fc.constantFrom(4, 5, 66),
    amount: fc.oneof(fc.constantFrom('20.0000', '21.0000', '9000.0000'), anyAmount),
    currency: fc.constantFrom('USD', 'USD', 'EUR', 'XOF'),
    country: fc.constantFrom('DE', 'DE', 'FR', 'KP'),
    city: fc.string({ minLength: 1, maxLength: 5 }),
    event_time: fc.oneof(
      fc.nat(3600).map((s) => new Date(Date.parse('2026-01-05T00:00:00Z') + s * 1000)),
      fc.date({
        min: new Date('0001-01-01T00:00:00.000Z'),
        max: new Date('9999-12-31T23:59:59.999Z'),
        noInvalidDate: true,
      }),
    ),
  })
  .map(({ transaction, user, merchant, event_time, ...fields }) =>
    aTransaction({
      ...fields,
      transaction_id: id(transaction),
      user_id: id(100 + user),
      merchant_id: id(merchant),
      event_time: event_time.toISOString(),
    }),
  )
