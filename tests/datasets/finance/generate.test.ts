import { createHash } from 'node:crypto'
import { readValue } from '@cupel/core/bronze'
import { parseRecord } from '@cupel/core/record'
import { describe, expect, it } from 'vitest'
import { causes } from '#datasets/finance/dirt.ts'
import { generateFinance, type Produced, paymentsADay } from '#datasets/finance/generate.ts'
import { suspiciousMerchants } from '#datasets/finance/reference/lists.ts'
import { cities, countries, distanceKm, unusualCities } from '#datasets/finance/reference/places.ts'
import { type Transaction, transactions } from '#datasets/finance/transactions.ts'
import { users } from '#datasets/finance/users.ts'
import { datasetByTopic } from '#datasets/index.ts'

const startMs = Date.parse('2026-01-05T00:00:00Z')
const options = { seed: 7, transactions: 20_000, startMs }
const stream = generateFinance(options)
const records = [...stream]
const { summary } = stream

const hashOf = (produced: Iterable<Produced>): string => {
  const hash = createHash('sha256')
  for (const { topic, key, value, headers, timestampMs } of produced) {
    hash.update(
      JSON.stringify([topic, key, timestampMs, Object.entries(headers).map(([n, v]) => [n, v.toString()])]),
    )
    hash.update(value ?? 'null')
  }
  return hash.digest('hex')
}
const take = (produced: Iterable<Produced>, count: number): Produced[] => {
  const taken: Produced[] = []
  for (const record of produced) if (taken.push(record) === count) break
  return taken
}
const isBroken = ({ truth }: Produced) => truth.as !== 'valid' && truth.as !== 'duplicate'
const sameBytes = (a: Produced, b: Produced) =>
  a.topic === b.topic && a.key === b.key && a.timestampMs === b.timestampMs && a.value!.equals(b.value!)

