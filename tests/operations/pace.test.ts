import { describe, expect, it } from 'vitest'
import { finance } from '#datasets/finance/pipeline.ts'
import { type AskedPace, planPace as planPaceOf } from '#operations/cli/pace.ts'

const planPace = (asked: AskedPace) => planPaceOf(asked, finance.source)

describe('planPace', () => {
  it.each([
    [{}, { users: 500, rate: 100, speed: 3, follows: 'rate' }],
    [{ rate: 300 }, { users: 500, rate: 300, speed: 9, follows: 'rate' }],
    [{ users: 1000 }, { users: 1000, rate: 100, speed: 1.5, follows: 'rate' }],
    [
      { users: 1000, rate: 10 },
      { users: 1000, rate: 10, speed: 0.15, follows: 'rate' },
    ],
    [{ speed: 6 }, { users: 500, rate: 200, speed: 6, follows: 'clock' }],
    [
      { users: 30, speed: 1 },
      { users: 30, rate: 2, speed: 1, follows: 'clock' },
    ],
    [
      { rate: 100, speed: 1 },
      { users: 1500, rate: 100, speed: 1, follows: 'clock' },
    ],
    [
      { users: 500, rate: 100, speed: 3 },
      { users: 500, rate: 100, speed: 3, follows: 'clock' },
    ],
    [{ records: 20_000 }, { users: 500, rate: undefined, speed: undefined, follows: 'nothing' }],
    [
      { records: 20_000, users: 7 },
      { users: 7, rate: undefined, speed: undefined, follows: 'nothing' },
    ],
    [
      { records: 20_000, rate: 50 },
      { users: 500, rate: 50, speed: 1.5, follows: 'rate' },
    ],
    [
      { records: 20_000, speed: 3 },
      { users: 500, rate: 100, speed: 3, follows: 'clock' },
    ],
  ] as const)('%j → %j', (asked, expected) => {
    expect(planPace(asked)).toEqual(expected)
  })

  it.each([
    [{}, { rate: 100, follows: 'rate' }],
    [{ rate: 20 }, { rate: 20, follows: 'rate' }],
    [{ records: 10 }, { rate: undefined, follows: 'nothing' }],
  ] as const)('%j, where there are no users → %j', (asked, expected) => {
    const { counted, usualRate } = finance.source
    const pace = planPaceOf(asked, { counted, usualRate })
    expect(pace).toEqual({ users: undefined, speed: undefined, ...expected })
  })

  it.each([
    [
      { users: 100, rate: 50, speed: 3 },
      '--users 100 at --speed 3 make 20 transactions a second, not --rate 50: leave one of them out',
    ],
    [{ rate: 1, speed: 100 }, '1 user at --speed 100 makes 6.67 transactions a second, not --rate 1'],
    [{ rate: 100, speed: 0.001 }, '1500000 users are more than fit into memory'],
    [{ users: 300_000 }, '300000 users are more than fit into memory'],
  ])('refuses %j', (asked, reason) => {
    expect(() => planPace(asked)).toThrow(expect.objectContaining({ exitCode: 2 }))
    expect(() => planPace(asked)).toThrow(reason)
  })
})
