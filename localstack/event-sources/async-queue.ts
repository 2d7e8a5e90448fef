import { randomUUID } from 'node:crypto'
import { messageOf } from '../errors.ts'
import type { Invoke, InvokeResult } from '../lambda/invoke.ts'
import { mostRunsInChain, runsInChain } from '../lambda/lineage.ts'
import { type Backoff, backoffMs } from './backoff.ts'
import { type Clock, systemClock } from './clock.ts'
import { describeFailure } from './failure.ts'

/** AWS documents no name for what a stopped loop leaves; `RecursiveInvocation` is ours. */
export type GiveUpCondition =
  | 'RetriesExhausted'
  | 'EventAgeExceeded'
  | 'RecursiveInvocation'
  | 'ZeroReservedConcurrency'

/** What Lambda sends to an on-failure destination, with the payloads as JSON values. */
export type GivenUp = {
  readonly version: '1.0'
  readonly timestamp: string
  readonly requestContext: {
    readonly requestId: string
    readonly functionArn: string // the name that was enqueued, where no ARN is known
    readonly condition: GiveUpCondition
    readonly approximateInvokeCount: number
  }
  readonly requestPayload: unknown
  readonly responseContext?: { statusCode: number; executedVersion: '$LATEST'; functionError: string }
  readonly responsePayload?: unknown
}

export type AsyncQueue = {
  /**
   * Accepts an event, as the 202 of InvocationType Event does, and returns its request id. Order is not promised.
   * `trace` is the header of the request that caused it: of a function that starts itself, the 17th event is given up.
   */
  enqueue(functionName: string, payload: string, trace?: string): string
  /** Resolves when nothing is queued, running or waiting for a retry. */
  idle(): Promise<void>
  /** Takes nothing more, waits up to `deadlineMs` (5 s) for what runs, drops the rest and says how many. */
  close(deadlineMs?: number): Promise<{ readonly dropped: number }>
}

export type AsyncQueueOptions = {
  readonly invoke: Invoke
  readonly log: (line: string) => void
  readonly clock?: Clock
  readonly random?: () => number // 0 to 1, spreads the retries of throttled events
  readonly maximumRetryAttempts?: (functionName: string) => number // 0 to 2; default 2
  readonly maximumEventAgeMs?: (functionName: string) => number // default six hours
  readonly concurrency?: (functionName: string) => number // invocations at a time; default 10
  readonly functionArn?: (functionName: string) => string
  readonly mayStartItself?: (functionName: string) => boolean // default no
  readonly duplicates?: () => boolean // whether the next event is delivered twice; default never
  readonly onGiveUp?: (record: GivenUp, functionName: string) => void | Promise<void>
}

type Job = {
  readonly functionName: string
  readonly payload: string
  readonly requestId: string
  readonly acceptedMs: number
  readonly trace: string | undefined
  attempts: number // that the function ran and failed
  refusals: number // throttled, or the runtime itself failed
  last?: InvokeResult
}

type Lane = { readonly waiting: Job[]; running: number }

const retryDelaysMs = [60_000, 120_000]
const refusedBackoff: Backoff = { firstMs: 1_000, longestMs: 300_000 }
const longestEventAgeMs = 6 * 60 * 60 * 1000

/**
 * Lambda's queue for asynchronous invocations (S3, schedules, InvocationType Event).
 *
 * A function error is retried after one minute and again after two; a throttled event goes back to the queue, 1 s
 * to 5 min apart, and uses up no attempt. All attempts carry one request id. After the last attempt, or when the
 * next one would come six hours after acceptance or later (`maximumEventAgeMs`), the event is given up: one line, and `onGiveUp`.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 *
 * An event may be delivered twice, under one request id, as AWS says of its queue: on demand.
 *
 * Delivery: at least once while the process lives. The queue is in memory: what `close` drops, or a kill loses, is
 * announced to nobody else.
 */
