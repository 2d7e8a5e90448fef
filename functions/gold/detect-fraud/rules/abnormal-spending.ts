import { dollars, showAmount, showCents, squareRoot, usdText } from '../money.ts'
import type { Rule } from './rule.ts'

const minPayments = 10 // fewer do not make a habit
const deviations = 6n
const aboveUsd = 100 // a dear coffee is no fraud
const leastDeviation = 10n // 1/10 of the mean: who always pays the same may pay a little more

/**
 * Far above what this user usually pays: more than 6 standard deviations over the mean of all earlier payments.
 *
 * Decided in whole numbers, so that a replay decides the same. With n payments of sum S and sum of squares Q, and the sample
 * variance D / (n (n - 1)) where D = n Q - S², the squared distance in deviations is (n x - S)² (n - 1) / (n D).
 */
export const abnormalSpending: Rule = {
  id: 'abnormal-spending',
  version: 1,
  assess(_, { worth, history: { payments, sum, sumOfSquares } }) {
    if (!worth || payments < minPayments || worth.usd <= dollars(aboveUsd)) return null
    const n = BigInt(payments)
    const distance = n * worth.usd - sum
    if (distance <= 0n) return null
    const spread = n * sumOfSquares - sum * sum
    // Both sides times 100 (the floor of the deviation, squared) to stay whole; at least 1 for users who pay next to nothing.
    const floor = leastDeviation * leastDeviation
    const squared = distance * distance * floor * (n - 1n)
    const unit = max(floor * n * spread, sum * sum * (n - 1n), 1n)
    if (squared <= deviations * deviations * unit) return null

    const hundredths = squareRoot((10_000n * squared) / unit)
    const mean = sum / n
    const deviation = squareRoot(unit / (floor * n * n * (n - 1n)))
    const times = `${hundredths / 100n}.${String(hundredths % 100n).padStart(2, '0')}`
    return {
      inputs: {
        amountUsd: usdText(worth.usd),
        payments,
        meanUsd: usdText(mean),
        deviationUsd: usdText(deviation),
        deviations: times,
      },
      thresholds: {
        deviations: Number(deviations),
        minPayments,
        aboveUsd,
        leastDeviation: '1/10 of the mean',
      },
      explanation:
        `amount ${showAmount(usdText(worth.usd))} USD is ${times} deviations of ${showCents(deviation)} USD above ` +
        `the mean ${showCents(mean)} USD of ${payments} earlier payments (limit ${deviations})`,
    }
  },
}

const max = (...values: readonly bigint[]): bigint => values.reduce((a, b) => (a > b ? a : b))
