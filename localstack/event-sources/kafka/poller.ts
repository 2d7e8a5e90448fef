import { randomUUID } from 'node:crypto'
import { messageOf } from '../../errors.ts'
import type { Invoke } from '../../lambda/invoke.ts'
import type { KafkaMapping } from '../../template.ts'
import { type Backoff, backoffMs } from '../backoff.ts'
import type { Clock } from '../clock.ts'
import { describeFailure } from '../failure.ts'
import { rarely } from '../rarely.ts'
import { type BatchLimits, decide, eventBytes, maxEventBytes, type Waiting } from './batching.ts'
import type { OpenConsumer, RecordConsumer, RecordSink } from './consumer.ts'
import {
  type EventOrigin,
  eventHead,
  eventJson,
  type NullsAs,
  partitionKey,
  recordJson,
  type SourceRecord,
} from './event.ts'
import { type OnFailure, tooLargeDocument } from './on-failure.ts'
import type { PartitionLocks } from './partition-locks.ts'

// AWS publishes no numbers for how it spaces the retries of a failing batch.
const errorBackoff: Backoff = { firstMs: 200, longestMs: 30_000 }
const throttleBackoff: Backoff = { firstMs: 100, longestMs: 5_000 }
const commitRetryMs = 2_000
const destinationAttempts = 3

/** JSON that may wait here beside the batch in flight: more than one largest batch, whatever the lag is. */
const waitingBytesLimit = 8 * 1024 * 1024

/** One stretch of owning a partition. A new object after every loss, so that records of an earlier stretch show. */
type Ownership = {
  readonly partition: number
  first?: number // first offset that was offered
  taken?: number // next offset after the records that went into a batch
  committed?: number // next offset, as the group has it from us
  highWatermark: number
  again?: { readonly from: number; readonly below: number } // fetched again after a rebalance, but taken already
}

type Entry = Waiting & {
  readonly owner: Ownership
  readonly offset: number
  readonly json: string // empty when too large
  readonly record?: SourceRecord // kept only when too large
}

export type PollerSettings = {
  readonly mapping: KafkaMapping
  readonly origin: EventOrigin
  readonly functionArn: string
  readonly nullsAs: NullsAs
  readonly invoke: Invoke
  readonly onFailure?: OnFailure
  readonly locks: PartitionLocks
  readonly clock: Clock
  readonly random: () => number
  readonly log: (line: string) => void
}

export type PollerStatus = {
  readonly delivered: number // records in successful invocations
  readonly invocations: number // attempts, of which
  readonly failures: number // ended with an error
  readonly throttles: number // or were refused
  readonly setAside: number // records too large for any event
  readonly dropped: number // of those, the ones that reached no destination
  readonly waiting: { readonly records: number; readonly bytes: number }
  readonly inFlight: number // records
  readonly partitions: Readonly<Record<number, { committed?: number; highWatermark: number; lag?: number }>>
  readonly lastProcessingResult: string // AWS's words: `No records processed`, `OK`, `PROBLEM: …`
}

/**
 * One poller of a mapping: a group member with one batch in flight, so that within a partition no invocation
 * starts before the one before it ended.
 *
 * Delivery: at least once. Offsets are committed after the function succeeded, last offset + 1 per partition; a
 * batch that fails is sent again, the same records, until it succeeds or another member owns its partitions.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-msk-configure.html
 */
export class Poller implements RecordSink {
  readonly #settings: PollerSettings
  readonly #head: string
  readonly #limits: BatchLimits
  readonly #rarely: ReturnType<typeof rarely>
  readonly #consumer: RecordConsumer
  readonly #owned = new Map<number, Ownership>()
  readonly #counts = { delivered: 0, invocations: 0, failures: 0, throttles: 0, setAside: 0, dropped: 0 }
  #lastProcessingResult = 'No records processed'
  #waiting: Entry[] = []
  #waitingBytes = 0
  #roomMade: { promise: Promise<void>; resolve: () => void } | undefined
  #inFlight:
    | { readonly entries: readonly Entry[]; readonly ended: Promise<void>; wake?: () => void }
    | undefined
  #pumpDue = false
  #closed = false
  #cancelWindow = () => {}
  #cancelCommit = () => {}
  #committing = Promise.resolve()
  readonly #uncommitted = new Map<Ownership, number>()