describe('generateFinance', () => {
  it('gives the same bytes for the same seed, and others for another', () => {
    const small = { ...options, transactions: 500 }
    const expected = hashOf(generateFinance(small))
    expect(hashOf(generateFinance(small))).toBe(expected)
    expect(hashOf(generateFinance({ ...small, seed: 8 }))).not.toBe(expected)
  })

  it('gives the bytes that it gave yesterday and on other machines', () => {
    expect(hashOf(generateFinance({ ...options, transactions: 500 }))).toBe(
      '508042780d6edd28e70ae6ebea446f13cb92b2426069dcd780da2692d485c42a',
    )
  })

  it('gives as many transaction records as asked for, after merchants, users and accounts', () => {
    const topics = records.map(({ topic }) => topic)
    expect(topics.filter((topic) => topic === 'transactions').length).toBe(20_000)
    expect([...new Set(topics)]).toEqual([
      'merchant_info',
      'user_profiles',
      'account_balances',
      'transactions',
    ])
    expect(
      take(generateFinance({ ...options, transactions: 0 }), 1e6).every((r) => r.topic !== 'transactions'),
    ).toBe(true)
  })

  it('counts in the summary exactly what it planted', () => {
    for (const [topic, counts] of Object.entries(summary.topics)) {
      const own = records.filter((record) => record.topic === topic)
      expect(counts).toEqual({
        records: own.length,
        valid: own.filter(({ truth }) => truth.as === 'valid').length,
        duplicates: own.filter(({ truth }) => truth.as === 'duplicate').length,
        broken: own.filter(isBroken).length,
      })
    }
    for (const cause of causes)
      expect(summary.causes[cause]).toBe(records.filter(({ truth }) => truth.as === cause).length)
    const reasons: Record<string, number> = {}
    for (const { topic, truth } of records.filter(isBroken))
      for (const { field, reason } of truth.reasons)
        reasons[`${topic} ${field ?? '-'} ${reason}`] =
          (reasons[`${topic} ${field ?? '-'} ${reason}`] ?? 0) + 1
    expect(summary.reasons).toEqual(reasons)
    const valid = records.filter(({ truth }) => truth.as === 'valid')
    for (const [kind, count] of Object.entries(summary.frauds))
      expect(valid.filter(({ truth }) => truth.fraud === kind).length).toBe(count)
    for (const [kind, count] of Object.entries(summary.lookAlikes))
      expect(valid.filter(({ truth }) => truth.resembles === kind).length).toBe(count)
  })

  it('plants about 2 % duplicates, 1 % broken rows of every cause, 1.5 % fraud of every kind, and look-alikes', () => {
    const { records: all, duplicates, broken } = summary.topics.transactions
    expect(duplicates / all).toBeCloseTo(0.02, 2)
    expect(broken / all).toBeCloseTo(0.01, 2)
    expect(Object.values(summary.frauds).reduce((sum, count) => sum + count) / all).toBeCloseTo(0.015, 2)
    const { causes, frauds, lookAlikes } = summary
    for (const counts of [causes, frauds, lookAlikes])
      expect(Math.min(...Object.values(counts)), JSON.stringify(counts)).toBeGreaterThan(0)
  })

  it('plants as much dirt and fraud as asked for', () => {
    const shares = (dirt: number, fraud: number) => {
      const stream = generateFinance({ ...options, transactions: 3_000, dirt, fraud })
      for (const _ of stream);
      const { records: all, broken } = stream.summary.topics.transactions
      return [broken / all, Object.values(stream.summary.frauds).reduce((sum, count) => sum + count) / all]
    }
    expect(shares(0, 0)).toEqual([0, 0])
    const [dirt, fraud] = shares(0.2, 0.1)
    expect(dirt).toBeCloseTo(0.2, 1)
    expect(fraud).toBeCloseTo(0.1 * 0.8, 1) // what is broken is no fraud
    expect(shares(1, 1)).toEqual([1, 0])
  })

  it('shows a fraud of a kind that is found at once among the first hundred', () => {
    for (const seed of [1, 2, 3, 7]) {
      const first = [...generateFinance({ ...options, seed, transactions: 100, users: 500, fraud: 0.0001 })]
      const frauds = first.filter(({ truth }) => truth.as === 'valid' && truth.fraud !== 'none')
      expect(frauds.length, String(seed)).toBeGreaterThan(0)
    }
  })

  it('plants only rows that the datasets accept, and broken ones that they reject for the reasons it says', () => {
    const dirty = generateFinance({ ...options, seed: 11, transactions: 8_000, dirt: 0.3 })
    const planted = new Set<string>()
    for (const { topic, value, truth } of [...records, ...dirty]) {
      const parsed = parseRecord(datasetByTopic(topic)!, readValue(value))
      const reasons = parsed.ok ? [] : parsed.reasons.map(({ field, reason }) => ({ field, reason }))
      if (JSON.stringify(reasons) !== JSON.stringify(truth.reasons))
        expect(reasons, `${truth.as}: ${value}`).toEqual(truth.reasons)
      planted.add(`${topic} ${truth.as}`)
    }
    expect(planted.size).toBe(4 * (causes.length + 2)) // every cause in every topic
  })

  it('repeats an earlier record as it was, soon after', () => {
    const lastOf = new Map<string, Produced[]>()
    for (const record of records) {
      const earlier = lastOf.get(record.topic) ?? []
      if (record.truth.as === 'duplicate') expect(earlier.some((one) => sameBytes(one, record))).toBe(true)
      if (record.truth.as === 'valid') lastOf.set(record.topic, [...earlier.slice(-200), record])
    }
  })

  it('keys the transactions of a user by that user, so that they share a partition', () => {
    const strays = records.filter(
      ({ topic, key, value, truth }) =>
        topic === 'transactions' && truth.as === 'valid' && JSON.parse(String(value)).user_id !== key,
    )
    expect(strays).toEqual([])
  })

  it('labels every transaction in a header, and no other record', () => {
    const mislabelled = records.filter(
      ({ topic, headers, truth }) =>
        headers['fraud-label']?.toString() !== (topic === 'transactions' ? truth.fraud : undefined),
    )
    expect(mislabelled).toEqual([])
  })

  it('knows the listed merchants as merchants', () => {
    const known = new Set(records.filter(({ topic }) => topic === 'merchant_info').map(({ key }) => key))
    const listed = suspiciousMerchants.filter(({ to }) => to === null)
    expect(listed.filter(({ merchantId }) => !known.has(merchantId))).toEqual([])
  })

  it('lets some events come late and out of order, and none from the future', () => {
    const lags = records
      .filter(({ topic, truth }) => topic === 'transactions' && truth.as === 'valid')
      .map(({ timestampMs, value }) => {
        const { ok, row } = parseRecord(datasetByTopic('transactions')!, readValue(value)) as {
          ok: true
          row: { event_time: string }
        }
        return ok ? timestampMs - Date.parse(row.event_time) : Number.NaN
      })
    expect(Math.min(...lags)).toBe(0)
    expect(lags.filter((lag) => lag > 0).length / lags.length).toBeCloseTo(0.05, 1)
    expect(Math.max(...lags)).toBeGreaterThan(3_600_000)
  })

  it('lasts about as long as its users need to pay so often', () => {
    const expectedMs = (options.transactions * 86_400_000) / (paymentsADay * 500)
    expect((records.at(-1)!.timestampMs - startMs) / expectedMs).toBeCloseTo(1, 0)
  })

  it('goes on in a later run with new transactions of the same people', () => {
    const later = [
      ...generateFinance({ ...options, run: 1, startMs: startMs + 30 * 86_400_000, transactions: 5000 }),
    ]
    const keysOf = (produced: Produced[], topic: string) =>
      new Set(produced.filter((r) => r.topic === topic && r.truth.as === 'valid').map(({ key }) => key))
    const profilesOf = (produced: Produced[]) => {
      const profiles = produced.flatMap(({ topic, value }) => {
        const parsed = topic === 'user_profiles' ? parseRecord(users, readValue(value)) : undefined
        return parsed?.ok && Date.parse(parsed.row.updated_at) < Date.UTC(2024, 0, 1) ? [parsed.row] : []
      })
      return new Map(profiles.map((row) => [row.user_id, row]))
    }
    const before = profilesOf(records)
    const same = [...profilesOf(later)].filter(([id]) => before.has(id))
    expect(same.length).toBeGreaterThan(100)
    for (const [id, profile] of same) expect(profile).toEqual(before.get(id))
    expect(
      [...keysOf(later, 'transactions')].filter((key) => !keysOf(records, 'user_profiles').has(key)).length,
    ).toBeLessThan(10)

    const idsOf = (produced: Produced[]) =>
      produced.flatMap(({ topic, truth, value }) =>
        topic === 'transactions' && truth.as === 'valid' ? [JSON.parse(String(value)).transaction_id] : [],
      )
    expect(new Set([...idsOf(records), ...idsOf(later)]).size).toBe(
      idsOf(records).length + idsOf(later).length,
    )
  })

  it('goes on without end when asked to', () => {
    expect(take(generateFinance({ ...options, transactions: Number.POSITIVE_INFINITY }), 30_000).length).toBe(
      30_000,
    )
  })
})

