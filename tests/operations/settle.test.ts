import { describe, expect, it } from 'vitest'
import { merchants } from '#datasets/finance/merchants.ts'
import { countDecided, settle } from '#operations/cli/settle.ts'
import { memoryObjectStore } from '../support/memory-object-store.ts'

const offsets = {
  records: 30,
  partitions: [
    { partition: 0, start: 0, end: 10 },
    { partition: 1, start: 5, end: 25 },
  ],
}
const tooLarge = (partition: number, offset: number) => ({
  partition,
  firstOffset: offset,
  lastOffset: offset,
})

describe('countDecided', () => {
  it.each<[string, [number, number][], ReturnType<typeof tooLarge>[], number]>([
    ['nothing before the first batch', [], [], 0],
    [
      'what is below the next offset',
      [
        [0, 4],
        [1, 7],
      ],
      [],
      6,
    ],
    ['a record too large for an event once, when later ones were decided', [[0, 4]], [tooLarge(0, 2)], 4],
    ['it too when it is the last of its partition', [[0, 9]], [tooLarge(0, 9)], 10],
    ['it too when its partition holds no other', [], [tooLarge(1, 5), tooLarge(1, 6)], 2],
    [
      'no more than there is, when progress is of an earlier life of the topic',
      [
        [0, 99],
        [1, 3],
      ],
      [],
      10,
    ],
  ])('counts %s', (_, next, kept, expected) => {
    expect(countDecided(offsets, new Map(next), kept)).toBe(expected)
  })
})

describe('settle', () => {
  it('waits for a service that is away for a moment', async () => {
    let calls = 0
    const ports = {
      kafka: {
        produce: async () => {},
        offsets: async () => ({ records: 0, partitions: [] }),
        read: async () => [],
        committed: async () => new Map(),
        groups: async () => [],
        close: async () => {},
      },
      lake: memoryObjectStore(),
      failures: memoryObjectStore(),
      warehouse: {
        query: async () => {
          calls++
          if (calls === 1) throw new Error('connect ECONNREFUSED 127.0.0.1:25432')
          return []
        },
        transaction: async () => {
          throw new Error('not used')
        },
        end: async () => {},
      },
      sweep: async () => {},
      summarize: async () => {},
    }
    await settle(ports, [merchants], new AbortController().signal)
    expect(calls).toBeGreaterThan(1)
  })
})
