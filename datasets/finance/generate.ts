import {
  breakRecord,
  type Cause,
  causes,
  type Fields,
  spellCountry,
  spellCurrency,
  spellMoney,
  spellText,
  spellTime,
  type Topic,
} from './dirt.ts'
import { makeRandom, type Random } from './random.ts'
import { type City, cities, highRiskCities } from './reference/places.ts'
import {
  type Account,
  countryOf,
  dayMs,
  type Merchant,
  makeWorld,
  type User,
  type World,
  worthUsd,
} from './world.ts'

export type FraudKind =
  | 'large-amount'
  | 'suspicious-merchant'
  | 'high-risk-location'
  | 'abnormal-spending'
  | 'spending-velocity'

/** One record to produce, in this order: records of one key must reach one partition in the order given. */
export type Produced = {
  readonly topic: Topic
  readonly key: string | null // the user, account or merchant; null on a few broken ones
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>> // of transactions, `fraud-label`: a FraudKind or `none`
  readonly timestampMs: number
  readonly truth: Truth // what was planted; not to be produced
}
export type Truth = { readonly as: 'valid' | 'duplicate' | Cause; readonly fraud: FraudKind | 'none' }

/** What was planted in the records taken so far. records = valid + duplicates + broken, for each topic. */
export type Summary = {
  readonly topics: Readonly<
    Record<Topic, { records: number; valid: number; duplicates: number; broken: number }>
  >
  readonly causes: Record<Cause, number>
  /** Transactions planted as fraud, each once. Of a `spending-velocity` burst all are, though only its end shows. */
  readonly frauds: Record<FraudKind, number>
}

export type FinanceOptions = {
  readonly seed: number // whole number ≥ 0
  readonly transactions: number // records of the topic `transactions`, broken ones and duplicates included; may be Infinity
  readonly startMs: number // when the first record is sent, UTC
  readonly run?: number // 0, 1, …: each goes on with new transactions of the same people; start it after the one before
  readonly users?: number
}

const share = { duplicate: 0.02, broken: 0.01, fraud: 0.008, late: 0.02, outOfOrder: 0.03, travel: 0.08 }
const worldMs = Date.UTC(2026, 0, 1) // how people stood then does not depend on when a run starts, unless it starts earlier
const firstRun = 16 // streams of random numbers below are the world's
const paymentsADay = 4 // of one user
const enoughHistory = 12 // payments of a user before an abnormal one can be told from them
const burst = 12 // payments of a `spending-velocity` fraud, seconds apart

/** How many users a run has when not told: one for 20 transactions, from 50 to 5,000. */
const usersFor = (transactions: number): number => Math.round(Math.min(5000, Math.max(50, transactions / 20)))

/** About how long a run lasts in its own time. Start it that long ago if its end shall be now: brokers refuse the future. */
export const spanMs = ({
  transactions,
  users = usersFor(transactions),
}: Omit<FinanceOptions, 'seed' | 'startMs'>): number => (transactions * dayMs) / (paymentsADay * users)

