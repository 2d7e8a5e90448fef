import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  judge,
  type Outcome,
  type Part,
  type RetryPolicy,
  retryPolicy,
  settledUpTo,
} from '#localstack/event-sources/kafka/retries.ts'
import { mapping, times } from '../fakes.ts'

type R = { readonly partition: number; readonly offset: number }
const records = (count: number, partition = 0): R[] => times(count, (offset) => ({ partition, offset }))
const policy = (over: Partial<RetryPolicy> = {}): RetryPolicy => ({
  maximumRetries: Number.POSITIVE_INFINITY,
  maximumAgeMs: Number.POSITIVE_INFINITY,
  bisect: false,
  reportsItemFailures: false,
  ...over,
})
const failed: Outcome = { kind: 'failed' }
const answer = (payload: unknown): Outcome => ({ kind: 'answered', payload: JSON.stringify(payload) })
const reporting = (named: readonly R[]) =>
  answer({
    batchItemFailures: named.map(({ partition, offset }) => ({
      itemIdentifier: { partition: `orders-${partition}`, offset },
    })),
  })

describe('the policy of a mapping', () => {
  it('38. ends infinite retries after 10 where there is a destination, and only there', () => {
    const onFailure = { kind: 'bucket', bucket: 'b' } as const
    expect(retryPolicy(mapping()).maximumRetries).toBe(Number.POSITIVE_INFINITY)
    expect(retryPolicy(mapping({ onFailure })).maximumRetries).toBe(10)
    expect(retryPolicy(mapping({ onFailure, maximumRetryAttempts: 10_000 })).maximumRetries).toBe(10_000)
    expect(retryPolicy(mapping({ maximumRetryAttempts: 0 })).maximumRetries).toBe(0)
  })
})

describe('judge', () => {
  it('37. gives up after the first attempt and all retries', () => {
    const [all, limits] = [records(2), policy({ maximumRetries: 2 })]
    expect(judge({ records: all, failures: 1 }, failed, limits, 'orders')).toEqual({
      processed: [],
      again: [{ records: all, failures: 2 }],
      givenUp: [],
    })
    expect(judge({ records: all, failures: 2 }, failed, limits, 'orders').givenUp).toEqual(all)
  })

  it('40. splits in the middle, and a split costs no retry', () => {
    const all = records(5)
    const { again } = judge(
      { records: all, failures: 0 },
      failed,
      policy({ bisect: true, maximumRetries: 0 }),
      'orders',
    )
    expect(again).toEqual([
      { records: all.slice(0, 3), failures: 0 },
      { records: all.slice(3), failures: 0 },
    ])
  })

  const anyBatch = fc.array(fc.nat(2), { minLength: 1, maxLength: 24 }).map((partitions) =>
    partitions.map((partition, index) => ({
      partition,
      offset: partitions.slice(0, index).filter((each) => each === partition).length,
    })),
  )
  const anyPolicy = fc.record({
    maximumRetries: fc.nat(4),
    maximumAgeMs: fc.constant(Number.POSITIVE_INFINITY),
    bisect: fc.boolean(),
    reportsItemFailures: fc.boolean(),
  })
  /** What a function could answer: each kind, naming records that are in the batch or not. */
  const anyOutcome = (batch: readonly R[]): fc.Arbitrary<Outcome> =>
    fc.oneof(
      fc.constant(failed),
      fc.constant<Outcome>({ kind: 'not-run' }),
      fc.subarray([...batch, { partition: 7, offset: 7 }]).map(reporting),
      fc.jsonValue().map(answer),
      fc.jsonValue().map((batchItemFailures) => answer({ batchItemFailures })),
      fc.jsonValue().map((itemIdentifier) => answer({ batchItemFailures: [{ itemIdentifier }] })),
    )

  it('loses no record and invents none, whatever the function answers', () => {
    fc.assert(
      fc.property(
        anyBatch.chain((batch) => fc.tuple(fc.constant(batch), anyOutcome(batch))),
        fc.nat(5),
        anyPolicy,
        ([batch, outcome], failures, limits) => {
          const { processed, again, givenUp } = judge({ records: batch, failures }, outcome, limits, 'orders')
          const after = [...processed, ...again.flatMap((part) => part.records), ...givenUp]
          expect(after).toHaveLength(batch.length)
          expect(new Set(after)).toEqual(new Set(batch))
          for (const { records } of again) expect(records.length).toBeGreaterThan(0)
        },
      ),
    )
  })

  it('comes to an end, in the order of each partition, and each bad record had all its retries', () => {
    fc.assert(
      fc.property(
        anyBatch.chain((batch) => fc.tuple(fc.constant(batch), fc.subarray(batch))),
        anyPolicy,
        ([batch, bad], limits) => {
          const isBad = new Set(bad)
          let parts: readonly Part<R>[] = [{ records: batch, failures: 0 }]
          const settled: R[] = []
          const attempts = new Map<R, number>()
          for (let rounds = 0; parts.length > 0; rounds++) {
            expect(rounds).toBeLessThan(1000)
            const [part, ...rest] = parts as [Part<R>, ...Part<R>[]]
            for (const record of part.records) attempts.set(record, (attempts.get(record) ?? 0) + 1)
            const named = part.records.filter((record) => isBad.has(record))
            const outcome = limits.reportsItemFailures
              ? reporting(named)
              : named.length > 0
                ? failed
                : answer(null)
            const { processed, again, givenUp } = judge(part, outcome, limits, 'orders')
            settled.push(...processed, ...givenUp)
            for (const record of processed) expect(isBad.has(record)).toBe(false)
            if (limits.bisect || limits.reportsItemFailures)
              for (const record of givenUp) expect(isBad.has(record)).toBe(true)
            parts = [...again, ...rest]
          }
          expect(settled).toHaveLength(batch.length)
          for (const record of bad)
            expect(attempts.get(record)).toBeGreaterThanOrEqual(limits.maximumRetries + 1)
          if (!limits.reportsItemFailures)
            for (const partition of [0, 1, 2])
              expect(settled.filter((record) => record.partition === partition)).toEqual(
                batch.filter((record) => record.partition === partition),
              )
        },
      ),
    )
  })
})

describe('settledUpTo', () => {
  it('stops in each partition before the first record that is not settled', () => {
    const batch = [...records(3, 0), ...records(2, 1), ...records(2, 2)]
    const unsettled = new Set([batch[1]!, batch[3]!])
    expect(settledUpTo(batch, unsettled)).toEqual([batch[0], batch[6]])
    expect(settledUpTo(batch, new Set())).toEqual([batch[2], batch[4], batch[6]])
  })
})
