import { dollars, showAmount, usdText } from '../money.ts'
import type { Rule } from './rule.ts'

const aboveUsd = 30_000

/** More than 30,000 US dollars at the rate of the day. */
export const largeAmount: Rule = {
  id: 'large-amount',
  version: 1,
  assess({ amount, currency }, { worth }) {
    if (!worth || worth.usd <= dollars(aboveUsd)) return null
    const { usdPerUnit, from } = worth.rate
    const converted =
      currency === 'USD' ? '' : ` = ${showAmount(usdText(worth.usd))} USD at rate ${usdPerUnit} (${from})`
    return {
      inputs: { amount, currency, amountUsd: usdText(worth.usd), usdPerUnit, rateFrom: from },
      thresholds: { aboveUsd },
      explanation: `amount ${showAmount(amount)} ${currency}${converted} > ${showAmount(String(aboveUsd))} USD`,
    }
  },
}
