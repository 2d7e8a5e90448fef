import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BatchLimits,
  bytesAlone,
  decide,
  eventBytes,
  type Waiting,
} from '#localstack/event-sources/kafka/batching.ts'
import { eventHead, eventJson, partitionKey, recordBytes } from '#localstack/event-sources/kafka/event.ts'
import { record, times } from '../fakes.ts'

const head = eventHead({ kind: 'self-managed', bootstrapServers: '127.0.0.1:9092' })
const limits = (over: Partial<BatchLimits> = {}): BatchLimits => ({
  batchSize: 100,
  windowMs: 500,
  maxEventBytes: 6_291_456,
  fixedBytes: Buffer.byteLength(head) + 1,
  partitionBytes: (partition) => partitionKey('orders', partition).length + 3,
  ...over,
})
const waiting = (over: Partial<Waiting> = {}): Waiting => ({
  partition: 0,
  arrivedMs: 0,
  bytes: 200,
  tooLarge: false,
  ...over,
})

describe('decide', () => {
  it('20. does nothing while nothing waits', () => {
    expect(decide([], limits({ windowMs: 0 }), 1e9)).toEqual({ do: 'nothing' })
  })

  it('13. waits for the window of the first record, to the millisecond', () => {
    const two = [waiting({ arrivedMs: 1000 }), waiting({ arrivedMs: 1400 })]
    expect(decide(two, limits(), 1499)).toEqual({ do: 'wait', untilMs: 1500 })
    expect(decide(two, limits(), 1500)).toEqual({ do: 'send', count: 2, because: 'window' })
  })

  it('15. does not wait for the window once the batch is full', () => {
    const long = limits({ windowMs: 300_000, batchSize: 10 })
    expect(
      decide(
        times(9, () => waiting()),
        long,
        1,
      ),
    ).toEqual({ do: 'wait', untilMs: 300_000 })
    expect(
      decide(
        times(10, () => waiting()),
        long,
        1,
      ),
    ).toEqual({ do: 'send', count: 10, because: 'records' })
    expect(
      decide(
        times(25, () => waiting()),
        long,
        1,
      ),
    ).toEqual({ do: 'send', count: 10, because: 'records' })
  })

  it('16. sends what there is at once with window 0', () => {
    const ready = times(100, () => waiting({ arrivedMs: 7 }))
    expect(decide(ready, limits({ windowMs: 0, batchSize: 1000 }), 7)).toEqual({
      do: 'send',
      count: 100,
      because: 'window',
    })
  })

  it('17. fills an event up to its largest size and not a byte further', () => {
    const two = [waiting({ bytes: 400 }), waiting({ bytes: 500, partition: 1 })]
    const exact = eventBytes(two, limits())
    expect(decide(two, limits({ maxEventBytes: exact }), 0)).toEqual({ do: 'wait', untilMs: 500 })
    expect(decide(two, limits({ maxEventBytes: exact - 1 }), 0)).toEqual({
      do: 'send',
      count: 1,
      because: 'bytes',
    })
  })

  it('18. sets a record aside that fits nowhere, after what came before it', () => {
    const huge = waiting({ tooLarge: true })
    expect(decide([waiting(), huge, waiting()], limits(), 0)).toEqual({
      do: 'send',
      count: 1,
      because: 'bytes',
    })
    expect(decide([huge, waiting()], limits(), 0)).toEqual({ do: 'set-aside' })
  })

  it('counts the bytes of an event exactly', () => {
    const anyRecords = fc.array(
      fc.record({
        partition: fc.nat(12),
        offset: fc.nat(),
        name: fc.string({ unit: 'grapheme', maxLength: 5 }),
        size: fc.nat(50),
      }),
      { minLength: 1, maxLength: 30 },
    )
    fc.assert(
      fc.property(anyRecords, (specs) => {
        const entries = specs.map(({ partition, offset, name, size }) => {
          const one = record({
            partition,
            offset,
            value: Buffer.alloc(size),
            headers: [[name, Buffer.from(name)]],
          })
          return { ...one, bytes: recordBytes(one) }
        })
        expect(eventBytes(entries, limits())).toBe(Buffer.byteLength(eventJson(head, 'orders', entries)))
        expect(bytesAlone(entries[0]!, limits())).toBe(eventBytes(entries.slice(0, 1), limits()))
      }),
    )
  })

  it('loses no record, invents none, keeps their order and every bound, whenever they arrive', () => {
    const arrivals = fc.array(
      fc.record({
        partition: fc.nat(3),
        gapMs: fc.nat(400),
        bytes: fc.integer({ min: 1, max: 600 }),
        tooLarge: fc.boolean(),
      }),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(
        arrivals,
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom(0, 1, 500),
        (specs, batchSize, windowMs) => {
          const bounds = limits({ batchSize, windowMs, maxEventBytes: 1500 })
          const sent: (Waiting & { id: number })[][] = []
          let queue: (Waiting & { id: number })[] = []
          const drain = (nowMs: number) => {
            for (;;) {
              const decision = decide(queue, bounds, nowMs)
              if (decision.do === 'nothing' || decision.do === 'wait') {
                if (decision.do === 'wait') expect(decision.untilMs).toBeGreaterThan(nowMs)
                return
              }
              const count = decision.do === 'send' ? decision.count : 1
              expect(count).toBeGreaterThan(0)
              const batch = queue.slice(0, count)
              if (decision.do === 'send') {
                expect(batch.some(({ tooLarge }) => tooLarge)).toBe(false)
                expect(count).toBeLessThanOrEqual(batchSize)
                expect(eventBytes(batch, bounds)).toBeLessThanOrEqual(1500)
              }
              sent.push(batch)
              queue = queue.slice(count)
            }
          }
          let nowMs = 0
          for (const [id, { gapMs, ...spec }] of specs.entries()) {
            nowMs += gapMs
            drain(nowMs)
            queue = [...queue, { ...spec, arrivedMs: nowMs, id }]
            drain(nowMs)
          }
          drain(nowMs + windowMs)
          expect(sent.flat().map(({ id }) => id)).toEqual(times(specs.length, (id) => id))
        },
      ),
    )
  })
})
