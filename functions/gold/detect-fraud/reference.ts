/** The dated lists and rates that rules look up, as far as one batch needs them. Days are text, `2026-01-02`, in UTC. */
export type ReferenceData = {
  readonly version: number // of the tables when they were read
  readonly rates: readonly Rate[]
  readonly suspiciousMerchants: readonly Listing[] // by merchant id
  readonly highRiskCountries: readonly Listing[] // by alpha-2 code
}
export type Rate = {
  readonly currency: string
  readonly from: string // until the next one of this currency
  readonly usdPerUnit: string // decimal
}
export type Listing = {
  readonly id: string
  readonly reason: string
  readonly from: string // inclusive
  readonly to: string | null // exclusive
}

/** Look-ups by id and day. */
export type Lookups = {
  readonly rate: (currency: string, day: string) => Rate | undefined
  readonly suspiciousMerchant: (merchantId: string, day: string) => Listing | undefined
  readonly highRiskCountry: (country: string, day: string) => Listing | undefined
}

export function indexReference({ rates, suspiciousMerchants, highRiskCountries }: ReferenceData): Lookups {
  const latestFirst = [...rates].sort((a, b) => (a.from < b.from ? 1 : -1))
  const byCurrency = groupBy(latestFirst, ({ currency }) => currency)
  return {
    rate: (currency, day) => byCurrency.get(currency)?.find(({ from }) => from <= day),
    suspiciousMerchant: listed(suspiciousMerchants),
    highRiskCountry: listed(highRiskCountries),
  }
}

function listed(listings: readonly Listing[]) {
  const byId = groupBy(listings, ({ id }) => id)
  return (id: string, day: string): Listing | undefined =>
    byId.get(id)?.find(({ from, to }) => from <= day && (to === null || day < to))
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}
