import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Transaction } from '#datasets/finance/transactions.ts'
import { alertLine, readAlert } from '#functions/gold/detect-fraud/alert.ts'
import { assess, ruleSet } from '#functions/gold/detect-fraud/assess.ts'
import { rules } from '#functions/gold/detect-fraud/rules/index.ts'
import {
  anyAmount,
  anyTransaction,
  aReference,
  arrivalsOf,
  aTransaction,
  nothingKnown,
} from './arbitraries.ts'

const startMs = Date.parse('2026-01-05T12:00:00Z')
const at = (minutes: number) => new Date(startMs + minutes * 60_000).toISOString()
const pay = (n: number, changes: Partial<Transaction> = {}) =>
  aTransaction({ transaction_id: `t${n}`, ...changes })

/** Findings on the last of these transactions, by rule. */
const lastFindings = (transactions: readonly Transaction[], reference = aReference()) => {
  const { decisions } = assess(arrivalsOf(transactions), { ...nothingKnown, reference })
  return Object.fromEntries(decisions.at(-1)!.findings.map((finding) => [finding.rule, finding]))
}
/** Usual payments an hour apart, from 19 to 21 dollars. */
const habit = (count: number) =>
  Array.from({ length: count }, (_, n) =>
    pay(n, { amount: `${19 + (n % 3)}.0000`, event_time: at(-60 * (count - n)) }),
  )

describe('large-amount', () => {
  it('finds more than 30,000 dollars at the rate of the day, and says so', () => {
    const findings = lastFindings([pay(1, { amount: '45210.0000', currency: 'EUR' })])
    expect(findings).toEqual({
      'large-amount': {
        rule: 'large-amount',
        version: 1,
        inputs: {
          amount: '45210.0000',
          currency: 'EUR',
          amountUsd: '48103.440000',
          usdPerUnit: '1.064',
          rateFrom: '2026-01-01',
        },
        thresholds: { aboveUsd: 30_000 },
        explanation: 'amount 45,210.00 EUR = 48,103.44 USD at rate 1.064 (2026-01-01) > 30,000.00 USD',
      },
    })
  })

  it.each([
    ['30000.0000', 'USD', false],
    ['30000.0001', 'USD', true],
    ['28195.4887', 'EUR', false], // 29,999.9999768 USD
    ['28195.4888', 'EUR', true],
    ['99999999999999.9999', 'USD', true],
    ['99999999999999.9999', 'XOF', false], // no rate: not known to be large
  ])('%s %s: %s', (amount, currency, expected) => {
    expect('large-amount' in lastFindings([pay(1, { amount, currency })])).toBe(expected)
  })

  it('takes the rate that was valid on the day', () => {
    const amount = { amount: '27000.0000', currency: 'EUR' }
    expect(lastFindings([pay(1, { ...amount, event_time: '2025-12-31T23:59:59.999Z' })])).toHaveProperty(
      'large-amount',
    )
    expect(lastFindings([pay(1, { ...amount, event_time: '2026-01-01T00:00:00.000Z' })])).toEqual({})
  })
})

describe('suspicious-merchant and high-risk-location', () => {
  const merchant = (event_time: string) =>
    pay(1, { merchant_id: nothingKnown.reference.suspiciousMerchants[0]!.id, event_time })

  it.each([
    ['2019-12-31T23:59:59.999Z', false],
    ['2020-01-01T00:00:00.000Z', true],
    ['2026-12-31T23:59:59.999Z', true],
    ['2027-01-01T00:00:00.000Z', false],
  ])('looks at the list of the day: %s %s', (time, expected) => {
    expect('suspicious-merchant' in lastFindings([merchant(time)])).toBe(expected)
  })

  it('says since when and why', () => {
    expect(lastFindings([merchant(at(0))])['suspicious-merchant']!.explanation).toBe(
      'merchant listed since 2020-01-01 (sample)',
    )
    expect(lastFindings([pay(1, { country: 'KP' })])['high-risk-location']).toMatchObject({
      inputs: { country: 'KP', reason: 'sample' },
      thresholds: { listedFrom: '2020-01-01', listedTo: 'open' },
      explanation: 'country KP listed since 2020-01-01 (sample)',
    })
  })
})

