import { dollars, showAmount, showCents, squareRoot, usdText } from '../money.ts'
import type { Rule } from './rule.ts'

const minPayments = 20 // fewer do not make a habit
const deviations = 12n
const aboveUsd = 100 // a dear coffee is no fraud

/**
 * Far above what this user usually pays: more than 12 standard deviations over the mean of all earlier payments. The
 * deviation counts as the mean at least: what people spend is skewed (coffees every day, rent once a month), so a user
 * whose payments so far were all alike is one of whom little is known yet.
 *
 * Decided in whole numbers, so that a replay decides the same. With n payments of sum S and sum of squares Q, and the sample
 * variance D / (n (n - 1)) where D = n Q - S², the squared distance in deviations is (n x - S)² (n - 1) / (n D).
 */
export const abnormalSpending: Rule = {
  id: 'abnormal-spending',
  version: 2,
  assess(_, { worth, history: { payments, sum, sumOfSquares } }) {
    if (!worth || payments < minPayments || worth.usd <= dollars(aboveUsd)) return null
    const n = BigInt(payments)
    const distance = n * worth.usd - sum
    if (distance <= 0n) return null
    const spread = n * sumOfSquares - sum * sum
    const squared = distance * distance * (n - 1n)
    const unit = max(n * spread, sum * sum * (n - 1n), 1n) // at least 1 for users who pay next to nothing
    if (squared <= deviations * deviations * unit) return null

    const hundredths = squareRoot((10_000n * squared) / unit)
    const mean = sum / n
    const deviation = squareRoot(unit / (n * n * (n - 1n)))
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
        leastDeviation: 'the mean',
      },
      explanation:
        `amount ${showAmount(usdText(worth.usd))} USD is ${times} deviations of ${showCents(deviation)} USD above ` +
        `the mean ${showCents(mean)} USD of ${payments} earlier payments (limit ${deviations})`,
    }
  },
}

const max = (...values: readonly bigint[]): bigint => values.reduce((a, b) => (a > b ? a : b))
