import { messageOf } from '../../errors.ts'
import { rarely } from '../rarely.ts'
import { type BatchLimits, bytesAlone, decide, maxEventBytes } from './batching.ts'
import { Commits } from './commits.ts'
import type { OpenConsumer, RecordConsumer, RecordSink } from './consumer.ts'
import { Delivery, type DeliveryCounts, type DeliverySettings } from './delivery.ts'
import { eventHead, partitionKey, recordBytes, type SourceRecord } from './event.ts'
import { passes } from './filter.ts'
import type { Entry, Ownership } from './ownership.ts'

/** JSON that may wait here beside the batch in flight: more than one largest batch, whatever the lag is. */
const waitingBytesLimit = 8 * 1024 * 1024
const lastCommitMs = 1_000

export type PollerStatus = DeliveryCounts & {
  readonly filteredOut: number // records that no filter lets through
  readonly waiting: { readonly records: number; readonly bytes: number }
  readonly inFlight: number // records
  readonly partitions: Readonly<Record<number, { committed?: number; highWatermark: number; lag?: number }>>
  readonly lastProcessingResult: string // AWS's words: `No records processed`, `OK`, `PROBLEM: …`
}

/**
 * One poller of a mapping: a group member with one batch in flight, so that within a partition no invocation
 * starts before the one before it ended.
 *
 * Delivery: at least once. Offsets are committed after their records were processed or given up, last offset + 1 per
 * partition; what a filter leaves out is committed with what came before it.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-msk-configure.html
 */
export class Poller implements RecordSink {
  readonly #settings: DeliverySettings
  readonly #limits: BatchLimits
  readonly #rarely: ReturnType<typeof rarely>
  readonly #consumer: RecordConsumer
  readonly #commits: Commits
  readonly #delivery: Delivery
  readonly #owned = new Map<number, Ownership>()
  #filteredOut = 0
  #waiting: Entry[] = []
  #waitingBytes = 0
  #roomMade: { promise: Promise<void>; resolve: () => void } | undefined
  #inFlight:
    | { readonly entries: readonly Entry[]; readonly ended: Promise<void>; wake?: () => void }
    | undefined
  #arrivalMs: number | undefined
  #pumpDue = false
  #closed = false
  #cancelWindow = () => {}

  constructor(settings: DeliverySettings, open: OpenConsumer) {
    this.#settings = settings
    const { mapping, origin, clock, log } = settings
    const keyBytes = new Map<number, number>()
    this.#limits = {
      batchSize: mapping.batchSize,
      windowMs: mapping.windowMs,
      maxEventBytes,
      fixedBytes: Buffer.byteLength(eventHead(origin)) + 1,
      partitionBytes: (partition) => {
        const known = keyBytes.get(partition)
        if (known !== undefined) return known
        const bytes = Buffer.byteLength(partitionKey(mapping.topic, partition)) + 3
        keyBytes.set(partition, bytes)
        return bytes
      },
    }
    this.#rarely = rarely(log, clock)
    this.#commits = new Commits(
      (nextOffsets) => this.#consumer.commit(nextOffsets),
      clock,
      (problem) =>
        this.#rarely.say('commit', `offsets for ${mapping.functionName} are not committed yet: ${problem}`),
    )
    this.#delivery = new Delivery(settings, {
      holds: (owner) => this.#holds(owner),
      isClosed: () => this.#closed,
      pause: (ms) => this.#pause(ms),
      commits: this.#commits,
      rarely: this.#rarely,
    })
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
      ...this.#delivery.counts,
      filteredOut: this.#filteredOut,
      waiting: { records: this.#waiting.length, bytes: this.#waitingBytes },
      inFlight: this.#inFlight?.entries.length ?? 0,
      partitions,
      lastProcessingResult: this.#delivery.lastProcessingResult,
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
    if (this.#inFlight && !(await this.#within(deadlineMs, this.#inFlight.ended))) {
      this.#say(
        `${this.#settings.mapping.functionName} still runs; its records are delivered again at the next start`,
      )
    }
    await this.#within(lastCommitMs, this.#commits.close())
    await this.#consumer.close()
  }

  /** False when `work` takes longer. */
  async #within(ms: number, work: Promise<void>): Promise<boolean> {
    let cancel = () => {}
    const late = new Promise<false>((resolve) => {
      cancel = this.#settings.clock.after(ms, () => resolve(false))
    })
    const inTime = await Promise.race([work.then(() => true), late])
    cancel()
    return inTime
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
        delete owner.last // unless it is in flight, it is read again
      }
      this.#owned.set(partition, owner ?? { partition, highWatermark: 0 })
    }
    for (const entry of this.#inFlight?.entries ?? []) entry.owner.last = entry
    this.#commits.forget((owner) => !this.#holds(owner))
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
    if (!passes(this.#settings.mapping.filters, record)) {
      this.#leaveOut(owner, record.offset)
      return true
    }
    const entry = this.#toEntry(record, owner)
    owner.last = entry
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

  /** Its offset is committed after the record before it, or soon if nothing is before it. */
  #leaveOut(owner: Ownership, offset: number): void {
    this.#filteredOut++
    const { last } = owner
    if (last && last.next > (owner.settled ?? 0)) last.next = offset + 1
    else if (this.#commits.add(owner, offset + 1)) this.#commits.soon()
  }

  #toEntry(record: SourceRecord, owner: Ownership): Entry {
    const { partition, offset } = record
    const bytes = recordBytes(record, this.#settings.nullsAs)
    const tooLarge = bytesAlone({ partition, bytes }, this.#limits) > maxEventBytes
    const arrivedMs = this.#nowMs()
    return { partition, offset, owner, record, bytes, tooLarge, arrivedMs, next: offset + 1 }
  }

  /** Asked for each record, and the clock is slow: the same for all that come at once. */
  #nowMs(): number {
    if (this.#arrivalMs === undefined) {
      this.#arrivalMs = this.#settings.clock.now()
      queueMicrotask(() => {
        this.#arrivalMs = undefined
      })
    }
    return this.#arrivalMs
  }

  // The loop: decide, deliver, decide …

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
    const work =
      decision.do === 'send' ? this.#delivery.deliver(entries) : this.#delivery.setAside(entries[0]!)
    const ended = work
      // A defect here: the records come again.
      .catch((error) => this.#say(`${this.#settings.mapping.functionName}: ${messageOf(error)}`))
      .then(() => {
        this.#inFlight = undefined
        this.#pump()
      })
    this.#inFlight = { entries, ended }
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

  #say(line: string): void {
    this.#settings.log(`event source of ${this.#settings.mapping.topic}: ${line}`)
  }
}
