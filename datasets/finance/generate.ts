import { makeRandom, type Random } from '../random.ts'
import { activity, dateOf, dayMs, localTime, meanActivity } from './calendar.ts'
import { burst, cardTest, countSpending, fraudulent, unusual } from './frauds.ts'
import { type Payment, settleBills, usualPayment } from './payments.ts'
import { meanZeal, type User } from './people.ts'
import { accountFields, merchantFields, type Topic, transactionFields, userFields } from './records.ts'
import { unusualCities } from './reference/places.ts'
import { centsFor, usdPerUnit } from './reference/rates.ts'
import { paymentsADay, usersFor, worldStartMs } from './scale.ts'
import { makeSender, type Outgoing, type Produced } from './sender.ts'
import { count, emptySummary, type Summary } from './summary.ts'
import { begin, follow } from './travel.ts'
import { makeWorld, type World } from './world.ts'

export type { FraudKind } from './frauds.ts'
export { paymentsADay, worldStartMs } from './scale.ts'
export type { Produced, Truth } from './sender.ts'
export type { Summary } from './summary.ts'

export type FinanceOptions = {
  readonly seed: number // whole number ≥ 0
  readonly transactions: number // records of the topic `transactions`, broken ones and duplicates included; may be Infinity
  readonly startMs: number // when the first record is sent, UTC
  readonly run?: number // 0, 1, …: each goes on with new transactions of the same people; start it after the one before
  readonly users?: number
  readonly dirt?: number // share of records that are broken, 0 to 1
  readonly fraud?: number // share of transactions that are fraud, 0 to 1
}

const defaultShares = { dirt: 0.01, fraud: 0.015 }
const share = { duplicate: 0.02, late: 0.02, outOfOrder: 0.03, changedAccount: 0.01, changedUser: 0.002 }
const firstRun = 16 // streams of random numbers below are the world's
const salaryUsd = 4_500

/**
 * A bank's life as Kafka records: merchants, users and accounts first, then transactions with updates of profiles,
 * accounts and merchants in between. About 2 % of all records are delivered twice (the second soon after the first);
 * docs/finance-world.md says what else is planted.
 *
 * Deterministic: the same options give the same bytes. Lazy, one pass, with memory for the world only, so `transactions`
 * may be Infinity. `summary` counts what was taken so far. Timestamps never go back, but for a repeated record's.
 */
export function generateFinance(options: FinanceOptions): Iterable<Produced> & { readonly summary: Summary } {
  const summary = emptySummary()
  function* counted() {
    for (const record of life(options)) {
      count(summary, record)
      yield record
    }
  }
  return Object.assign(counted(), { summary })
}

function* life({
  seed,
  transactions,
  startMs,
  run = 0,
  users = usersFor(transactions),
  dirt = defaultShares.dirt,
  fraud = defaultShares.fraud,
}: FinanceOptions): Generator<Produced> {
  const random = makeRandom(seed, firstRun + run)
  const world = makeWorld(seed, { worldMs: Math.min(startMs, worldStartMs), users })
  for (const user of world.users) {
    settleBills(user, startMs)
    begin(random, user, startMs)
  }
  const sender = makeSender(random, dirt)
  function* send(record: Outgoing) {
    yield sender.send(record)
    if (!random.chance(share.duplicate)) return
    const repeated = sender.repeat(record.topic)
    if (repeated) yield repeated
  }

  yield* census(random, world, startMs, send)
  const payments = makePayments(random, world, startMs, fraud)
  for (let sent = 0; sent < transactions; sent += 1) {
    const repeated = random.chance(share.duplicate) ? sender.repeat('transactions') : undefined
    if (repeated) {
      yield repeated
      continue
    }
    const { payment, nowMs } = payments.next()
    const { user, fraud, resembles } = payment
    const fields = transactionFields(random, payment)
    const record = sender.send({
      topic: 'transactions',
      key: user.id,
      fields,
      timestampMs: nowMs,
      fraud,
      resembles,
    })
    if (record.truth.as === 'valid') payments.happened(payment)
    yield record
    for (const update of updates(random, world, payment, nowMs)) yield* send(update)
  }
}

/** Everybody and everything as they stand when a run begins, 2 ms apart. */
function* census(
  random: Random,
  { trade, users }: World,
  startMs: number,
  send: (record: Outgoing) => Iterable<Produced>,
): Generator<Produced> {
  let timestampMs = startMs - 2 * (trade.merchants.length + 3 * users.length)
  const next = (topic: Topic, key: string, fields: Outgoing['fields']): Iterable<Produced> => {
    timestampMs += 2
    return send({ topic, key, fields, timestampMs })
  }
  for (const merchant of trade.merchants)
    yield* next('merchant_info', merchant.id, merchantFields(random, merchant, merchant.updatedMs))
  for (const user of users) yield* next('user_profiles', user.id, userFields(random, user, user.updatedMs))
  for (const user of users)
    for (const account of user.accounts)
      yield* next('account_balances', account.id, accountFields(random, user, account, user.updatedMs))
}

