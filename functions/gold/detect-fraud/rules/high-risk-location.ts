import type { Rule } from './rule.ts'

/** Made in a country that was on the list of high-risk countries that day. */
export const highRiskLocation: Rule = {
  id: 'high-risk-location',
  version: 1,
  assess({ country }, { highRiskCountry: listing }) {
    if (!listing) return null
    return {
      inputs: { country, reason: listing.reason },
      thresholds: { listedFrom: listing.from, listedTo: listing.to ?? 'open' },
      explanation: `country ${country} listed since ${listing.from} (${listing.reason})`,
    }
  },
}
