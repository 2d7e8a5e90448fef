import { describe, expect, it } from 'vitest'
import { makeAsyncQueue } from '#localstack/event-sources/async-queue.ts'
import { ratePeriodMs } from '#localstack/event-sources/schedule/rate.ts'
import { scheduledEvent, startSchedule } from '#localstack/event-sources/schedule/source.ts'
import type { Schedule } from '#localstack/template.ts'
import { recorded } from '../../../support/fixtures.ts'
import { failed, fakeClock, fakeInvoke } from '../fakes.ts'

const minute = 60_000
const ruleArn = 'arn:aws:events:us-east-2:123456789012:rule/my-schedule'
const schedule = (over: Partial<Schedule> = {}): Schedule => ({
  ruleName: 'my-schedule',
  ruleArn,
  expression: 'rate(5 minutes)',
  functionName: 'sweep',
  enabled: true,
  ...over,
})

function start(over: Partial<Schedule> = {}, clock = fakeClock()) {
  const fired: { functionName: string; payload: string; atMs: number }[] = []
  const enqueue = (functionName: string, payload: string) =>
    fired.push({ functionName, payload, atMs: clock.now() })
  const running = startSchedule({ schedule: schedule(over), enqueue, clock, log: () => {} })
  return { running, clock, fired }
}

describe('rate expressions', () => {
  it.each([
    ['rate(1 minute)', minute],
    ['rate(5 minutes)', 5 * minute],
    ['rate(1 hour)', 60 * minute],
    ['rate(12 hours)', 720 * minute],
    ['rate(30 days)', 43_200 * minute],
  ])('%s', (expression, periodMs) => {
    expect(ratePeriodMs(expression)).toBe(periodMs)
  })

  it.each([
    ['rate(1 minutes)', 'write rate(1 minute)'],
    ['rate(5 minute)', 'write rate(5 minutes)'],
  ])('75. %s is refused with what to write', (expression, advice) => {
    expect(() => ratePeriodMs(expression)).toThrow(advice)
  })

  it.each([
    'rate(0 minutes)',
    'rate(5 seconds)',
    'rate(1.5 hours)',
    'rate( 5 minutes)',
    'rate(5  minutes)',
    'RATE(5 minutes)',
    '',
  ])('"%s" is refused', (expression) => {
    expect(() => ratePeriodMs(expression)).toThrow(/write rate\(1 minute\)/)
  })
})

describe('a schedule', () => {
  it('73. fires first one period after start, and then every period', async () => {
    const { clock, fired } = start({}, fakeClock(123_456))
    await clock.advance(5 * minute - 1)
    expect(fired).toEqual([])
    await clock.advance(10 * minute + 1)
    expect(fired.map(({ atMs }) => atMs - 123_456)).toEqual([5 * minute, 10 * minute, 15 * minute])
    expect(fired[0]?.functionName).toBe('sweep')
  })

  it('78. is tried again after 1 and 2 more minutes when its function fails, like any event', async () => {
    const clock = fakeClock()
    const { invoke, calls } = fakeInvoke(() => failed, clock.now)
    const queue = makeAsyncQueue({ invoke, clock, log: () => {} })
    startSchedule({
      schedule: schedule({ expression: 'rate(1 hour)' }),
      enqueue: queue.enqueue,
      clock,
      log: () => {},
    })
    await clock.advance(90 * minute)
    expect(calls.map(({ atMs }) => atMs)).toEqual([60 * minute, 61 * minute, 63 * minute])
    expect(new Set(calls.map(({ payload }) => payload)).size).toBe(1)
  })

  it('76. sends the event of a scheduled rule', async () => {
    const { clock, fired } = start()
    await clock.advance(5 * minute)
    expect(JSON.parse(fired[0]?.payload ?? '')).toEqual({
      version: '0',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: '123456789012',
      time: '2026-01-01T00:05:00Z',
      region: 'us-east-2',
      resources: [ruleArn],
      detail: {},
    })
  })

  it('77. sends a constant input exactly as it is, in place of the event', async () => {
    const { clock, fired } = start({ input: '{"olderThanMinutes": 5}' })
    await clock.advance(5 * minute)
    expect(fired[0]?.payload).toBe('{"olderThanMinutes": 5}')
  })

  it('does not fire when disabled, whatever its expression, nor after close', async () => {
    const disabled = start({ enabled: false, expression: 'cron(0 8 ? * 2 *)' })
    await disabled.clock.advance(60 * minute)
    expect(disabled.fired).toEqual([])
    const closed = start()
    await closed.clock.advance(5 * minute)
    closed.running.close()
    await closed.clock.advance(60 * minute)
    expect(closed.fired).toHaveLength(1)
    expect(closed.clock.timers()).toBe(0)
  })

  it('74. fires at the minutes of a cron expression', async () => {
    // 2026-01-01 is a Thursday; the fourth Monday after it is 26 January
    const { clock, fired, running } = start({ expression: 'cron(0 8 ? * 2 *)' }, fakeClock(30_500))
    await clock.advance(14 * 24 * 60 * minute)
    expect(fired.map(({ payload }) => JSON.parse(payload).time)).toEqual([
      '2026-01-05T08:00:00Z',
      '2026-01-12T08:00:00Z',
    ])
    running.close()
    expect(clock.timers()).toBe(0)
  })

  it('74. fires once for what a suspended machine slept through, and waits on when the clock is set back', async () => {
    const clock = fakeClock()
    let setMs = 0
    const wall = { ...clock, date: () => new Date(clock.date().getTime() + setMs) }
    const atMs: number[] = []
    startSchedule({
      schedule: schedule({ expression: 'cron(0 * * * ? *)' }),
      enqueue: () => atMs.push(wall.date().getTime() - Date.UTC(2026, 0, 1)),
      clock: wall,
      log: () => {},
    })
    setMs = 5.5 * 60 * minute
    await clock.advance(minute)
    expect(atMs).toEqual([331 * minute])
    setMs = 4.5 * 60 * minute // an hour back
    await clock.advance(60 * minute)
    expect(atMs).toHaveLength(1)
    await clock.advance(60 * minute)
    expect(atMs).toEqual([331 * minute, 360 * minute])
  })

  it('77. an input that is an object comes as that object, from a cron expression too', async () => {
    const { clock, fired } = start({ expression: 'cron(* * * * ? *)', input: '{"what":"sweep"}' })
    await clock.advance(minute)
    expect(fired.map(({ payload }) => JSON.parse(payload))).toEqual([{ what: 'sweep' }])
  })

  it('refuses an expression that is none, and names the rule', () => {
    expect(() => start({ expression: 'cron(0 8 * * 2 *)' })).toThrow(
      /^schedule my-schedule: cron.* one of day-of-month and day-of-week has to be \?/,
    )
    expect(() => start({ expression: 'at(2026-01-01T00:00:00)' })).toThrow(
      /^schedule my-schedule: at.* is no rate/,
    )
  })

  it('has every property of a recorded event', (context) => {
    const real = recorded('aws-events/sam-cli/ScheduledEvent.json', context)
    expect(Object.keys(JSON.parse(scheduledEvent({ ruleArn }, new Date())))).toEqual(
      expect.arrayContaining(Object.keys(real)),
    )
  })
})