/**
 * The payments of all users in the order in which they reach the bank. Time goes by in even steps; at each, somebody thinks
 * of paying, and does so as busy as people are then at the place: few at night, more before feasts and after pay day.
 */
function makePayments(random: Random, world: World, startMs: number, fraudShare: number) {
  const stepMs = (dayMs / (paymentsADay * world.users.length)) * meanActivity * meanZeal
  const burstRecords = fraudShare / 2
  const starts = burstRecords / (burst * (1 - burstRecords)) // for each other payment
  const frauds = burstRecords / (1 - burstRecords)
  // What is already sure to come, in order of time.
  const agenda: Payment[] = []
  let nowMs = startMs
  let nextMs = startMs
  let shown = fraudShare === 0 // whether there was a fraud already: an early one shows newcomers what this is about
  let made = 0
  const showFrom = 20 + random.below(40)

  const plan = (payments: readonly Payment[]) => {
    agenda.push(...payments)
    agenda.sort((a, b) => a.eventMs - b.eventMs)
  }
  function next(): Payment {
    for (;;) {
      const planned = agenda[0]
      if (planned && planned.eventMs <= nextMs) {
        agenda.shift()
        nowMs = Math.max(nowMs, planned.eventMs)
        return planned
      }
      nowMs = nextMs
      nextMs += stepMs * (0.5 + random.next())
      const eventMs = Math.round(nowMs)
      if (random.chance(starts * acceptance)) plan(cardTest(random, world, eventMs))
      const payment = pay(random, world, eventMs)
      if (!payment) continue
      made += 1
      if (random.chance(frauds) || (!shown && made >= showFrom)) return fraudulent(random, world, eventMs)
      const [first, ...rest] = unusual(random, world.trade, payment)
      plan(rest)
      return first!
    }
  }
  return {
    next: () => ({ payment: next(), nowMs: Math.round(nowMs) }),
    /** The bank took it: it is part of the user's habit, and of the account's balance. */
    happened(payment: Payment): void {
      const { account, fraud, cents, currency, eventMs } = payment
      if (fraud === 'none' || fraud === 'spending-velocity') countSpending(payment)
      else shown = true
      account.balanceCents -= Math.round(
        (cents * usdPerUnit(currency, eventMs)) / usdPerUnit(account.currency, eventMs),
      )
    },
  }
}
const acceptance = meanActivity * meanZeal

/** Somebody's next payment, if that user is where one can pay, awake, and of a mind to. */
function pay(random: Random, { trade, users }: World, nowMs: number): Payment | undefined {
  const user = random.pick(users)
  const { place, sinceMs } = user.whereabouts
  const local = localTime(nowMs, place)
  if (!random.chance(activity(local, user.home.country, user.payDay) * user.zeal)) return undefined
  if (follow(random, user, nowMs) === 'under-way') return undefined
  const eventMs = Math.max(Math.ceil(sinceMs), nowMs - delayMs(random))
  if (eventMs < user.busyUntilMs) return undefined
  const payment = usualPayment(random, trade, user, eventMs)
  const isAbroad = payment !== undefined && payment.channel !== 'online' && unusualCities.includes(place)
  return isAbroad ? { ...payment, resembles: 'high-risk-location' } : payment
}

/** Most payments are reported at once; some come late, and some overtake others. */
function delayMs(random: Random): number {
  const roll = random.next()
  if (roll < share.late) return 60_000 + random.below(6 * 3_600_000)
  if (roll < share.late + share.outOfOrder) return random.below(90_000)
  return 0
}

/** What changes with a payment or about that time: balances, salaries, addresses, merchants. */
function* updates(
  random: Random,
  { trade }: World,
  { user, account }: Payment,
  nowMs: number,
): Generator<Outgoing> {
  const changedMs = random.chance(0.05) ? nowMs - random.below(2 * dayMs) : nowMs // some news travel slowly
  const timestampMs = nowMs
  const isPaid = isPayDay(user, nowMs)
  if (isPaid || random.chance(share.changedAccount)) {
    const of = isPaid ? user.accounts[0]! : account
    if (isPaid) of.balanceCents += centsFor(salaryUsd * user.means, of.currency, nowMs)
    const fields = accountFields(random, user, of, changedMs)
    yield { topic: 'account_balances', key: of.id, fields, timestampMs }
  }
  if (random.chance(share.changedUser)) {
    user.address = `${1 + random.below(200)} New Street, ${user.home.name}`
    yield { topic: 'user_profiles', key: user.id, fields: userFields(random, user, changedMs), timestampMs }
  }
  if (random.chance(0.0005)) {
    const merchant = random.pick(trade.merchants)
    const fields = merchantFields(random, merchant, changedMs)
    yield { topic: 'merchant_info', key: merchant.id, fields, timestampMs }
  }
}

/** Whether the month's salary comes now: with the first payment on or after the day. */
function isPayDay(user: User, nowMs: number): boolean {
  const { day, monthIndex } = dateOf(localTime(nowMs, user.home).ms)
  if (day < user.payDay || user.paidInMonth === monthIndex) return false
  const isFirst = user.paidInMonth === 0 && day > user.payDay // it came before the run
  user.paidInMonth = monthIndex
  return !isFirst
}
