import type { Random } from '../random.ts'
import { dateOf, type LocalTime, localTime } from './calendar.ts'
import type { FraudKind } from './frauds.ts'
import type { Account, Bill, User } from './people.ts'
import { type City, countryOf } from './reference/places.ts'
import { centsFor, usdPerUnit } from './reference/rates.ts'
import type { Category, Merchant, Trade } from './trade.ts'

export type Channel = 'pos' | 'online' | 'atm' | 'transfer' | 'mobile'
export type Payment = {
  readonly user: User
  readonly account: Account
  readonly merchant: Merchant
  readonly place: City // where the payer was
  readonly cents: number // in `currency`
  readonly currency: string
  readonly channel: Channel
  readonly eventMs: number
  readonly fraud: FraudKind | 'none'
  readonly resembles: FraudKind | 'none' // honest, and easily taken for that
}

/** One way in which people spend money. Shops have hours; what is not `pos` or `atm` needs no place. */
type Way = {
  readonly category: Category
  readonly channel: Channel
  readonly share: number // of payments when all ways are open; not normalized
  readonly hours: readonly [from: number, to: number]
  readonly busy?: readonly number[] // hours at which it is twice as frequent
  readonly weekend?: number // how much more frequent then
  readonly usd: number // median
  readonly spread: number // deviation of the logarithm
}
const always = [0, 24] as const
const way = (
  category: Category,
  channel: Channel,
  share: number,
  usd: number,
  spread: number,
  hours: Way['hours'] = always,
  more: Pick<Way, 'busy' | 'weekend'> = {},
): Way => ({ category, channel, share, usd, spread, hours, ...more })

const ways: readonly Way[] = [
  way('grocery', 'pos', 28, 34, 0.5, [7, 22], { busy: [17, 18, 19], weekend: 1.2 }),
  way('grocery', 'online', 2, 60, 0.3),
  way('restaurant', 'pos', 15, 26, 0.45, [11, 24], { busy: [12, 13, 19, 20, 21], weekend: 1.7 }),
  way('restaurant', 'mobile', 8, 8, 0.4, [6, 23], { busy: [7, 8] }),
  way('fuel', 'pos', 7, 42, 0.3, [5, 24], { busy: [7, 8, 17, 18] }),
  way('health', 'pos', 5, 28, 0.5, [8, 19]),
  way('fashion', 'pos', 5, 45, 0.5, [10, 20], { weekend: 1.8 }),
  way('fashion', 'online', 4, 45, 0.5, always, { busy: [20, 21, 22] }),
  way('electronics', 'pos', 1, 80, 0.4, [10, 20], { weekend: 1.5 }),
  way('electronics', 'online', 2, 70, 0.4),
  way('entertainment', 'online', 6, 13, 0.4, always, { busy: [20, 21, 22, 23] }),
  way('entertainment', 'pos', 3, 22, 0.4, [14, 24], { busy: [19, 20, 21], weekend: 2 }),
  way('travel', 'online', 2, 65, 0.4),
  way('jewelry', 'pos', 0.3, 110, 0.3, [10, 19]),
  way('crypto', 'online', 0.7, 45, 0.4),
  way('gambling', 'online', 1, 20, 0.5),
  way('money_transfer', 'transfer', 3, 70, 0.4),
  way('money_transfer', 'atm', 6, 60, 0.4),
  way('utilities', 'mobile', 2, 18, 0.3, [8, 22]), // the phone's credit
]
const firmWays: readonly Way[] = (['electronics', 'fashion', 'travel', 'utilities'] as const).map(
  (category) => way(category, 'transfer', 1, 3_500, 0.7, [7, 19]),
)
const spreads = 2 // nobody pays more than so many deviations from the median

/** Shares added up for each hour, of a working day and of a weekend. */
const indexByHour = (ways: readonly Way[]) =>
  Array.from({ length: 48 }, (_, at) => {
    const hour = at % 24
    let total = 0
    return ways.map(({ share, hours: [from, to], busy, weekend = 1 }) => {
      if (hour < from || hour >= to) return total
      total += share * (busy?.includes(hour) ? 2 : 1) * (at >= 24 ? weekend : 1)
      return total
    })
  })
const everybody = { ways, byHour: indexByHour(ways) }
const firms = { ways: firmWays, byHour: indexByHour(firmWays) }