export function makeAsyncQueue(options: AsyncQueueOptions): AsyncQueue {
  const { invoke, log, clock = systemClock, random = Math.random, onGiveUp } = options
  const { mayStartItself = () => false, duplicates = () => false } = options
  const retriesOf = options.maximumRetryAttempts ?? (() => 2)
  const maximumAgeOf = options.maximumEventAgeMs ?? (() => longestEventAgeMs)
  const concurrencyOf = options.concurrency ?? (() => 10)
  const arnOf = options.functionArn ?? ((functionName) => functionName)
  const lanes = new Map<string, Lane>()
  const cancelDelayed = new Map<Job, () => void>()
  let outstanding = 0
  let running = 0
  let closed = false
  let dropped = 0
  let whenIdle: (() => void)[] = []
  let whenStill: (() => void)[] = []

  const settle = () => {
    outstanding--
    if (outstanding > 0) return
    for (const resolve of whenIdle) resolve()
    whenIdle = []
  }

  const drop = () => {
    dropped++
    settle()
  }

  const laneOf = (functionName: string): Lane => {
    let lane = lanes.get(functionName)
    if (!lane) {
      lane = { waiting: [], running: 0 }
      lanes.set(functionName, lane)
    }
    return lane
  }

  const ready = (job: Job) => {
    const lane = laneOf(job.functionName)
    lane.waiting.push(job)
    advance(job.functionName, lane)
  }

  const advance = (functionName: string, lane: Lane) => {
    while (!closed && lane.waiting.length > 0 && lane.running < Math.max(1, concurrencyOf(functionName))) {
      const job = lane.waiting.shift()!
      lane.running++
      running++
      void run(job).finally(() => {
        lane.running--
        running--
        if (running === 0) for (const resolve of whenStill) resolve()
        advance(functionName, lane)
      })
    }
  }

  const run = async (job: Job) => {
    const { functionName, payload, requestId, trace } = job
    let because: string
    let ran = false // and failed, which uses up an attempt; a refusal does not
    try {
      const result = await invoke(functionName, payload, { requestId, ...(trace !== undefined && { trace }) })
      if (result.statusCode === 200 && result.functionError === undefined) return settle()
      because = describeFailure(result)
      ran = result.functionError !== undefined
      if (ran) job.last = result
    } catch (error) {
      because = messageOf(error)
      log(`${nameOf(job)} could not be started: ${because}; it is tried again`)
    }
    if (closed) return drop()
    if (ran) job.attempts++
    else job.refusals++
    await decide(job, because, ran)
  }

  const decide = async (job: Job, because: string, ran: boolean) => {
    // https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    if (!ran && concurrencyOf(job.functionName) === 0) return giveUp(job, 'ZeroReservedConcurrency', because)
    const retries = retriesOf(job.functionName)
    if (ran && job.attempts > retries) return giveUp(job, 'RetriesExhausted', because)
    const delayMs = ran
      ? (retryDelaysMs[job.attempts - 1] ?? retryDelaysMs.at(-1)!)
      : backoffMs(refusedBackoff, job.refusals, random)
    // Checked when the retry is scheduled, not when it is due.
    if (clock.now() + delayMs - job.acceptedMs >= maximumAgeOf(job.functionName))
      return giveUp(job, 'EventAgeExceeded', because)
    if (ran) {
      log(
        `${nameOf(job)} failed, attempt ${job.attempts} of ${retries + 1}: ${because}; ` +
          `the next one follows in ${waitOf(delayMs / (clock.speed ?? 1))}`,
      )
    }
    const cancel = clock.after(delayMs, () => {
      cancelDelayed.delete(job)
      ready(job)
    })
    cancelDelayed.set(job, cancel)
  }

  const giveUp = async (job: Job, condition: GiveUpCondition, because: string) => {
    log(`${nameOf(job)} is given up after ${job.attempts} attempts (${condition}): ${because}`)
    try {
      await onGiveUp?.(givenUp(job, condition, arnOf(job.functionName), clock.date()), job.functionName)
    } catch (error) {
      log(`the on-failure destination of ${job.functionName} is not usable: ${messageOf(error)}`)
    }
    settle()
  }

  return {
    enqueue(functionName, payload, trace) {
      const requestId = randomUUID()
      if (closed) {
        log(`an event for ${functionName} came after the queue was closed and is dropped`)
        return requestId
      }
      const acceptedMs = clock.now()
      const job = { functionName, payload, requestId, acceptedMs, trace, attempts: 0, refusals: 0 }
      outstanding++
      if (runsInChain(trace, functionName) >= mostRunsInChain && !mayStartItself(functionName)) {
        const because = `it ran ${mostRunsInChain} times in one chain of events, so it starts itself; AWS stops it too, but with RecursiveLoop Allow`
        void giveUp(job, 'RecursiveInvocation', because)
        return requestId
      }
      ready(job)
      if (duplicates()) {
        log(`${nameOf(job)} is delivered twice, on demand`)
        outstanding++
        ready({ ...job, attempts: 0, refusals: 0 })
      }
      return requestId
    },
    idle: () => (outstanding === 0 ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve))),
    async close(deadlineMs = 5_000) {
      if (!closed) {
        closed = true
        for (const cancel of cancelDelayed.values()) {
          cancel()
          drop()
        }
        cancelDelayed.clear()
        for (const lane of lanes.values()) for (const _ of lane.waiting.splice(0)) drop()
        let cancel = () => {}
        if (running > 0) {
          await new Promise<void>((resolve) => {
            whenStill.push(resolve)
            cancel = clock.after(deadlineMs, resolve)
          })
        }
        cancel()
        whenStill = []
        const unfinished = running
        if (dropped + unfinished > 0) {
          log(`${dropped + unfinished} asynchronous invocations are dropped, as their queue is in memory`)
        }
        dropped += unfinished
      }
      return { dropped }
    },
  }
}

