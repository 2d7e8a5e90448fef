import { createHash } from 'node:crypto'
import { readValue } from '@cupel/core/bronze'
import { parseRecord } from '@cupel/core/record'
import { describe, expect, it } from 'vitest'
import { causes } from '#datasets/finance/dirt.ts'
import { generateFinance, type Produced, spanMs } from '#datasets/finance/generate.ts'
import { suspiciousMerchants } from '#datasets/finance/reference/lists.ts'
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
      '27eb4400edb72b26ce35c81d275b9e54edfa9df36ca8b1feeefc6e195ec6728c',
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
    const valid = records.filter(({ truth }) => truth.as === 'valid')
    for (const [kind, count] of Object.entries(summary.frauds))
      expect(valid.filter(({ truth }) => truth.fraud === kind).length).toBe(count)
  })

  it('plants about 2 % duplicates, 1 % broken rows of every cause and 1.5 % fraud of every kind', () => {
    const { records: all, duplicates, broken } = summary.topics.transactions
    expect(duplicates / all).toBeCloseTo(0.02, 2)
    expect(broken / all).toBeCloseTo(0.01, 2)
    expect(Object.values(summary.frauds).reduce((sum, count) => sum + count) / all).toBeCloseTo(0.015, 2)
    expect(Math.min(...Object.values(summary.causes), ...Object.values(summary.frauds))).toBeGreaterThan(0)
  })

  it('plants only rows that the datasets accept, and broken ones that they reject', () => {
    for (const record of records) {
      const parsed = parseRecord(datasetByTopic(record.topic)!, readValue(record.value))
      if (parsed.ok === isBroken(record))
        expect.fail(
          `${record.truth.as}: ${record.value} → ${parsed.ok ? 'accepted' : JSON.stringify(parsed.reasons)}`,
        )
    }
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
    for (const { topic, key, value, truth } of records)
      if (topic === 'transactions' && truth.as === 'valid')
        expect(JSON.parse(String(value)).user_id).toBe(key)
  })

  it('labels every transaction in a header, and no other record', () => {
    for (const { topic, headers, truth } of records)
      expect(headers['fraud-label']?.toString()).toBe(topic === 'transactions' ? truth.fraud : undefined)
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

  it('lasts about as long as it says', () => {
    expect((records.at(-1)!.timestampMs - startMs) / spanMs(options)).toBeCloseTo(1, 1)
  })

  it('goes on in a later run with new transactions of the same people, more of them when it is larger', () => {
    const later = [
      ...generateFinance({ ...options, run: 1, startMs: startMs + 30 * 86_400_000, transactions: 5000 }),
    ]
    const keysOf = (produced: Produced[], topic: string) =>
      new Set(produced.filter((r) => r.topic === topic && r.truth.as === 'valid').map(({ key }) => key))
    const profilesOf = (produced: Produced[]) => {
      const profiles = produced.flatMap(({ topic, value }) => {
        const parsed = topic === 'user_profiles' ? parseRecord(users, readValue(value)) : undefined
        return parsed?.ok && Date.parse(parsed.row.updated_at) < Date.UTC(2026, 0, 1) ? [parsed.row] : []
      })
      return new Map(profiles.map((row) => [row.user_id, row]))
    }
    const before = profilesOf(records)
    const same = [...profilesOf(later)].filter(([id]) => before.has(id))
    expect(same.length).toBeGreaterThan(200)
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
