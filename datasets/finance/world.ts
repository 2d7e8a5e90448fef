import {
  base,
  cs_CZ,
  da,
  de,
  en,
  es,
  Faker,
  fr,
  generateMersenne53Randomizer,
  it,
  ja,
  nb_NO,
  nl,
  pl,
  pt_BR,
  sv,
} from '@faker-js/faker'
import { makeRandom, type Random } from './random.ts'
import { exchangeRates, suspiciousMerchants } from './reference/lists.ts'
import { type City, type Country, cities, countries } from './reference/places.ts'

/** The people, accounts and merchants that a generator run is about, and their habits. */
export type World = {
  readonly merchants: readonly Merchant[] // most visited first; without the suspicious ones
  readonly suspicious: readonly Merchant[] // those of `suspiciousMerchants` that are listed today
  readonly users: readonly User[]
}

export type Merchant = {
  readonly id: string
  readonly name: string
  readonly category: string
  readonly risk: 'low' | 'medium' | 'high'
  readonly home: City
  readonly updatedMs: number
}

export type User = {
  readonly id: string
  readonly fullName: string
  readonly email: string
  readonly phone: string
  readonly birthDate: string // YYYY-MM-DD
  address: string
  home: City
  readonly registeredMs: number
  readonly updatedMs: number
  readonly medianUsd: number // half of this user's payments are below it
  readonly device: string
  readonly accounts: readonly Account[] // at least one
  payments: number // valid, not planted as fraud, so far
}

export type Account = {
  readonly id: string
  readonly type: 'checking' | 'savings' | 'credit'
  readonly currency: string
  readonly status: 'active' | 'dormant' | 'frozen' | 'closed'
  readonly openedMs: number
  balanceCents: number
}

export const dayMs = 86_400_000
const locales = { cs_CZ, da, de, en, es, fr, it, ja, nb_NO, nl, pl, pt_BR, sv }
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
const categories = Object.keys(riskOf) as (keyof typeof riskOf)[]

const countryByCode = new Map(countries.map((country) => [country.code, country]))
/** The country of a city; for a high-risk city, one that only its code is known of. */
export const countryOf = ({ country }: City): Country =>
  countryByCode.get(country) ?? {
    code: country,
    code3: country,
    name: country,
    currency: 'USD',
    dialling: '',
    locale: 'en',
  }

/** What one unit of a currency is about worth in US dollars: near enough to make up amounts, not to decide on them. */
export const worthUsd: ReadonlyMap<string, number> = new Map(
  exchangeRates.map(({ currency, usdPerUnit }) => [currency, Number(usdPerUnit)]),
)

/**
 * Make the world of a seed as it stands at `worldMs`. Same arguments, same world; a larger one begins with the people and merchants
 * of a smaller one.
 */
export function makeWorld(
  seed: number,
  { worldMs, users, merchants }: { worldMs: number; users: number; merchants: number },
): World {
  const trade = makeSource(seed, 1, worldMs)
  const society = makeSource(seed, 2, worldMs)
  const listedToday = suspiciousMerchants.filter(({ to }) => to === null || Date.parse(to) > worldMs)
  return {
    suspicious: listedToday.map(({ merchantId }) =>
      makeMerchant(trade, merchantId, trade.random.pick(['crypto', 'money_transfer', 'gambling'])),
    ),
    merchants: Array.from({ length: merchants }, () =>
      makeMerchant(trade, trade.random.uuid(), trade.random.pick(categories)),
    ),
    users: Array.from({ length: users }, () => makeUser(society)),
  }
}

const makeMerchant = (source: Source, id: string, category: keyof typeof riskOf): Merchant => ({
  id,
  name: source.fakers.en!.company.name(),
  category,
  risk: riskOf[category],
  home: cities[source.random.rank(cities.length)]!,
  updatedMs: daysBefore(source, source.worldMs, 300),
})

function makeUser(source: Source): User {
  const { random, fakers, worldMs } = source
  const home = cities[random.rank(cities.length)]!
  const country = countryOf(home)
  const local = fakers[country.locale]!
  const id = random.uuid()
  const updatedMs = daysBefore(source, worldMs, 200)
  const registeredMs = daysBefore(source, updatedMs, 2000)
  return {
    id,
    fullName: local.person.fullName(),
    email: `${fakers.en!.internet.username().toLowerCase()}.${id.slice(0, 6)}@example.${random.pick(['com', 'org', 'net'])}`,
    phone: `+${country.dialling}${fakers.en!.string.numeric({ length: 9, allowLeadingZeros: false })}`,
    birthDate: local.date.birthdate({ min: 18, max: 90, mode: 'age' }).toISOString().slice(0, 10),
    address: `${local.location.streetAddress()}, ${home.name}`,
    home,
    registeredMs,
    updatedMs,
    medianUsd: Math.min(120, Math.max(10, 35 * Math.exp(0.6 * random.normal()))),
    device: `${random.pick(['ios', 'android', 'web'])}-${id.slice(0, 8)}`,
    accounts: Array.from({ length: random.chance(0.4) ? 2 : 1 }, (_, nth) => ({
      id: random.uuid(),
      type: nth === 0 ? 'checking' : random.pick(['savings', 'credit'] as const),
      currency: country.currency,
      status: random.chance(0.97) ? 'active' : random.pick(['dormant', 'frozen'] as const),
      openedMs: registeredMs,
      balanceCents: Math.round((random.next() * 20_000 * 100) / (worthUsd.get(country.currency) ?? 1)),
    })),
    payments: 0,
  }
}

/** Where random values come from: numbers of their own, and a faker for each locale with these numbers and this "now". */
type Source = {
  readonly random: Random
  readonly fakers: Readonly<Record<string, Faker>>
  readonly worldMs: number
}

function makeSource(seed: number, stream: number, worldMs: number): Source {
  const random = makeRandom(seed, stream)
  const randomizer = generateMersenne53Randomizer(random.below(2 ** 31))
  const entries = Object.entries(locales).map(([name, locale]) => {
    const faker = new Faker({ locale: [locale, en, base], randomizer })
    faker.setDefaultRefDate(worldMs)
    return [name, faker] as const
  })
  return { random, fakers: Object.fromEntries(entries), worldMs }
}

const daysBefore = ({ random }: Source, timeMs: number, days: number): number =>
  timeMs - random.below(days * dayMs) - 1