/**
 * A bank's life as Kafka records: merchants, users and accounts first, then transactions with updates of profiles,
 * accounts and merchants in between. About 2 % of all records are delivered twice (the second soon after the first), 1 %
 * are broken, and about 1.5 % of the transactions are fraud of the kinds that the rules look for.
 *
 * Deterministic: the same options give the same bytes. Lazy, one pass, with memory for the world only, so `transactions`
 * may be Infinity. `summary` counts what was taken so far.
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
}: FinanceOptions): Generator<Produced> {
  const random = makeRandom(seed, firstRun + run)
  const merchants = Math.round(Math.min(1000, Math.max(50, users / 5)))
  const world = makeWorld(seed, { worldMs: Math.min(startMs, worldMs), users, merchants })
  const sender = makeSender(random)
  const stepMs = dayMs / (paymentsADay * users)
  let nowMs = startMs
  const tick = (ms: number): number => {
    nowMs += ms
    return nowMs
  }

  for (const merchant of [...world.merchants, ...world.suspicious])
    yield* sender.send(
      'merchant_info',
      merchant.id,
      merchantFields(random, merchant, merchant.updatedMs),
      tick(2),
    )
  for (const user of world.users)
    yield* sender.send('user_profiles', user.id, userFields(random, user, user.updatedMs), tick(2))
  for (const user of world.users)
    for (const account of user.accounts)
      yield* sender.send(
        'account_balances',
        account.id,
        accountFields(random, user, account, user.updatedMs),
        tick(2),
      )

  let testedCard: { user: User; merchant: Merchant; left: number } | undefined
  for (let sent = 0; sent < transactions; sent += 1) {
    if (random.chance(share.duplicate) && sender.canRepeat('transactions')) {
      yield sender.repeat('transactions')
      continue
    }
    if (!testedCard && random.chance(share.fraud / burst))
      testedCard = { user: random.pick(world.users), merchant: random.pick(world.merchants), left: burst }
    tick(testedCard ? 5_000 + random.below(20_000) : Math.round(stepMs * (0.5 + random.next())))
    const payment = testedCard
      ? cardTest(random, testedCard.user, testedCard.merchant, nowMs)
      : random.chance(share.fraud)
        ? fraudulent(random, world, nowMs)
        : usual(random, world, nowMs)
    if (testedCard && --testedCard.left === 0) testedCard = undefined
    yield sender.transaction(payment, nowMs)

    const { user, account } = payment
    const changedMs = random.chance(0.05) ? nowMs - random.below(2 * dayMs) : nowMs // some news travel slowly
    if (random.chance(0.01))
      yield* sender.send(
        'account_balances',
        account.id,
        accountFields(random, user, account, changedMs),
        nowMs,
      )
    if (random.chance(0.0025)) {
      if (random.chance(0.3)) user.home = cities[random.rank(cities.length)]!
      user.address = `${1 + random.below(200)} New Street, ${user.home.name}`
      yield* sender.send('user_profiles', user.id, userFields(random, user, changedMs), nowMs)
    }
    if (random.chance(0.0005)) {
      const merchant = random.pick(world.merchants)
      yield* sender.send('merchant_info', merchant.id, merchantFields(random, merchant, changedMs), nowMs)
    }
  }
}

type Payment = {
  readonly user: User
  readonly account: Account
  readonly merchant: Merchant
  readonly place: City
  readonly cents: number // in `currency`
  readonly currency: string
  readonly channel: string
  readonly eventMs: number
  readonly fraud: FraudKind | 'none'
}

/** A payment as this user makes them: around the own mean, mostly at home, mostly at the popular merchants. */
function usual(random: Random, world: World, nowMs: number, user = random.pick(world.users)): Payment {
  const account = random.pick(user.accounts)
  const place = random.chance(share.travel) ? random.pick(cities) : user.home
  const currency = random.chance(0.5) ? countryOf(place).currency : account.currency
  const roll = random.next()
  const eventMs =
    roll < share.late
      ? nowMs - 60_000 - random.below(6 * 3_600_000)
      : roll < share.late + share.outOfOrder
        ? nowMs - random.below(90_000)
        : nowMs
  return {
    user,
    account,
    merchant: world.merchants[random.rank(world.merchants.length)]!,
    place,
    cents: centsOf(user.medianUsd * Math.exp(0.4 * random.normal()), currency),
    currency,
    channel: random.pick(['pos', 'pos', 'online', 'mobile', 'atm', 'transfer']),
    eventMs,
    fraud: 'none',
  }
}

function fraudulent(random: Random, world: World, nowMs: number): Payment {
  const payment = { ...usual(random, world, nowMs), eventMs: nowMs }
  const { user, currency } = payment
  const kinds: readonly FraudKind[] = [
    'large-amount',
    'suspicious-merchant',
    'high-risk-location',
    'abnormal-spending',
  ]
  const fraud = random.pick(user.payments >= enoughHistory ? kinds : kinds.slice(0, 3))
  switch (fraud) {
    case 'large-amount':
      return { ...payment, fraud, cents: centsOf(45_000 + random.next() * 100_000, currency) }
    case 'suspicious-merchant':
      return { ...payment, fraud, merchant: random.pick(world.suspicious) }
    case 'high-risk-location':
      return {
        ...payment,
        fraud,
        place: random.pick(highRiskCities),
        currency: payment.account.currency,
        cents: centsOf(user.medianUsd, payment.account.currency),
      }
    default:
      return { ...payment, fraud, cents: centsOf(user.medianUsd * (40 + 60 * random.next()), currency) }
  }
}

/** One of the many small payments with which a stolen card is tried out. */
function cardTest(random: Random, user: User, merchant: Merchant, nowMs: number): Payment {
  const account = user.accounts[0]!
  return {
    user,
    account,
    merchant,
    place: user.home,
    cents: centsOf(1 + 4 * random.next(), account.currency),
    currency: account.currency,
    channel: 'online',
    eventMs: nowMs,
    fraud: 'spending-velocity',
  }
}

const centsOf = (usd: number, currency: string): number =>
  Math.max(1, Math.round((usd * 100) / (worthUsd.get(currency) ?? 1)))

