import { setTimeout as sleep } from 'node:timers/promises'
import { type Consumer, type EachBatchPayload, Kafka, type KafkaMessage, logLevel } from 'kafkajs'
import { messageOf } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import { rarely } from '../rarely.ts'
import type { SourceRecord } from './event.ts'
import { idleKafkajs } from './idle-kafkajs.ts'
import { quickKafkajs } from './quick-kafkajs.ts'
import { steadyKafkajs } from './steady-kafkajs.ts'

/** Where a consumer hands its records over. All calls come from one consumer and never overlap. */
export type RecordSink = {
  /**
   * The partitions to read from now on. In a `kept` one this member stayed the owner all the time. Every partition
   * is read again from its committed offset, so records that wait in the sink are to be thrown away.
   */
  assigned(partitions: readonly number[], kept: ReadonlySet<number>): void
  /** Takes the next record of a partition. False: full; wait for `room`, then offer the same record again. */
  offer(record: SourceRecord, highWatermark: number): boolean
  room(): Promise<void>
}

/** A member of the mapping's consumer group. It outlives the broker: it reconnects and rejoins until it is closed. */
export type RecordConsumer = {
  readonly joined: Promise<void> // resolves at the first assignment, perhaps never
  /** Commits next offsets by partition. Throws when the group does not accept it; records then come again. */
  commit(nextOffsets: ReadonlyMap<number, number>): Promise<void>
  /** Leaves the group. Takes as long as the fetch that is under way, half a second at most, while the broker answers. */
  close(): Promise<void>
}

export type OpenConsumer = (sink: RecordSink) => RecordConsumer

export type ConsumerSettings = {
  readonly bootstrapServers: string
  readonly groupId: string
  readonly topic: string
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST' | 'AT_TIMESTAMP'
  readonly startingPositionTimestamp?: number // Unix seconds
  readonly log: (line: string) => void
  readonly clock: Pick<Clock, 'now'>
}

// A fetch waits this long for a first record. The broker answers at once when one arrives, so this is no latency;
// it bounds how long closing and noticing a rebalance take.
const maxWaitTimeInMs = 500
const heartbeatInterval = 1_000
const blockedHeartbeatMs = 1_000
const sessionTimeout = 10_000 // how long a killed member keeps its partitions
const leaveDeadlineMs = 3_000

/**
 * A consumer over kafkajs: manual commits, one member, read-committed.
 *
 * A committed offset always wins over the starting position. For a partition without one, TRIM_HORIZON reads from
 * the beginning; LATEST and AT_TIMESTAMP are looked up once, at the first start, and committed at once, so that a
 * restart before the first record leaves no gap. Partitions that are added later, and those whose committed offset
 * the topic no longer holds, are read from their beginning.
 * https://docs.aws.amazon.com/lambda/latest/dg/kafka-starting-positions.html
 *
 * What kafkajs 2.2 does not hand out: the order of headers with different names when they interleave (`a b a`
 * arrives as `a a b`) or when names are digits (they come first). Values of one name keep their order. It reads
 * gzip; snappy, lz4 and zstd stop the mapping with a line that names the codec.
 */
