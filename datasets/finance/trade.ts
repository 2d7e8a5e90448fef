import { daysBefore, type Source } from './fakers.ts'
import { suspiciousMerchants } from './reference/lists.ts'
import { type City, cities, unusualCities } from './reference/places.ts'

/** The merchants of a world, and who sells what where. */
export type Trade = {
  /** All of them, in an order that does not change when there are more. */
  readonly merchants: readonly Merchant[]
  readonly suspicious: readonly Merchant[] // on the list at `worldMs`
  /** Easily taken for suspicious ones: of nearly the same name, or once on the list and cleared. */
  readonly lookAlikes: readonly Merchant[]
  /** Most visited first; empty where nobody sells it. */
  readonly at: (city: City, category: Category) => readonly Merchant[]
  readonly online: (category: Category) => readonly Merchant[]
}

export type Merchant = {
  readonly id: string
  readonly name: string
  readonly category: Category
  readonly risk: 'low' | 'medium' | 'high'
  readonly home: City
  readonly updatedMs: number
}

const riskOf = {
  grocery: 'low',
  restaurant: 'low',
  fuel: 'low',
  travel: 'medium',
  electronics: 'medium',
  fashion: 'low',
  health: 'low',
  entertainment: 'low',
  utilities: 'low',
  crypto: 'high',
  gambling: 'high',
  jewelry: 'medium',
  money_transfer: 'high',
} as const
export type Category = keyof typeof riskOf

// What every city has, and what only the large ones have; the rest is bought online.
const everywhere: readonly Category[] = [
  'grocery',
  'restaurant',
  'fuel',
  'health',
  'fashion',
  'travel',
  'money_transfer',
  'utilities',
]
const inLargeCities: readonly Category[] = ['electronics', 'entertainment', 'jewelry']
const largeCities = 15
const onlineShops: Readonly<Partial<Record<Category, number>>> = {
  grocery: 2,
  fashion: 8,
  electronics: 8,
  entertainment: 8,
  travel: 5,
  crypto: 3,
  gambling: 4,
  money_transfer: 3,
  utilities: 3,
  jewelry: 2,
}

/** Every city has its shops; `more` are added to them, in large cities first. */
export function makeTrade(source: Source, more: number): Trade {
  const merchants: Merchant[] = []
  const shops = new Map<City, Map<Category, Merchant[]>>()
  const online = new Map<Category, Merchant[]>()
  const open = (in_: Map<Category, Merchant[]>, category: Category, home: City) => {
    const merchant = makeMerchant(source, source.random.uuid(), category, home)
    merchants.push(merchant)
    in_.set(category, [...(in_.get(category) ?? []), merchant])
  }

  const { random } = source
  const suspicious: Merchant[] = []
  const lookAlikes: Merchant[] = []
  for (const { merchantId, to } of suspiciousMerchants) {
    const category = random.pick(['crypto', 'money_transfer', 'gambling'] as const)
    const merchant = makeMerchant(source, merchantId, category, random.pick(cities))
    const isListed = to === null || Date.parse(to) > source.worldMs
    ;(isListed ? suspicious : lookAlikes).push(merchant)
    if (!isListed) continue
    const namesake = makeMerchant(source, random.uuid(), category, merchant.home)
    lookAlikes.push({
      ...namesake,
      name: `${merchant.name} ${random.pick(['Group', 'International', '& Co'])}`,
    })
  }
  for (const [rank, city] of [...cities, ...unusualCities].entries()) {
    const here = new Map<Category, Merchant[]>()
    shops.set(city, here)
    for (const category of rank < largeCities ? [...everywhere, ...inLargeCities] : everywhere)
      open(here, category, city)
  }
  for (const [category, count] of Object.entries(onlineShops))
    for (let n = 0; n < count; n += 1) open(online, category as Category, cities[random.rank(cities.length)]!)
  for (let n = 0; n < more; n += 1) {
    const city = cities[random.rank(cities.length)]!
    open(shops.get(city)!, random.pick([...everywhere, ...inLargeCities]), city)
  }
  return {
    merchants: [...suspicious, ...lookAlikes, ...merchants],
    suspicious,
    lookAlikes,
    at: (city, category) => shops.get(city)?.get(category) ?? [],
    online: (category) => online.get(category) ?? [],
  }
}

const makeMerchant = (source: Source, id: string, category: Category, home: City): Merchant => ({
  id,
  name: source.fakers.en!.company.name(),
  category,
  risk: riskOf[category],
  home,
  updatedMs: daysBefore(source, source.worldMs, 300),
})