/** The place among `ways` of one that is usual at that hour; -1 when all are closed. */
function pickWay(random: Random, { byHour }: typeof everybody, { hour, isWeekend }: LocalTime): number {
  const upTo = byHour[isWeekend ? hour + 24 : hour]!
  const roll = random.next() * upTo.at(-1)!
  return upTo.findIndex((sum) => roll < sum)
}

/**
 * A payment as this user makes them: bills when they are due; else what people do at that hour, at a merchant of the place
 * where the user is, or online. Undefined when nothing is open.
 */
export function usualPayment(random: Random, trade: Trade, user: User, eventMs: number): Payment | undefined {
  const { place } = user.whereabouts
  const local = localTime(eventMs, place)
  const bill = dueBill(user, localTime(eventMs, user.home))
  if (bill) return billPayment(trade, user, bill, eventMs)
  const habits = user.isFirm ? firms : everybody
  const at = pickWay(random, habits, local)
  if (at < 0) return undefined
  const { category, channel, usd, spread } = habits.ways[at]!
  const account = channel === 'transfer' ? user.accounts[0]! : random.pick(user.accounts)
  const swing = Math.max(-spreads, Math.min(spreads, random.normal()))
  const worth = usd * user.tastes[at]! * user.means * Math.exp(spread * swing)
  return payAt(random, trade, { user, account, place, category, channel, usd: worth, eventMs })
}

/** At a merchant of the place who sells it, or online when the way is such or nobody does. */
export function payAt(
  random: Random,
  trade: Trade,
  wanted: Pick<Payment, 'user' | 'account' | 'place' | 'channel' | 'eventMs'> & {
    readonly category: Category
    readonly usd: number
  },
): Payment {
  const { user, account, place, category, usd, eventMs } = wanted
  const here = wanted.channel === 'online' || wanted.channel === 'mobile' ? [] : trade.at(place, category)
  const shops = here.length > 0 ? here : trade.online(category)
  const merchant = random.zipf(shops.length > 0 ? shops : trade.at(place, category))
  const channel = here.length > 0 || wanted.channel === 'mobile' ? wanted.channel : 'online'
  const currency =
    channel === 'pos' || channel === 'atm'
      ? countryOf(place).currency
      : channel === 'online' && random.chance(0.3)
        ? countryOf(merchant.home).currency
        : account.currency
  const cents = centsFor(usd, currency, eventMs)
  return {
    user,
    account,
    merchant,
    place,
    cents: channel === 'atm' ? banknotes(cents) : cents,
    currency,
    channel,
    eventMs,
    fraud: 'none',
    resembles: 'none',
  }
}

/** Rounded to notes: a multiple of 1, 5, 10, 50, … units, as is usual for the amount. */
function banknotes(cents: number): number {
  const step = Math.max(100, 10 ** Math.floor(Math.log10(cents)) / 2)
  return Math.max(step, Math.round(cents / step) * step)
}

function dueBill({ bills }: User, { ms }: LocalTime): Bill | undefined {
  const { day, monthIndex } = dateOf(ms)
  return bills.find((bill) => bill.day <= day && bill.paidMonth !== monthIndex)
}

function billPayment(trade: Trade, user: User, bill: Bill, eventMs: number): Payment {
  bill.paidMonth = dateOf(localTime(eventMs, user.home).ms).monthIndex
  const account = user.accounts[0]!
  const { currency } = account
  const companies = trade.at(user.home, 'utilities')
  return {
    user,
    account,
    merchant: companies[user.bills.indexOf(bill) % companies.length]!,
    place: user.whereabouts.place,
    cents: centsFor(bill.usd, currency, eventMs),
    currency,
    channel: 'transfer',
    eventMs,
    fraud: 'none',
    resembles: 'none',
  }
}

/** Bills of days before are paid: the user paid them in an earlier life. */
export function settleBills({ bills, home }: User, startMs: number): void {
  const { day, monthIndex } = dateOf(localTime(startMs, home).ms)
  for (const bill of bills) bill.paidMonth = bill.day < day ? monthIndex : 0
}

export const worthUsd = ({ cents, currency, eventMs }: Payment): number =>
  (cents / 100) * usdPerUnit(currency, eventMs)