function givenUp(job: Job, condition: GiveUpCondition, arn: string, at: Date): GivenUp {
  const { requestId, attempts, payload, last } = job
  return {
    version: '1.0',
    timestamp: at.toISOString(),
    requestContext: {
      requestId,
      functionArn: arn.startsWith('arn:') ? `${arn}:$LATEST` : arn,
      condition,
      approximateInvokeCount: attempts,
    },
    requestPayload: parsed(payload),
    ...(last
      ? {
          responseContext: {
            statusCode: last.statusCode,
            executedVersion: '$LATEST' as const,
            functionError: last.functionError ?? 'Unhandled',
          },
          responsePayload: parsed(last.payload),
        }
      : {}),
  }
}

const waitOf = (ms: number): string =>
  ms < 60_000 ? `${Number((ms / 1000).toFixed(1))} s` : `${ms / 60_000} min`

const nameOf = ({ functionName, payload, requestId }: Job): string => {
  const about = aboutEvent(payload)
  return `${functionName}${about ? ` for ${about}` : ''} (request ${requestId})`
}

/** What an event is about, for people: the objects of an S3 event, the rule of a schedule; else nothing. */
export function aboutEvent(payload: string): string {
  const event = parsed(payload) as {
    Records?: { s3?: { bucket?: { name?: unknown }; object?: { key?: unknown } } }[]
    resources?: unknown[]
  } | null
  if (Array.isArray(event?.Records)) {
    return event.Records.flatMap((record) => {
      const [bucket, key] = [record?.s3?.bucket?.name, record?.s3?.object?.key]
      return typeof bucket === 'string' && typeof key === 'string' ? [`s3://${bucket}/${decoded(key)}`] : []
    }).join(', ')
  }
  return typeof event?.resources?.[0] === 'string' ? event.resources[0] : ''
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return key
  }
}
