import type { Rule } from './rule.ts'

/** Paid to a merchant who was on the list of suspicious merchants that day. */
export const suspiciousMerchant: Rule = {
  id: 'suspicious-merchant',
  version: 1,
  assess({ merchant_id }, { suspiciousMerchant: listing }) {
    if (!listing) return null
    return {
      inputs: { merchant: merchant_id, reason: listing.reason },
      thresholds: { listedFrom: listing.from, listedTo: listing.to ?? 'open' },
      explanation: `merchant listed since ${listing.from} (${listing.reason})`,
    }
  },
}