export function openKafkaConsumer(settings: ConsumerSettings, sink: RecordSink): RecordConsumer {
  const { topic, groupId, bootstrapServers, log, clock } = settings
  const quietly = rarely(log, clock)
  idleKafkajs()
  quickKafkajs()
  steadyKafkajs()
  const kafka = new Kafka({
    clientId: 'lambda-event-source',
    brokers: bootstrapServers.split(',').map((server) => server.trim()),
    retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000, restartOnFailure: async () => false },
    logLevel: logLevel.ERROR,
    logCreator: () => (entry) => forwardLog(entry.log.message, topic, quietly.say),
  })
  const stopping = new AbortController()
  const joined = withResolvers()
  let initial: Map<number, number> | undefined // where LATEST or AT_TIMESTAMP begin; looked up once
  let member: { commit: RecordConsumer['commit'] } | undefined

  const supervise = async () => {
    let failures = 0
    while (!stopping.signal.aborted) {
      try {
        await topicExists()
        await serve(() => {
          if (failures > 0) log(`event source of ${topic}: reading again`)
          failures = 0
          quietly.forget()
          joined.resolve()
        })
      } catch (error) {
        if (stopping.signal.aborted) return
        failures++
        sink.assigned([], new Set())
        const codec = /^(Snappy|LZ4|ZSTD) compression not implemented/.exec(messageOf(error))?.[1]
        quietly.say(
          codec ?? 'outage',
          codec
            ? `event source of ${topic}: the topic holds records compressed with ${codec}, which can't be read here; ` +
                'produce with gzip or without compression. Nothing is skipped: it is tried again every 30 s'
            : `event source of ${topic}: Kafka at ${bootstrapServers} is not usable (${messageOf(error)}); trying again`,
        )
        await pause(codec ? 30_000 : Math.min(5_000, 250 * 2 ** Math.min(failures, 6)))
      }
    }
  }

  const pause = (ms: number) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => {})

  /** Waits for the topic; it is never created here. Then looks up where a new group starts. */
  const topicExists = async () => {
    const admin = kafka.admin()
    try {
      await admin.connect()
      for (;;) {
        if (stopping.signal.aborted) return
        if ((await admin.listTopics()).includes(topic)) break
        quietly.say(
          'topic',
          `event source of ${topic}: there is no such topic yet; waiting until it is created`,
        )
        await pause(500)
      }
      if (settings.startingPosition === 'TRIM_HORIZON') return
      const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
      const without = new Set(
        committed?.partitions.filter((p) => Number(p.offset) < 0).map((p) => p.partition),
      )
      if (!initial) {
        const starts =
          settings.startingPosition === 'LATEST'
            ? await admin.fetchTopicOffsets(topic)
            : await admin.fetchTopicOffsetsByTimestamp(
                topic,
                (settings.startingPositionTimestamp ?? 0) * 1000,
              )
        initial = new Map(starts.map((start) => [start.partition, Number(start.offset)]))
      }
      for (const partition of initial.keys()) if (!without.has(partition)) initial.delete(partition)
    } finally {
      await admin.disconnect().catch(() => {})
    }
  }

  /** One life of a group member: returns when stopped, throws when kafkajs gives up. */
  const serve = async (onJoined: () => void) => {
    const consumer = kafka.consumer({
      groupId,
      sessionTimeout,
      heartbeatInterval,
      maxWaitTimeInMs,
      minBytes: 1,
      maxBytes: 4 * 1024 * 1024, // a larger single record batch comes all the same
      metadataMaxAge: 10_000, // new partitions are noticed within this
      allowAutoTopicCreation: false,
    })
    let generation = 0
    let memberId: string | undefined
    let owned: readonly number[] = []
    let commits = 0
    const ended = withResolvers()
    ended.promise.catch(() => {})
    consumer.on(consumer.events.CRASH, ({ payload }) => ended.reject(payload.error))
    consumer.on(consumer.events.COMMIT_OFFSETS, () => void commits++)
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      const assigned = payload.memberAssignment[topic] ?? []
      // A member that missed a generation comes back under a new id, and its partitions had another owner.
      const kept =
        payload.memberId === memberId ? assigned.filter((partition) => owned.includes(partition)) : []
      if (generation++ === 0) for (const start of startsOf(assigned)) consumer.seek({ topic, ...start })
      memberId = payload.memberId
      owned = assigned
      sink.assigned(assigned, new Set(kept))
      onJoined()
    })
    const startsOf = (partitions: readonly number[]) =>
      partitions.flatMap((partition) => {
        const offset = initial?.get(partition)
        return offset === undefined ? [] : [{ partition, offset: String(offset) }]
      })
    const commit = async (nextOffsets: Iterable<readonly [number, number]>) => {
      const before = commits
      await consumer.commitOffsets(
        Array.from(nextOffsets, ([partition, offset]) => ({ topic, partition, offset: String(offset) })),
      )
      if (commits === before) throw new Error('not a member of the group') // kafkajs is silent about it
    }

    try {
      await consumer.connect()
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 256, // so that a batch sees all partitions of a fetch at once
        eachBatch: (payload) => handOver(payload, sink, () => generation, stopping.signal),
      })
      member = { commit }
      const starts = startsOf(owned)
      if (starts.length > 0)
        await commit(starts.map((start) => [start.partition, Number(start.offset)] as const))
      stopping.signal.addEventListener('abort', ended.resolve)
      if (!stopping.signal.aborted) await ended.promise
    } finally {
      member = undefined
      stopping.signal.removeEventListener('abort', ended.resolve)
      await disconnect(consumer)
    }
  }

  const supervision = supervise()
  return {
    joined: joined.promise,
    commit: async (nextOffsets) => {
      if (!member) throw new Error('not connected')
      await member.commit(nextOffsets)
    },
    close: async () => {
      stopping.abort()
      await supervision
    },
  }
}

