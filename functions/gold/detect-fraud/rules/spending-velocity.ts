import { busiestWindow } from '../history.ts'
import { dollars, showAmount, usdText } from '../money.ts'
import type { Rule } from './rule.ts'

const windowMinutes = 10
const maxPayments = 8
const maxUsd = 30_000

/** Too many payments of one user, or too much money in several, within 10 minutes of event time. */
export const spendingVelocity: Rule = {
  id: 'spending-velocity',
  version: 1,
  assess({ event_time }, { worth, history }) {
    const payment = { eventMs: Date.parse(event_time), worth: worth?.usd ?? 0n }
    const { payments, sum } = busiestWindow(history.recent, payment, windowMinutes * 60_000)
    const tooMany = payments > maxPayments
    const tooMuch = payments > 1 && sum > dollars(maxUsd)
    if (!tooMany && !tooMuch) return null
    const found = [
      tooMany && `${payments} payments > ${maxPayments}`,
      tooMuch && `payments of ${showAmount(usdText(sum))} USD together > ${showAmount(String(maxUsd))} USD`,
    ]
    return {
      inputs: { payments, sumUsd: usdText(sum) },
      thresholds: { windowMinutes, maxPayments, maxUsd },
      explanation: `${found.filter(Boolean).join(' and ')} within ${windowMinutes} minutes`,
    }
  },
}
