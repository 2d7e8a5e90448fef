import { randomUUID } from 'node:crypto'
import { messageOf } from '../../errors.ts'
import type { Schedule } from '../../template.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type Cron, readCron } from './cron.ts'
import { ratePeriodMs } from './rate.ts'

/**
 * Fires a rule's function. A rate counts from the start, as AWS counts from the creation of the rule, not at multiples
 * of the wall clock; a cron expression goes by the wall clock, in UTC. Fires that a suspended machine slept through
 * come as one.
 *
 * Throws when the expression is none of AWS's. A disabled schedule is not looked at.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
 */
export function startSchedule(options: {
  readonly schedule: Schedule
  readonly enqueue: (functionName: string, payload: string) => unknown
  readonly clock?: Clock
  readonly log: (line: string) => void
}): { close(): void } {
  const { schedule, enqueue, clock = systemClock, log } = options
  if (!schedule.enabled) {
    log(`schedule ${schedule.ruleName} is disabled and does not run`)
    return { close: () => {} }
  }
  const fire = () => enqueue(schedule.functionName, schedule.input ?? scheduledEvent(schedule, clock.date()))
  try {
    const { expression } = schedule
    const cancel = expression.startsWith('cron(')
      ? runCron(readCron(expression), clock, fire)
      : runRate(ratePeriodMs(expression), clock, fire)
    return { close: cancel }
  } catch (error) {
    throw new Error(`schedule ${schedule.ruleName}: ${messageOf(error)}`)
  }
}

function runRate(periodMs: number, clock: Clock, fire: () => void): () => void {
  const startMs = clock.now()
  let cancel = () => {}
  const arm = () => {
    const nowMs = clock.now()
    const nextMs = startMs + (Math.floor((nowMs - startMs) / periodMs) + 1) * periodMs
    cancel = clock.after(nextMs - nowMs, () => {
      // A timer may come a little early: then this period is not over, and it is armed again.
      if (clock.now() >= nextMs) fire()
      arm()
    })
  }
  arm()
  return () => cancel()
}

// The wall clock may be set, and timers stand still while a machine sleeps: it is looked at this often.
const lookAgainMs = 60_000

function runCron(cron: Cron, clock: Clock, fire: () => void): () => void {
  let cancel = () => {}
  let next = cron.next(clock.date())
  const arm = () => {
    if (next === undefined) return
    const leftMs = Math.max(1, next.getTime() - clock.date().getTime())
    cancel = clock.after(Math.min(leftMs, lookAgainMs), () => {
      if (next && clock.date() >= next) {
        fire()
        next = cron.next(clock.date())
      }
      arm()
    })
  }
  arm()
  return () => cancel()
}

/** The event of a scheduled rule; `time` has whole seconds. https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html */
export function scheduledEvent(
  { ruleArn }: Pick<Schedule, 'ruleArn'>,
  at: Date,
  id: string = randomUUID(),
): string {
  const [, , , region = '', account = ''] = ruleArn.split(':')
  return JSON.stringify({
    version: '0',
    id,
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account,
    time: at.toISOString().replace(/\.\d{3}Z$/, 'Z'),
    region,
    resources: [ruleArn],
    detail: {},
  })
}
