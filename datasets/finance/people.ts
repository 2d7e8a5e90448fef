import { dayMs } from './calendar.ts'
import { daysBefore, type Source } from './fakers.ts'
import { type City, cities, countryOf } from './reference/places.ts'
import { centsFor } from './reference/rates.ts'

/** Who pays: as they were when the world began, and what a run knows of them now. */
export type User = {
  readonly id: string
  readonly fullName: string
  readonly email: string
  readonly phone: string
  readonly birthDate: string // YYYY-MM-DD
  readonly home: City
  readonly registeredMs: number
  readonly updatedMs: number
  readonly device: string
  readonly accounts: readonly Account[] // at least one
  readonly isFirm: boolean // pays its suppliers by transfer, thousands of dollars at a time
  readonly zeal: number // how often this user pays, compared with others: from 0.5 to 1
  readonly means: number // what this user's payments are, compared with others': around 1
  readonly tastes: Float32Array // the same for each way to pay
  readonly payDay: number // day of the month
  readonly bills: readonly Bill[]
  address: string
  spending: Spending
  whereabouts: Whereabouts
  paidInMonth: number // the last month with a salary
  busyUntilMs: number // pays nothing else until then
}

export type Account = {
  readonly id: string
  readonly type: 'checking' | 'savings' | 'credit'
  readonly currency: string
  readonly status: 'active' | 'dormant' | 'frozen'
  readonly openedMs: number
  balanceCents: number
}

/** Rent or a contract: the same amount each month, from its day on. */
export type Bill = { readonly day: number; readonly usd: number; paidMonth: number }

/** What genuine payments came to so far, in US dollars: as the fraud rules see a habit. */
export type Spending = { payments: number; sum: number; sumOfSquares: number; lastMs: number }

export type Whereabouts = {
  readonly place: City
  readonly sinceMs: number // before it the user was under way there
  readonly untilMs: number // infinite at home
}

const firmEvery = 40

/** The user with that number in the world. */
export function makeUser(source: Source, number: number): User {
  const { random, fakers, worldMs } = source
  const home = cities[random.rank(cities.length)]!
  const country = countryOf(home)
  const local = fakers[country.locale]!
  const id = random.uuid()
  const updatedMs = daysBefore(source, worldMs, 200)
  const registeredMs = daysBefore(source, updatedMs, 2000)
  const means = Math.min(2, Math.max(0.5, Math.exp(0.35 * random.normal())))
  const isFirm = number % firmEvery === 7
  return {
    id,
    fullName: local.person.fullName() + (random.chance(0.01) ? ' 🙂' : ''),
    email: `${fakers.en!.internet.username().toLowerCase()}.${id.slice(0, 6)}@example.${random.pick(['com', 'org', 'net'])}`,
    phone: `+${country.dialling}${fakers.en!.string.numeric({ length: 9, allowLeadingZeros: false })}`,
    birthDate: local.date.birthdate({ min: 18, max: 90, mode: 'age' }).toISOString().slice(0, 10),
    address: `${local.location.streetAddress()}, ${home.name}`,
    home,
    registeredMs,
    updatedMs,
    device: `${random.pick(['ios', 'android', 'web'])}-${id.slice(0, 8)}`,
    accounts: Array.from({ length: random.chance(0.4) ? 2 : 1 }, (_, nth) => ({
      id: random.uuid(),
      type: nth === 0 ? 'checking' : random.pick(['savings', 'credit'] as const),
      currency: country.currency,
      status: random.chance(0.97) ? 'active' : random.pick(['dormant', 'frozen'] as const),
      openedMs: registeredMs,
      balanceCents: centsFor(random.next() * 20_000, country.currency, worldMs),
    })),
    isFirm,
    zeal: 0.5 + 0.5 * random.next(),
    means: isFirm ? 1 : means,
    tastes: Float32Array.from({ length: 24 }, () => Math.exp(0.2 * random.normal())),
    payDay: random.pick([1, 15, 25, 27, 28]),
    bills: isFirm
      ? []
      : [210, 45, 60, 25].map((usd) => ({
          day: 1 + random.below(26),
          usd: Math.round(usd * means * (0.85 + 0.3 * random.next())),
          paidMonth: 0,
        })),
    spending: { payments: 0, sum: 0, sumOfSquares: 0, lastMs: 0 },
    whereabouts: { place: home, sinceMs: worldMs - dayMs, untilMs: Number.POSITIVE_INFINITY },
    paidInMonth: 0,
    busyUntilMs: 0,
  }
}
/** `zeal` on average. */
export const meanZeal = 0.75
