import { randomUUID } from 'node:crypto'
import { messageOf } from '../../errors.ts'
import type { Schedule } from '../../template.ts'
import { type Clock, systemClock } from '../clock.ts'
import { ratePeriodMs } from './rate.ts'

/**
 * Fires a rule's function at its rate: the first time one period after start, as AWS counts from the creation of
 * the rule, not at multiples of the wall clock. Fires that a suspended machine slept through come as one.
 *
 * Throws when the expression is none that can be run here. A disabled schedule is not looked at.
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
  const periodMs = periodOf(schedule)
  const startMs = clock.now()
  let cancel = () => {}
  const arm = () => {
    const nowMs = clock.now()
    const nextMs = startMs + (Math.floor((nowMs - startMs) / periodMs) + 1) * periodMs
    cancel = clock.after(nextMs - nowMs, () => {
      // A timer may come a little early: then this period is not over, and it is armed again.
      if (clock.now() >= nextMs)
        enqueue(schedule.functionName, schedule.input ?? scheduledEvent(schedule, clock.date()))
      arm()
    })
  }
  arm()
  return { close: () => cancel() }
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

function periodOf({ ruleName, expression }: Schedule): number {
  try {
    return ratePeriodMs(expression)
  } catch (error) {
    throw new Error(`schedule ${ruleName}: ${messageOf(error)}`)
  }
}