  constructor(settings: PollerSettings, open: OpenConsumer) {
    this.#settings = settings
    const { mapping, origin } = settings
    const keyBytes = new Map<number, number>()
    this.#head = eventHead(origin)
    this.#limits = {
      batchSize: mapping.batchSize,
      windowMs: mapping.windowMs,
      maxEventBytes,
      fixedBytes: Buffer.byteLength(this.#head) + 1,
      partitionBytes: (partition) => {
        const known = keyBytes.get(partition)
        if (known !== undefined) return known
        const bytes = Buffer.byteLength(partitionKey(mapping.topic, partition)) + 3
        keyBytes.set(partition, bytes)
        return bytes
      },
    }
    this.#rarely = rarely(settings.log, settings.clock)
    this.#consumer = open(this)
  }

  get joined(): Promise<void> {
    return this.#consumer.joined
  }

  status(): PollerStatus {
    const partitions: Record<number, { committed?: number; highWatermark: number; lag?: number }> = {}
    for (const { partition, committed, first, highWatermark } of this.#owned.values()) {
      const next = committed ?? first
      partitions[partition] = {
        ...(committed === undefined ? {} : { committed }),
        highWatermark,
        ...(next === undefined ? {} : { lag: Math.max(0, highWatermark - next) }),
      }
    }
    return {
      ...this.#counts,
      waiting: { records: this.#waiting.length, bytes: this.#waitingBytes },
      inFlight: this.#inFlight?.entries.length ?? 0,
      partitions,
      lastProcessingResult: this.#lastProcessingResult,
    }
  }

  /**
   * Stops taking records, waits up to `deadlineMs` for the invocation that runs, commits it if it succeeds, and
   * leaves the group. What runs longer is delivered again at the next start.
   */
  async close(deadlineMs = 5_000): Promise<void> {
    this.#closed = true
    this.#cancelWindow()
    this.#roomMade?.resolve()
    this.#inFlight?.wake?.()
    if (this.#inFlight) {
      let cancel = () => {}
      const late = new Promise<'late'>((resolve) => {
        cancel = this.#settings.clock.after(deadlineMs, () => resolve('late'))
      })
      if ((await Promise.race([this.#inFlight.ended, late])) === 'late') {
        this.#say(`${this.#name} still runs; its records are delivered again at the next start`)
      }
      cancel()
    }
    this.#cancelCommit()
    await this.#consumer.close()
  }

  // RecordSink

  assigned(partitions: readonly number[], kept: ReadonlySet<number>): void {
    const before = new Map(this.#owned)
    this.#owned.clear()
    for (const partition of partitions) {
      const owner = kept.has(partition) ? before.get(partition) : undefined
      if (owner) {
        const from = owner.committed ?? owner.first
        if (from !== undefined && owner.taken !== undefined) owner.again = { from, below: owner.taken }
      }
      this.#owned.set(partition, owner ?? { partition, highWatermark: 0 })
    }
    for (const owner of this.#uncommitted.keys()) if (!this.#holds(owner)) this.#uncommitted.delete(owner)
    this.#waiting = []
    this.#waitingBytes = 0
    this.#cancelWindow()
    this.#roomMade?.resolve()
    if (this.#inFlight?.entries.some((entry) => !this.#holds(entry.owner))) this.#inFlight.wake?.()
  }

  offer(record: SourceRecord, highWatermark: number): boolean {
    const owner = this.#owned.get(record.partition)
    if (this.#closed || !owner) return true // nobody commits it, so its next owner reads it
    if (this.#waitingBytes >= waitingBytesLimit) return false
    owner.highWatermark = highWatermark
    owner.first ??= record.offset
    if (owner.again && record.offset >= owner.again.from && record.offset < owner.again.below) return true
    const entry = this.#toEntry(record, owner)
    this.#waiting.push(entry)
    this.#waitingBytes += entry.bytes
    if (!this.#pumpDue && !this.#inFlight) {
      this.#pumpDue = true
      queueMicrotask(() => this.#pump()) // after all partitions of this fetch
    }
    return true
  }

  room(): Promise<void> {
    if (this.#closed || this.#waitingBytes < waitingBytesLimit) return Promise.resolve()
    if (!this.#roomMade) {
      let resolve = () => {}
      const promise = new Promise<void>((onResolve) => {
        resolve = () => {
          this.#roomMade = undefined
          onResolve()
        }
      })
      this.#roomMade = { promise, resolve }
    }
    return this.#roomMade.promise
  }

  #toEntry(record: SourceRecord, owner: Ownership): Entry {
    const { partition, offset } = record
    const rawBytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
    const base = { partition, offset, owner, arrivedMs: this.#settings.clock.now() }
    if (rawBytes <= (maxEventBytes / 4) * 3) {
      const json = recordJson(record, this.#settings.nullsAs)
      const bytes = Buffer.byteLength(json)
      if (eventBytes([{ partition, bytes }], this.#limits) <= maxEventBytes) {
        return { ...base, bytes, json, tooLarge: false }
      }
    }
    return { ...base, bytes: rawBytes, json: '', tooLarge: true, record }
  }

  // The loop: decide, send, commit, decide …

  #pump(): void {
    this.#pumpDue = false
    this.#cancelWindow()
    if (this.#inFlight || this.#closed) return
    const { clock } = this.#settings
    const decision = decide(this.#waiting, this.#limits, clock.now())
    if (decision.do === 'nothing') return
    if (decision.do === 'wait') {
      this.#cancelWindow = clock.after(decision.untilMs - clock.now(), () => this.#pump())
      return
    }
    const entries = this.#waiting.splice(0, decision.do === 'send' ? decision.count : 1)
    for (const { owner, offset, bytes } of entries) {
      owner.taken = offset + 1
      this.#waitingBytes -= bytes
    }
    if (this.#waitingBytes < waitingBytesLimit) this.#roomMade?.resolve()
    const work = decision.do === 'send' ? this.#deliver(entries) : this.#setAside(entries[0]!)
    const ended = work
      .catch((error) => this.#say(`${this.#name}: ${messageOf(error)}`)) // a defect here: records come again
      .then(() => {
        this.#inFlight = undefined
        this.#pump()
      })
    this.#inFlight = { entries, ended }
  }

  async #deliver(all: readonly Entry[]): Promise<void> {
    const { mapping, invoke, locks, random } = this.#settings
    const release = await locks.acquire(partitionsOf(all))
    try {
      let entries = all
      let event: string | undefined
      let failures = 0
      let throttles = 0
      for (;;) {
        const held = entries.filter((entry) => this.#holds(entry.owner))
        if (this.#closed || held.length === 0) return
        if (!event || held.length < entries.length) event = eventJson(this.#head, mapping.topic, held)
        entries = held

        this.#counts.invocations++
        const outcome = await attempt(invoke, mapping.functionName, event)
        if (outcome.ok) {
          this.#counts.delivered += entries.length
          this.#lastProcessingResult = 'OK'
          if (failures + throttles > 0)
            this.#say(`${this.#name} succeeded with ${addresses(entries, mapping.topic)}`)
          await this.#commit(entries)
          return
        }
        if (outcome.throttled) throttles++
        else failures++
        this.#counts[outcome.throttled ? 'throttles' : 'failures']++
        this.#lastProcessingResult = `PROBLEM: ${outcome.because}`
        const waitMs = outcome.throttled
          ? backoffMs(throttleBackoff, throttles, random)
          : backoffMs(errorBackoff, failures, random)
        this.#rarely.say(
          `failing ${entries[0]?.partition} ${entries[0]?.offset}`,
          `event source of ${mapping.topic}: ${this.#name} failed with ${addresses(entries, mapping.topic)}: ` +
            `${outcome.because} (attempt ${failures + throttles}). The same records are sent again until it succeeds`,
        )
        await this.#pause(waitMs)
      }
    } finally {
      release()
    }
  }

  /** A record that fits in no event: to the destination first, then past it. The records after it go on. */
  async #setAside(entry: Entry): Promise<void> {
    const { mapping, origin, functionArn, nullsAs, onFailure, clock, random } = this.#settings
    const { topic, functionName } = mapping
    const { partition, offset, record } = entry
    if (!record) throw new Error('a record that fits was set aside')
    let reached = false
    if (onFailure) {
      const json = recordJson(record, nullsAs)
      const event = eventJson(this.#head, topic, [{ partition, json }])
      const requestId = randomUUID()
      const document = tooLargeDocument({ requestId, functionArn, at: clock.date(), origin, record, event })
      for (let tries = 1; !reached && tries <= destinationAttempts && this.#holds(entry.owner); tries++) {
        try {
          await onFailure(
            { functionName, topic, partition, offset, condition: 'MaximumPayloadSizeExceeded' },
            document,
          )
          reached = true
        } catch (error) {
          this.#say(`the on-failure destination of ${this.#name} is not usable: ${messageOf(error)}`)
          await this.#pause(backoffMs(errorBackoff, tries, random))
          if (this.#closed) return
        }
      }
    }
    if (!this.#holds(entry.owner)) return
    this.#counts.setAside++
    if (!reached) this.#counts.dropped++
    const size = `${(entry.bytes / 1024 / 1024).toFixed(1)} MB`
    const fate = reached
      ? 'it went to the on-failure destination'
      : 'it is skipped, as no destination took it'
    const where = `${topic}-${partition} offset ${offset} (${size})`
    this.#say(`${where} fits in no event of 6 MB for ${this.#name}: ${fate}`)
    await this.#commit([entry])
  }

  async #commit(entries: readonly Entry[]): Promise<void> {
    for (const { owner, offset } of entries) if (this.#holds(owner)) this.#uncommitted.set(owner, offset + 1)
    await this.#flushCommits()
  }

  /** One commit after the other, so that offsets never go back. */
  #flushCommits(): Promise<void> {
    this.#committing = this.#committing.then(() => this.#commitOnce())
    return this.#committing
  }

  /** A commit that the group refuses is survived: either another owner redelivers, or it is tried again. */
  async #commitOnce(): Promise<void> {
    this.#cancelCommit()
    const commits = [...this.#uncommitted]
    if (commits.length === 0) return
    try {
      await this.#consumer.commit(new Map(commits.map(([owner, next]) => [owner.partition, next])))
      for (const [owner, next] of commits) {
        owner.committed = next
        if (this.#uncommitted.get(owner) === next) this.#uncommitted.delete(owner)
      }
    } catch (error) {
      this.#rarely.say('commit', `offsets for ${this.#name} are not committed yet: ${messageOf(error)}`)
      if (this.#closed) return
      this.#cancelCommit = this.#settings.clock.after(commitRetryMs, () => void this.#flushCommits())
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#closed) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = this.#settings.clock.after(ms, resolve)
      if (this.#inFlight) {
        this.#inFlight.wake = () => {
          cancel()
          resolve()
        }
      }
    })
  }

  #holds(owner: Ownership): boolean {
    return this.#owned.get(owner.partition) === owner
  }

  get #name(): string {
    return this.#settings.mapping.functionName
  }

  #say(line: string): void {
    this.#settings.log(`event source of ${this.#settings.mapping.topic}: ${line}`)
  }
}

type Outcome = { ok: true } | { ok: false; throttled: boolean; because: string }

async function attempt(invoke: Invoke, functionName: string, event: string): Promise<Outcome> {
  try {
    const result = await invoke(functionName, event)
    if (result.statusCode === 200 && result.functionError === undefined) return { ok: true }
    return { ok: false, throttled: result.statusCode === 429, because: describeFailure(result) }
  } catch (error) {
    return { ok: false, throttled: false, because: messageOf(error) }
  }
}

const partitionsOf = (entries: readonly Entry[]): number[] => [
  ...new Set(entries.map(({ partition }) => partition)),
]

/** `orders-0 offsets 15 to 20, orders-2 offset 4`: gaps inside are normal. */
function addresses(entries: readonly Entry[], topic: string): string {
  return partitionsOf(entries)
    .map((partition) => {
      const offsets = entries.filter((entry) => entry.partition === partition)
      const [first, last] = [offsets[0]?.offset, offsets.at(-1)?.offset]
      return `${topic}-${partition} offset${first === last ? ` ${first}` : `s ${first} to ${last}`}`
    })
    .join(', ')
}