describe('life', () => {
  // Honest payments as the bank sees them, and who made them.
  const profiles = new Map<string, { city: string; country: string }>()
  const merchants = new Map<string, { name: string; country: string; city: string; category: string }>()
  for (const { topic, value, truth } of records) {
    if (truth.as !== 'valid' || topic === 'transactions') continue
    const parsed = parseRecord(datasetByTopic(topic)!, readValue(value)) as { row: Record<string, string> }
    if (topic === 'user_profiles') profiles.set(parsed.row.user_id!, parsed.row as never)
    if (topic === 'merchant_info') merchants.set(parsed.row.merchant_id!, parsed.row as never)
  }
  const honest = records.flatMap(({ topic, value, truth }): Transaction[] => {
    if (topic !== 'transactions' || truth.as !== 'valid' || truth.fraud !== 'none') return []
    const parsed = parseRecord(transactions, readValue(value))
    return parsed.ok ? [parsed.row] : []
  })
  const cityOf = new Map([...cities, ...unusualCities].map((city) => [city.name, city]))
  const atPlace = honest.filter(({ channel }) => channel === 'pos' || channel === 'atm')
  const hourOf = ({ city, event_time }: Transaction): number => {
    const { utcOffset } = cityOf.get(city)!
    return new Date(Date.parse(event_time) + utcOffset * 3_600_000).getUTCHours()
  }

  it('has days and nights, by the local clock: few pay at night, and nobody in a closed shop', () => {
    const share = (from: number, to: number) =>
      honest.filter((payment) => hourOf(payment) >= from && hourOf(payment) < to).length / honest.length
    expect(share(0, 6)).toBeLessThan(0.03)
    expect(share(16, 20)).toBeGreaterThan(0.2)
    const shopping = atPlace.filter(({ channel }) => channel === 'pos').map(hourOf)
    expect(shopping.filter((hour) => hour < 5)).toEqual([])
    expect(
      honest.filter((payment) => payment.channel === 'online' && hourOf(payment) < 5).length,
    ).toBeGreaterThan(0)
  })

  it('lets nobody who pays at a counter be in two places faster than a plane', () => {
    const byUser = new Map<string, Transaction[]>()
    for (const payment of atPlace)
      byUser.set(payment.user_id, [...(byUser.get(payment.user_id) ?? []), payment])
    let journeys = 0
    for (const payments of byUser.values()) {
      payments.sort((a, b) => Date.parse(a.event_time) - Date.parse(b.event_time))
      for (const [index, { city, event_time }] of payments.entries()) {
        const before = payments[index - 1]
        if (!before || before.city === city) continue
        journeys += 1
        const hours = (Date.parse(event_time) - Date.parse(before.event_time)) / 3_600_000
        expect(distanceKm(cityOf.get(before.city)!, cityOf.get(city)!) / hours).toBeLessThan(900)
      }
    }
    expect(journeys).toBeGreaterThan(10)
  })

  it('is lived at home for the most part, at merchants of the place and in its currency', () => {
    const known = honest.filter(({ user_id }) => profiles.has(user_id))
    const athome = known.filter(({ user_id, city }) => profiles.get(user_id)!.city === city)
    expect(athome.length / known.length).toBeGreaterThan(0.85)
    expect(athome.length / known.length).toBeLessThan(0.99)
    const currencyOf = new Map(countries.map(({ code, currency }) => [code, currency]))
    const misplaced = atPlace.filter(({ merchant_id, city, country, currency, latitude, longitude }) => {
      const place = cityOf.get(city)!
      return (
        (merchants.get(merchant_id)?.city ?? city) !== city ||
        currency !== currencyOf.get(country) ||
        Math.abs(Number(latitude ?? place.latitude) - place.latitude) > 0.06 ||
        Math.abs(Number(longitude ?? place.longitude) - place.longitude) > 0.06
      )
    })
    expect(misplaced).toEqual([])
  })

  it('has favourites: the shop that a city prefers is visited much more than its last', () => {
    const visits = new Map<string, number>()
    for (const { merchant_id } of honest) visits.set(merchant_id, (visits.get(merchant_id) ?? 0) + 1)
    const counts = [...visits.values()].sort((a, b) => b - a)
    const top = counts.slice(0, Math.ceil(counts.length / 10)).reduce((sum, count) => sum + count)
    expect(top / honest.length).toBeGreaterThan(0.4)
  })

  it('pays the rent once a month by transfer, and gets a salary that raises the balance', () => {
    const utilities = honest.filter(
      ({ channel, merchant_id }) =>
        channel === 'transfer' && merchants.get(merchant_id)?.category === 'utilities',
    )
    expect(utilities.length).toBeGreaterThan(100)
    const balances = new Map<string, number[]>()
    for (const { topic, key, value, truth } of records)
      if (topic === 'account_balances' && truth.as === 'valid') {
        const parsed = parseRecord(datasetByTopic(topic)!, readValue(value)) as never as {
          row: { balance: string }
        }
        balances.set(key!, [...(balances.get(key!) ?? []), Number(parsed.row.balance)])
      }
    const raises = [...balances.values()].filter((of) =>
      of.some((now, index) => now > (of[index - 1] ?? now)),
    )
    expect(raises.length).toBeGreaterThan(20)
  })
})