/** Turns fields into records: breaks some, and keeps the last valid ones of each topic so that they can come again. */
function makeSender(random: Random) {
  const kept: Record<Topic, Produced[]> = {
    merchant_info: [],
    user_profiles: [],
    account_balances: [],
    transactions: [],
  }
  let nextKept = 0
  const keep = (record: Produced) => {
    const list = kept[record.topic]
    if (list.length < 32) list.push(record)
    else list[nextKept++ % 32] = record
  }

  function make(
    topic: Topic,
    key: string,
    fields: Fields,
    timestampMs: number,
    fraud: Truth['fraud'],
  ): Produced {
    const labelled = (label: string): Produced['headers'] =>
      topic === 'transactions' ? { 'fraud-label': Buffer.from(label) } : {}
    if (random.chance(share.broken)) {
      const cause = random.pick(causes)
      return {
        topic,
        key: cause === 'not-json' && random.chance(0.5) ? null : key,
        value: breakRecord(random, topic, fields, cause),
        headers: labelled('none'),
        timestampMs,
        truth: { as: cause, fraud: 'none' },
      }
    }
    const value = Buffer.from(JSON.stringify(fields))
    const record: Produced = {
      topic,
      key,
      value,
      headers: labelled(fraud),
      timestampMs,
      truth: { as: 'valid', fraud },
    }
    keep(record)
    return record
  }

  const repeat = (topic: Topic): Produced => {
    const earlier = random.pick(kept[topic])
    return { ...earlier, truth: { ...earlier.truth, as: 'duplicate' } }
  }
  return {
    canRepeat: (topic: Topic) => kept[topic].length > 0,
    repeat,
    transaction(payment: Payment, timestampMs: number): Produced {
      const { user, account, fraud } = payment
      const record = make('transactions', user.id, transactionFields(random, payment), timestampMs, fraud)
      if (record.truth.as === 'valid') {
        if (fraud === 'none') user.payments += 1
        account.balanceCents -= Math.round(
          (payment.cents * (worthUsd.get(payment.currency) ?? 1)) / (worthUsd.get(account.currency) ?? 1),
        )
      }
      return record
    },
    *send(topic: Topic, key: string, fields: Fields, timestampMs: number): Generator<Produced> {
      yield make(topic, key, fields, timestampMs, 'none')
      if (random.chance(share.duplicate) && kept[topic].length > 0) yield repeat(topic)
    },
  }
}

const near = (random: Random, degrees: number): number =>
  Math.round((degrees + (random.next() - 0.5) * 0.2) * 1e6) / 1e6

function transactionFields(
  random: Random,
  { user, account, merchant, place, cents, currency, channel, eventMs }: Payment,
): Fields {
  const position = random.chance(0.9)
  return {
    transaction_id: random.uuid(),
    account_id: account.id,
    user_id: user.id,
    merchant_id: merchant.id,
    amount: spellMoney(random, cents),
    currency: spellCurrency(random, currency),
    country: spellCountry(random, countryOf(place)),
    city: spellText(random, place.name),
    latitude: position ? near(random, place.latitude) : undefined,
    longitude: position ? near(random, place.longitude) : undefined,
    channel,
    device: channel === 'atm' ? undefined : user.device,
    event_time: spellTime(random, eventMs),
  }
}

const merchantFields = (random: Random, merchant: Merchant, updatedMs: number): Fields => ({
  merchant_id: merchant.id,
  name: spellText(random, merchant.name),
  category: merchant.category,
  risk: merchant.risk,
  country: spellCountry(random, countryOf(merchant.home)),
  city: merchant.home.name,
  updated_at: spellTime(random, updatedMs),
})

const userFields = (random: Random, user: User, updatedMs: number): Fields => ({
  user_id: user.id,
  full_name: spellText(random, user.fullName),
  email: user.email,
  phone: user.phone,
  birth_date: user.birthDate,
  address: user.address,
  city: user.home.name,
  country: spellCountry(random, countryOf(user.home)),
  registered_at: spellTime(random, user.registeredMs),
  updated_at: spellTime(random, updatedMs),
})

const accountFields = (random: Random, user: User, account: Account, updatedMs: number): Fields => ({
  account_id: account.id,
  user_id: user.id,
  type: account.type,
  balance: spellMoney(random, account.balanceCents),
  currency: spellCurrency(random, account.currency),
  status: account.status,
  opened_at: spellTime(random, account.openedMs),
  updated_at: spellTime(random, updatedMs),
})

function emptySummary(): Summary {
  const none = () => ({ records: 0, valid: 0, duplicates: 0, broken: 0 })
  return {
    topics: { merchant_info: none(), user_profiles: none(), account_balances: none(), transactions: none() },
    causes: Object.fromEntries(causes.map((cause) => [cause, 0])) as Record<Cause, number>,
    frauds: {
      'large-amount': 0,
      'suspicious-merchant': 0,
      'high-risk-location': 0,
      'abnormal-spending': 0,
      'spending-velocity': 0,
    },
  }
}

function count({ topics, causes, frauds }: Summary, { topic, truth }: Produced): void {
  const counts = topics[topic]
  counts.records += 1
  if (truth.as === 'valid') {
    counts.valid += 1
    if (truth.fraud !== 'none') frauds[truth.fraud] += 1
  } else if (truth.as === 'duplicate') counts.duplicates += 1
  else {
    counts.broken += 1
    causes[truth.as] += 1
  }
}
