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
import type { Random } from './random.ts'
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

/** Make a world that stands at `startMs`. Same arguments, same world. */
export function makeWorld(
  random: Random,
  { seed, startMs, users, merchants }: { seed: number; startMs: number; users: number; merchants: number },
): World {
  const fakers = makeFakers(seed, startMs)
  const dayBefore = (timeMs: number, days: number) => timeMs - Math.floor(random.next() * days * dayMs) - 1
  const shop = (id: string, category: keyof typeof riskOf): Merchant => ({
    id,
    name: fakers.en!.company.name(),
    category,
    risk: riskOf[category],
    home: cities[random.rank(cities.length)]!,
    updatedMs: dayBefore(startMs, 300),
  })
  const listedToday = suspiciousMerchants.filter(({ to }) => to === null || Date.parse(to) > startMs)
  return {
    merchants: Array.from({ length: merchants }, () => shop(random.uuid(), random.pick(categories))),
    suspicious: listedToday.map(({ merchantId }) =>
      shop(merchantId, random.pick(['crypto', 'money_transfer', 'gambling'])),
    ),
    users: Array.from({ length: users }, () => makeUser(random, fakers, startMs, dayBefore)),
  }
}

function makeUser(
  random: Random,
  fakers: Readonly<Record<string, Faker>>,
  startMs: number,
  dayBefore: (timeMs: number, days: number) => number,
): User {
  const home = cities[random.rank(cities.length)]!
  const country = countryOf(home)
  const local = fakers[country.locale]!
  const id = random.uuid()
  const updatedMs = dayBefore(startMs, 200)
  const registeredMs = dayBefore(updatedMs, 2000)
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

/** A faker for each locale, of their own seed and their own "now": nothing of them depends on the clock or on other users. */
function makeFakers(seed: number, startMs: number): Readonly<Record<string, Faker>> {
  const randomizer = generateMersenne53Randomizer(seed)
  const entries = Object.entries(locales).map(([name, locale]) => {
    const faker = new Faker({ locale: [locale, en, base], randomizer })
    faker.setDefaultRefDate(startMs)
    return [name, faker] as const
  })
  return Object.fromEntries(entries)
}
