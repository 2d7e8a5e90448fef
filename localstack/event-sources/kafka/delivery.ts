import { randomUUID } from 'node:crypto'
import { messageOf } from '../../errors.ts'
import type { Invoke } from '../../lambda/invoke.ts'
import type { KafkaMapping } from '../../template.ts'
import { type Backoff, backoffMs } from '../backoff.ts'
import type { Clock } from '../clock.ts'
import { describeFailure } from '../failure.ts'
import type { rarely } from '../rarely.ts'
import type { Commits } from './commits.ts'
import { type EventOrigin, eventHead, eventUtf8, type NullsAs } from './event.ts'
import type { Destination, FailureCondition } from './on-failure.ts'
import { addresses, type Entry, type Ownership, partitionsOf } from './ownership.ts'
import type { PartitionLocks } from './partition-locks.ts'
import { judge, type Outcome, type Part, type RetryPolicy, retryPolicy, settledUpTo } from './retries.ts'

// AWS publishes no numbers for how it spaces the retries of a failing batch.
const errorBackoff: Backoff = { firstMs: 200, longestMs: 30_000 }
const refusalBackoff: Backoff = { firstMs: 100, longestMs: 5_000 }
const destinationAttempts = 3

export type DeliverySettings = {
  readonly mapping: KafkaMapping
  readonly origin: EventOrigin
  readonly functionArn: string
  readonly nullsAs: NullsAs
  readonly invoke: Invoke
  readonly destination?: Destination
  readonly locks: PartitionLocks
  readonly clock: Clock
  readonly random: () => number
  readonly log: (line: string) => void
}

/** What the poller that delivers knows: which records are still its own, and when to stop. */
export type Ground = {
  holds(owner: Ownership): boolean
  isClosed(): boolean
  pause(ms: number): Promise<void> // cut short by closing, and when records are lost to another member
  readonly commits: Commits
  readonly rarely: ReturnType<typeof rarely>
}

/** Counts, with the names of AWS's metrics. https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html */
export type DeliveryCounts = {
  readonly delivered: number // records that the function took
  readonly invocations: number // attempts, of which
  readonly failures: number // ended with an error
  readonly throttles: number // or were refused
  readonly givenUp: number // records that the function did not take, and never will
  readonly dropped: number // of those, the ones that reached no destination: DroppedEventCount
}

/** Invokes the function with batches, until each of their records is processed, given up, or another member's. */
export class Delivery {
  readonly #settings: DeliverySettings
  readonly #ground: Ground
  readonly #policy: RetryPolicy
  readonly #head: string
  readonly #counts = { delivered: 0, invocations: 0, failures: 0, throttles: 0, givenUp: 0, dropped: 0 }
  #lastProcessingResult = 'No records processed'

  constructor(settings: DeliverySettings, ground: Ground) {
    this.#settings = settings
    this.#ground = ground
    this.#policy = retryPolicy(settings.mapping)
    this.#head = eventHead(settings.origin)
  }

  get counts(): DeliveryCounts {
    return this.#counts
  }

  get lastProcessingResult(): string {
    return this.#lastProcessingResult
  }

  /** Returns when all of the batch is settled, or nobody's business here. Commits as it goes. */
  async deliver(batch: readonly Entry[]): Promise<void> {
    const release = await this.#settings.locks.acquire(partitionsOf(batch))
    try {
      await this.#work(batch)
    } finally {
      release()
    }
  }

  /** A record that fits in no event: to the destination first, then past it. The records after it go on. */
  async setAside(entry: Entry): Promise<void> {
    const { key, value } = entry.record
    const megabytes = ((key?.length ?? 0) + (value?.length ?? 0)) / 1024 / 1024
    const why = `fits in no event of 6 MB (${megabytes.toFixed(1)} MB)`
    if (await this.#giveUp([entry], 'MaximumPayloadSizeExceeded', why, notInvoked)) {
      this.#settle([entry], [])
    }
  }

