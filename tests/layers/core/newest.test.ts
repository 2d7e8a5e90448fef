import { compareNewest, type EventOrder } from '@cupel/core/newest'
import fc from 'fast-check'
import { expect, it } from 'vitest'

const at = (changes: Partial<EventOrder> = {}): EventOrder => ({
  order: '2026-01-02T03:04:05.000Z',
  timestampMs: 5,
  partition: 5,
  offset: 5,
  ...changes,
})

it.each<[string, Partial<EventOrder>]>([
  [
    'by its ordering field first',
    { order: '2026-01-02T03:04:05.001Z', timestampMs: 0, partition: 0, offset: 0 },
  ],
  ['then by the timestamp of Kafka', { timestampMs: 6, partition: 0, offset: 0 }],
  ['then by partition', { partition: 6, offset: 0 }],
  ['then by offset', { offset: 6 }],
])('a record is newer %s', (_, newer) => {
  expect(compareNewest(at(newer), at())).toBeGreaterThan(0)
  expect(compareNewest(at(), at(newer))).toBeLessThan(0)
})

it('is a total order: two different records are never as new as each other', () => {
  const any = fc.record({ order: fc.nat(1), timestampMs: fc.nat(1), partition: fc.nat(1), offset: fc.nat(2) })
  fc.assert(
    fc.property(any, any, any, (a, b, c) => {
      expect(Math.sign(compareNewest(a, b))).toBe(-Math.sign(compareNewest(b, a)) + 0)
      if (JSON.stringify(a) !== JSON.stringify(b)) expect(compareNewest(a, b)).not.toBe(0)
      if (compareNewest(a, b) > 0 && compareNewest(b, c) > 0) expect(compareNewest(a, c)).toBeGreaterThan(0)
    }),
    { seed: 1 },
  )
})
