import { readValue } from '@cupel/core/bronze'
import { parseRecord } from '@cupel/core/record'
import { describe, expect, it } from 'vitest'
import { generateFinance, type Truth, worldStartMs } from '#datasets/finance/generate.ts'
import { exchangeRates, highRiskCountries, suspiciousMerchants } from '#datasets/finance/reference/lists.ts'
import { transactions } from '#datasets/finance/transactions.ts'
import { type Arrival, assess } from '#functions/gold/detect-fraud/assess.ts'
import type { ReferenceData } from '#functions/gold/detect-fraud/reference.ts'

const reference: ReferenceData = {
  version: 1,
  rates: exchangeRates,
  suspiciousMerchants: suspiciousMerchants.map(({ merchantId: id, ...listing }) => ({ id, ...listing })),
  highRiskCountries: highRiskCountries.map(({ country: id, ...listing }) => ({ id, ...listing })),
}

/** What the rules find in a generated life, beside what was planted there. */
const seen = [7, 8].flatMap((seed) => {
  const truths = new Map<number, Truth>()
  const arrivals: Arrival[] = []
  for (const { topic, value, truth, timestampMs } of generateFinance({
    seed,
    transactions: 20_000,
    startMs: worldStartMs,
    users: 200,
  })) {
    if (topic !== 'transactions') continue
    const parsed = parseRecord(transactions, readValue(value))
    if (!parsed.ok) continue
    truths.set(arrivals.length, truth)
    arrivals.push({ transaction: parsed.row, topic, partition: 0, offset: arrivals.length, timestampMs })
  }
  const { decisions } = assess(arrivals, { histories: new Map(), decided: new Map(), reference })
  return decisions.map(({ offset, findings }) => ({
    truth: truths.get(offset)!,
    found: findings.map(({ rule }) => rule),
  }))
})
const planted = (kind: string) => seen.filter(({ truth }) => truth.fraud === kind)

describe('the rules, on a generated life', () => {
  it.each(['large-amount', 'suspicious-merchant', 'high-risk-location', 'abnormal-spending'])(
    'find every planted %s, by its rule',
    (kind) => {
      expect(planted(kind).length).toBeGreaterThan(10)
      expect(planted(kind).filter(({ found }) => !found.includes(kind))).toEqual([])
    },
  )

  it('find the end of every series of card tests', () => {
    const tests = planted('spending-velocity')
    const found = tests.filter(({ found }) => found.includes('spending-velocity')).length
    expect(tests.length).toBeGreaterThan(100)
    expect(found / tests.length).toBeGreaterThan(0.2) // of twelve, those after the eighth
  })

  it.each([
    'large-amount',
    'suspicious-merchant',
    'high-risk-location',
    'abnormal-spending',
    'spending-velocity',
  ])('find nothing in what only looks like %s', (kind) => {
    const alike = seen.filter(({ truth }) => truth.resembles === kind)
    expect(alike.length).toBeGreaterThan(5)
    expect(alike.filter(({ found }) => found.length > 0)).toEqual([])
  })

  it('accuse fewer than one in a thousand honest payments', () => {
    const honest = seen.filter(({ truth }) => truth.fraud === 'none')
    const accused = honest.filter(({ found }) => found.length > 0)
    expect(accused.length / honest.length).toBeLessThan(0.001)
  })
})