  async #work(batch: readonly Entry[]): Promise<void> {
    const { mapping, random } = this.#settings
    let parts: readonly Part<Entry>[] = [{ records: batch, failures: 0 }]
    let last = notInvoked
    let refusals = 0
    let wentWrong = false
    for (;;) {
      parts = this.#held(parts)
      const part = parts[0]
      if (part === undefined || this.#ground.isClosed()) return

      const tooOld = this.#tooOld(part)
      if (tooOld.length > 0) {
        const attempts = { ...last, attempts: part.failures }
        if (!(await this.#giveUp(tooOld, 'RecordAgeExceeded', 'is too old', attempts))) return
        parts = without(parts, new Set(tooOld))
        this.#settle(batch, parts)
        continue
      }

      const { outcome, because, requestId } = await this.#invoke(part)
      // What fails while everything ends fails because of that: it comes again at the next start.
      if (outcome.kind !== 'answered' && this.#ground.isClosed()) return
      const { processed, again, givenUp } = judge(part, outcome, this.#policy, mapping.topic)
      this.#counts.delivered += processed.length
      last = { requestId, attempts: part.failures + 1, functionError: outcome.kind === 'failed' }
      if (again.length + givenUp.length > 0) {
        this.#complain(part, again, because)
        wentWrong = true
      } else this.#lastProcessingResult = 'OK'
      if (givenUp.length > 0) {
        const why = `failed ${last.attempts} times (${because})`
        if (!(await this.#giveUp(givenUp, 'RetryAttemptsExhausted', why, last))) return
      }
      parts = [...again, ...parts.slice(1)]
      this.#settle(batch, parts)
      if (wentWrong && parts.length === 0 && givenUp.length === 0)
        this.#say(`${this.#name} succeeded with ${addresses(processed, mapping.topic)}`)

      refusals = outcome.kind === 'not-run' ? refusals + 1 : 0
      if (refusals > 0) await this.#ground.pause(backoffMs(refusalBackoff, refusals, random))
      else if (again[0]) await this.#ground.pause(backoffMs(errorBackoff, again[0].failures || 1, random))
    }
  }

  async #invoke({ records }: Part<Entry>): Promise<Invocation> {
    const { invoke, mapping } = this.#settings
    const requestId = randomUUID()
    this.#counts.invocations++
    try {
      const event = this.#eventOf(records)
      const result = await invoke(mapping.functionName, event, { requestId })
      if (result.statusCode === 200 && result.functionError === undefined) {
        const because = 'it reported records as failed'
        return { requestId, because, outcome: { kind: 'answered', payload: result.payload } }
      }
      const throttled = result.statusCode === 429
      this.#counts[throttled ? 'throttles' : 'failures']++
      const because = describeFailure(result)
      return { requestId, because, outcome: { kind: throttled ? 'not-run' : 'failed' } }
    } catch (error) {
      this.#counts.failures++
      return { requestId, because: messageOf(error), outcome: { kind: 'not-run' } }
    }
  }

  /** Delivers to the destination, or says that there is none. False: it was cut short, and the records come again. */
  async #giveUp(
    records: readonly Entry[],
    condition: FailureCondition,
    why: string,
    { requestId, attempts, functionError }: Attempts,
  ): Promise<boolean> {
    const { mapping, origin, functionArn, destination, clock, random } = this.#settings
    const { topic } = mapping
    let reached = false
    if (destination) {
      const failed = records.map(({ record }) => record)
      const event = this.#eventOf(records).toString()
      const about = { condition, requestId, functionArn, attempts, functionError, origin, topic }
      for (let tries = 1; !reached && tries <= destinationAttempts; tries++) {
        try {
          await destination.deliver({ ...about, at: clock.date(), records: failed, event })
          reached = true
        } catch (error) {
          this.#say(`the on-failure destination of ${this.#name} is not usable: ${messageOf(error)}`)
          await this.#ground.pause(backoffMs(errorBackoff, tries, random))
          if (this.#ground.isClosed()) return false
        }
        if (!records.every(({ owner }) => this.#ground.holds(owner))) break // its next owner decides
      }
    }
    const own = records.filter(({ owner }) => this.#ground.holds(owner))
    if (own.length === 0) return true
    this.#counts.givenUp += own.length
    if (!reached) this.#counts.dropped += own.length
    this.#lastProcessingResult = `PROBLEM: ${condition}`
    const fate = reached
      ? `${own.length === 1 ? 'it' : 'they'} went to ${destination?.name}`
      : `skipped, as no destination took ${own.length === 1 ? 'it' : 'them'}`
    this.#say(`${this.#name} is done with ${addresses(own, topic)}, which ${why}: ${fate}`)
    return true
  }

  #eventOf(entries: readonly Entry[]): Buffer {
    const { mapping, nullsAs } = this.#settings
    const records = entries.map(({ record }) => record)
    return eventUtf8(this.#head, mapping.topic, records, nullsAs)
  }

  /** Commits what nothing before it holds back any more. Nothing waits for it: the next batch is sent meanwhile. */
  #settle(batch: readonly Entry[], unsettled: readonly Part<Entry>[]): void {
    const open = new Set(unsettled.flatMap(({ records }) => records))
    let moved = false
    for (const { owner, next } of settledUpTo(batch, open))
      if (this.#ground.holds(owner)) moved = this.#ground.commits.add(owner, next) || moved
    if (moved) void this.#ground.commits.flush()
  }

  /** Without records whose partition has another owner by now. */
  #held(parts: readonly Part<Entry>[]): readonly Part<Entry>[] {
    const lost = parts.flatMap(({ records }) => records.filter(({ owner }) => !this.#ground.holds(owner)))
    return lost.length === 0 ? parts : without(parts, new Set(lost))
  }

  #tooOld({ records }: Part<Entry>): readonly Entry[] {
    const { maximumAgeMs } = this.#policy
    if (maximumAgeMs === Number.POSITIVE_INFINITY) return []
    const oldestMs = this.#settings.clock.date().getTime() - maximumAgeMs
    return records.filter(({ record }) => record.timestampMs < oldestMs)
  }

  #complain({ records, failures }: Part<Entry>, again: readonly Part<Entry>[], because: string): void {
    const { topic } = this.#settings.mapping
    this.#lastProcessingResult = `PROBLEM: ${because}`
    const left = this.#policy.maximumRetries - failures
    const next =
      again.length > 1
        ? 'Each half of them is sent by itself'
        : again.length === 0
          ? 'They are not sent again'
          : `${again[0]!.records.length < records.length ? 'Those' : 'The same records'} are sent again until it succeeds` +
            (left === Number.POSITIVE_INFINITY ? '' : `, ${left} times at most`)
    this.#ground.rarely.say(
      `failing ${records[0]?.partition} ${records[0]?.offset}`,
      `event source of ${topic}: ${this.#name} failed with ${addresses(records, topic)}: ` +
        `${because} (attempt ${failures + 1}). ${next}`,
    )
  }

  get #name(): string {
    return this.#settings.mapping.functionName
  }

  #say(line: string): void {
    this.#settings.log(`event source of ${this.#settings.mapping.topic}: ${line}`)
  }
}

type Attempts = {
  readonly requestId: string
  readonly attempts: number
  readonly functionError: boolean // of the last one
}
type Invocation = { readonly requestId: string; readonly outcome: Outcome; readonly because: string }

const notInvoked: Attempts = {
  requestId: '00000000-0000-0000-0000-000000000000',
  attempts: 0,
  functionError: false,
}

const without = (parts: readonly Part<Entry>[], gone: ReadonlySet<Entry>): readonly Part<Entry>[] =>
  parts
    .map((part) => ({ ...part, records: part.records.filter((record) => !gone.has(record)) }))
    .filter(({ records }) => records.length > 0)