describe('abnormal-spending', () => {
  it('finds what is far above the mean of twenty payments or more', () => {
    const far = pay(99, { amount: '500.0000' })
    expect(lastFindings([...habit(19), far])).toEqual({})
    expect(lastFindings([...habit(20), far])['abnormal-spending']).toMatchObject({
      inputs: {
        amountUsd: '500.000000',
        payments: 20,
        meanUsd: '19.950000',
        deviationUsd: '19.950000', // the mean: nobody pays the same for ever
        deviations: '24.06',
      },
      explanation:
        'amount 500.00 USD is 24.06 deviations of 19.95 USD above the mean 19.95 USD of 20 earlier payments (limit 12)',
    })
  })

  it('agrees with the textbook on mean and sample deviation', () => {
    const amounts = [3, 5, 250, 4, 9, 12, 7, 3, 6, 180, 2, 14, 5, 8, 3, 11, 4, 6, 2, 9, 5]
    const mean = amounts.reduce((a, b) => a + b) / amounts.length
    const deviation = Math.sqrt(amounts.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (amounts.length - 1))
    const before = amounts.map((amount, n) =>
      pay(n, { amount: `${amount}.0000`, event_time: at(-60 * (30 - n)) }),
    )
    const last = (usd: number) =>
      lastFindings([...before, pay(99, { amount: usd.toFixed(4) })])['abnormal-spending']
    expect(last(mean + 11.99 * deviation)).toBeUndefined()
    const inputs = last(mean + 12.01 * deviation)!.inputs
    expect(Number(inputs.meanUsd)).toBeCloseTo(mean, 4)
    expect(Number(inputs.deviationUsd)).toBeCloseTo(deviation, 4)
    expect(inputs.deviations).toMatch(/^12\.0[01]$/)
  })

  it('lets small sums and small changes pass', () => {
    const same = (amount: string) =>
      Array.from({ length: 22 }, (_, n) => pay(n, { amount, event_time: at(-60 * (30 - n)) }))
    expect(lastFindings([...same('2.0000'), pay(99, { amount: '100.0000' })])).toEqual({})
    expect(lastFindings([...same('200.0000'), pay(99, { amount: '2600.0000' })])).toEqual({})
    expect(lastFindings([...same('200.0000'), pay(99, { amount: '2600.0001' })])).toHaveProperty(
      'abnormal-spending',
    )
    expect(lastFindings([...same('0.0001'), pay(99, { amount: '330.0000' })])).toHaveProperty(
      'abnormal-spending',
    )
  })
})

describe('spending-velocity', () => {
  const burst = (times: readonly number[], amount = '1.0000') =>
    times.map((time, n) => pay(n, { amount, event_time: at(time) }))

  it('finds more than eight payments within ten minutes', () => {
    expect(lastFindings(burst([0, 1, 2, 3, 4, 5, 6, 7]))).toEqual({})
    expect(lastFindings(burst([0, 1, 2, 3, 4, 5, 6, 7, 8]))['spending-velocity']).toMatchObject({
      inputs: { payments: 9, sumUsd: '9.000000' },
      explanation: '9 payments > 8 within 10 minutes',
    })
    expect(lastFindings(burst([-2, 1, 2, 3, 4, 5, 6, 7, 8]))).toEqual({}) // the first is ten minutes old
  })

  it('counts by event time, whatever the order of arrival', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7, 8], { minLength: 9 }), (times) => {
        expect(lastFindings(burst(times))['spending-velocity']!.inputs.payments).toBe(9)
      }),
    )
  })

  it('finds large sums cut into smaller ones', () => {
    expect(lastFindings(burst([0, 1, 2], '10000.0000'))).toEqual({})
    expect(lastFindings(burst([0, 1, 2], '10000.0100'))['spending-velocity']!.explanation).toBe(
      'payments of 30,000.03 USD together > 30,000.00 USD within 10 minutes',
    )
    expect(lastFindings(burst([0, 10, 20], '10000.0100'))).toEqual({})
  })

  it('is not misled by a clock that runs far ahead', () => {
    const ahead = pay(50, { event_time: '9999-12-31T23:59:59.999Z' })
    expect(lastFindings([ahead, ...burst([0, 1, 2, 3, 4, 5, 6, 7, 8])])).toHaveProperty('spending-velocity')
  })
})

describe('all rules', () => {
  it('never throw, and explain each finding in numbers, whatever was parsed', () => {
    fc.assert(
      fc.property(fc.array(anyTransaction, { maxLength: 60 }), (transactions) => {
        for (const decision of assess(arrivalsOf(transactions), nothingKnown).decisions) {
          expect(decision.verdict).toBe(decision.findings.length > 0 ? 'fraud' : 'genuine')
          for (const { rule, version, inputs, thresholds, explanation } of decision.findings) {
            expect(ruleSet.split(' ')).toContain(`${rule}@${version}`)
            expect(Object.keys(inputs).length * Object.keys(thresholds).length).toBeGreaterThan(0)
            expect(explanation).not.toMatch(/undefined|NaN|null|Infinity/)
          }
          const line = alertLine(decision, decision.transaction.city)
          expect(line).not.toMatch(/\p{Cc}|\p{Zl}|\p{Zp}/u)
          expect(readAlert(line)).toMatchObject({
            transactionId: decision.transaction.transaction_id,
            version: decision.version,
            findings: decision.findings.map(({ rule, explanation }) => ({ rule, explanation })),
          })
        }
      }),
    )
  })

  it('never acquit a larger amount that they convict when smaller', () => {
    const unitsOf = (amount: string) => BigInt(amount.replace('.', ''))
    fc.assert(
      fc.property(
        fc.array(anyTransaction, { maxLength: 30 }),
        anyAmount,
        anyAmount,
        (earlier, one, other) => {
          const [less, more] = unitsOf(one) < unitsOf(other) ? [one, other] : [other, one]
          const before = [
            ...habit(22),
            ...earlier.map((t, n) => ({ ...t, user_id: aTransaction().user_id, transaction_id: `e${n}` })),
          ]
          const found = (amount: string) => Object.keys(lastFindings([...before, pay(99, { amount })]))
          expect(found(more)).toEqual(expect.arrayContaining(found(less)))
        },
      ),
    )
  })

  it('have an id of their own', () => {
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length)
  })
})