/**
 * Feeds one partition's fetched records to the sink. While the sink is full the fetch loop stands still, which
 * bounds memory, and heartbeats go on, which keeps the membership.
 */
async function handOver(
  { batch, resolveOffset, heartbeat, isRunning }: EachBatchPayload,
  sink: RecordSink,
  generation: () => number,
  stopping: AbortSignal,
): Promise<void> {
  const mine = generation()
  const highWatermark = Number(batch.highWatermark)
  let taken: string | undefined
  for (const message of batch.messages) {
    const record = toRecord(batch.topic, batch.partition, message)
    while (!sink.offer(record, highWatermark)) {
      if (taken !== undefined) resolveOffset(taken) // an error below must not fetch these again
      await roomOrHeartbeat(sink)
      if (stopping.aborted || !isRunning()) return
      await heartbeat()
      // Going on would move the new generation's position past records that it has not read.
      if (generation() !== mine) throw new Error('the group was rebalanced')
    }
    taken = message.offset
  }
  if (taken !== undefined) resolveOffset(taken)
}

async function roomOrHeartbeat(sink: RecordSink): Promise<void> {
  const timer = new AbortController()
  await Promise.race([
    sink.room(),
    sleep(blockedHeartbeatMs, undefined, { signal: timer.signal }).catch(() => {}),
  ])
  timer.abort()
}

/** A record as kafkajs hands it out. */
export function toRecord(topic: string, partition: number, message: KafkaMessage): SourceRecord {
  // kafkajs keeps the record batch's header on every message, though its types do not say so. Messages in the
  // format before Kafka 0.11 carry the same bit in their own attributes.
  const { batchContext } = message as { batchContext?: { timestampType?: number } }
  const timestampType = batchContext ? batchContext.timestampType : (message.attributes >> 3) & 1
  return {
    topic,
    partition,
    offset: Number(message.offset),
    timestampMs: Number(message.timestamp),
    timestampType: timestampType === 1 ? 'LOG_APPEND_TIME' : 'CREATE_TIME',
    key: message.key,
    value: message.value,
    headers: toHeaders(message.headers ?? {}),
  }
}

/**
 * kafkajs collects headers in an object: several of one name become an array. A header that is named like a method
 * of Object (`constructor`) arrives with that method before its value, so only bytes and nulls are taken.
 */
export function toHeaders(headers: object): readonly (readonly [string, Uint8Array | null])[] {
  const entries = Object.entries(headers)
  if (entries.length === 0) return noHeaders
  return entries.flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values])
      .filter((value) => value === null || value instanceof Uint8Array)
      .map((value): [string, Uint8Array | null] => [name, value]),
  )
}

const noHeaders: SourceRecord['headers'] = []

async function disconnect(consumer: Consumer): Promise<void> {
  const deadline = new AbortController()
  await Promise.race([
    consumer.disconnect().catch(() => {}),
    sleep(leaveDeadlineMs, undefined, { signal: deadline.signal }).catch(() => {}),
  ])
  deadline.abort()
}

/** Of what kafkajs logs as errors, outages and rebalances are told by the supervision, in one line. */
function forwardLog(message: string, topic: string, say: (about: string, line: string) => void): void {
  if (/^Offset out of range/.test(message)) {
    const reason = 'its committed offset is not in the topic (expired, or the topic was made anew)'
    say(message, `event source of ${topic}: a partition is read from its beginning, because ${reason}`)
  } else if (
    !/^(Connection|Failed to connect|Response |Crash:|Restarting|Error when calling|.*rebalanc)/i.test(
      message,
    )
  ) {
    say(message, `event source of ${topic}: ${message}`)
  }
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers() {
  let resolve: () => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
