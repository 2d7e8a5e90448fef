import type { Random } from '../random.ts'
import { isBeforeFeast, localTime } from './calendar.ts'
import { type Payment, payAt, worthUsd } from './payments.ts'
import type { Spending } from './people.ts'
import { highRiskCities } from './reference/places.ts'
import { centsFor } from './reference/rates.ts'
import type { Trade } from './trade.ts'
import type { World } from './world.ts'

/** What thieves do, and what honest people do that looks like it. Each kind is what one of the fraud rules looks for. */

export const fraudKinds = [
  'large-amount',
  'suspicious-merchant',
  'high-risk-location',
  'abnormal-spending',
  'spending-velocity',
] as const
export type FraudKind = (typeof fraudKinds)[number]

/** The limits of the rules: frauds are planted well above them, look-alikes below. */
const largeUsd = 30_000
const habit = { payments: 20, deviations: 12 } // the deviation counts as the mean at least
export const burst = 12 // payments of a `spending-velocity` fraud
const windowMs = 600_000 // of spending velocity
const spree = 6 // of its look-alike; more than 8 in ten minutes are found

/** The amount above which a payment is far from the user's habit; undefined while there is none. */
function habitLimitUsd({ payments, sum, sumOfSquares }: Spending): number | undefined {
  if (payments < habit.payments) return undefined
  const mean = sum / payments
  const variance = Math.max(0, (sumOfSquares - sum * mean) / (payments - 1))
  return mean + habit.deviations * Math.max(Math.sqrt(variance), mean)
}

export function countSpending(payment: Payment): void {
  const { spending } = payment.user
  const usd = worthUsd(payment)
  spending.lastMs = Math.max(spending.lastMs, payment.eventMs)
  spending.payments += 1
  spending.sum += usd
  spending.sumOfSquares += usd * usd
}

/** A single fraud on somebody's card, of the kinds other than `spending-velocity`, in equal shares where they can be. */
export function fraudulent(random: Random, { trade, users }: World, eventMs: number): Payment {
  const user = random.pick(users)
  const account = random.pick(user.accounts)
  const { place } = user.whereabouts
  const online = (usd: number, more: Partial<Payment>): Payment => ({
    ...payAt(random, trade, {
      user,
      account,
      place,
      category: random.pick(['electronics', 'jewelry', 'travel', 'crypto'] as const),
      channel: 'online',
      usd,
      eventMs,
    }),
    ...more,
  })
  const amountUsd = 20 + 60 * random.next()
  const limitUsd = habitLimitUsd(user.spending)
  const abnormalUsd = limitUsd && Math.max(200, limitUsd) * (1.5 + 2 * random.next())
  const canBeAbnormal = abnormalUsd !== undefined && abnormalUsd < largeUsd * 0.9
  const fraud = fraudKinds[random.below(canBeAbnormal ? 4 : 3)]!
  switch (fraud) {
    case 'large-amount':
      return online(largeUsd * (1.3 + 3 * random.next()), { fraud })
    case 'suspicious-merchant':
      return online(amountUsd, { fraud, merchant: random.pick(trade.suspicious) })
    case 'high-risk-location': {
      const { currency } = account
      const stolen = {
        fraud,
        place: random.pick(highRiskCities),
        channel: random.pick(['atm', 'pos'] as const),
      }
      return online(amountUsd, { ...stolen, currency, cents: centsFor(amountUsd, currency, eventMs) })
    }
    default:
      return online(abnormalUsd!, { fraud: 'abnormal-spending' })
  }
}

/** The many small payments, seconds apart, with which a stolen card is tried out. */
export function cardTest(random: Random, { trade, users }: World, startMs: number): readonly Payment[] {
  const user = random.pick(users)
  const account = user.accounts[0]!
  const merchant = random.pick(trade.online('entertainment'))
  const { currency } = account
  let eventMs = startMs
  return Array.from({ length: burst }, () => {
    eventMs += 5_000 + random.below(20_000)
    return {
      user,
      account,
      merchant,
      place: user.whereabouts.place,
      cents: centsFor(1 + 4 * random.next(), currency, eventMs),
      currency,
      channel: 'online',
      eventMs,
      fraud: 'spending-velocity',
      resembles: 'none',
    }
  })
}

const shopping = {
  spree: 0.0005,
  dearThing: 0.0012,
  beforeFeast: 3,
  lookAlikeMerchant: 0.0012,
  largeTransfer: 0.06,
}

/**
 * What honest users do instead of this usual payment of theirs, now and then: several payments, the first at its time. All of
 * it stays below the limits of the rules, and is made where the user is.
 */
export function unusual(random: Random, trade: Trade, usual: Payment): readonly Payment[] {
  const { user, place, eventMs } = usual
  if (user.isFirm) return random.chance(shopping.largeTransfer) ? [largeTransfer(random, usual)] : [usual]
  const local = localTime(eventMs, place)
  const more = isBeforeFeast(user.home.country, local) ? shopping.beforeFeast : 1
  const roll = random.next()
  if (roll < shopping.spree * more) return shoppingSpree(random, trade, usual)
  if (roll < (shopping.spree + shopping.dearThing) * more) return [dearThing(random, trade, usual)]
  if (random.chance(shopping.lookAlikeMerchant))
    return [
      {
        ...usual,
        merchant: random.pick(trade.lookAlikes),
        channel: 'online',
        resembles: 'suspicious-merchant',
      },
    ]
  return [usual]
}

/** 20,000 to 29,900 dollars, of a firm that pays thousands every day. */
function largeTransfer(random: Random, usual: Payment): Payment {
  const { user, eventMs } = usual
  const usd = 20_000 + 9_900 * random.next()
  const limitUsd = habitLimitUsd(user.spending)
  const isAlone = eventMs > user.spending.lastMs + windowMs // several in ten minutes must not come to more either
  if (!isAlone || (limitUsd !== undefined && usd > 0.9 * limitUsd)) return usual
  user.busyUntilMs = eventMs + windowMs
  const cents = centsFor(usd, usual.currency, eventMs)
  return { ...usual, cents, resembles: 'large-amount' }
}

/** The dearest thing that somebody bought so far, for a feast perhaps: half of what would be far from the habit, and more. */
function dearThing(random: Random, trade: Trade, usual: Payment): Payment {
  const limitUsd = habitLimitUsd(usual.user.spending)
  if (limitUsd === undefined) return usual
  const { user, account, place, eventMs } = usual
  const category = random.pick(['electronics', 'jewelry', 'travel'] as const)
  const usd = limitUsd * (0.5 + 0.4 * random.next())
  const payment = payAt(random, trade, { user, account, place, category, channel: 'online', usd, eventMs })
  return { ...payment, resembles: 'abnormal-spending' }
}

/** From shop to shop, a minute or so in each. */
function shoppingSpree(random: Random, trade: Trade, usual: Payment): readonly Payment[] {
  const { user, account, place } = usual
  const { hour } = localTime(usual.eventMs, place)
  if (hour < 10 || hour >= 19) return [usual]
  let { eventMs } = usual
  const payments = Array.from({ length: spree }, (): Payment => {
    const usd = 15 + 40 * random.next()
    const payment = payAt(random, trade, {
      user,
      account,
      place,
      category: 'fashion',
      channel: 'pos',
      usd,
      eventMs,
    })
    eventMs += 40_000 + random.below(50_000)
    return { ...payment, resembles: 'spending-velocity' }
  })
  user.busyUntilMs = eventMs + windowMs
  return payments
}
