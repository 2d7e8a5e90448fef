import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '#localstack/event-sources/clock.ts'
import type { OpenConsumer, RecordSink } from '#localstack/event-sources/kafka/consumer.ts'
import type { SourceRecord } from '#localstack/event-sources/kafka/event.ts'
import type { Destination, Failure } from '#localstack/event-sources/kafka/on-failure.ts'
import type { Invoke, InvokeResult } from '#localstack/lambda/invoke.ts'
import type { KafkaMapping } from '#localstack/template.ts'

/** Lets everything run that needs no timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await nextTurn()
}

/** A clock that stands still until `advance`, which runs what becomes due, in order, and lets its consequences run. */
export function fakeClock(startMs = 0) {
  let nowMs = startMs
  const timers = new Set<{ dueMs: number; run: () => void }>()
  const clock: Clock = {
    now: () => nowMs,
    date: () => new Date(Date.UTC(2026, 0, 1) + nowMs),
    after: (delayMs, run) => {
      const timer = { dueMs: nowMs + delayMs, run }
      timers.add(timer)
      return () => timers.delete(timer)
    },
  }
  return {
    ...clock,
    timers: () => timers.size,
    async advance(ms: number): Promise<void> {
      const untilMs = nowMs + ms
      await settle()
      for (;;) {
        const next = [...timers].sort((a, b) => a.dueMs - b.dueMs)[0]
        if (!next || next.dueMs > untilMs) break
        timers.delete(next)
        nowMs = Math.max(nowMs, next.dueMs)
        next.run()
        await settle()
      }
      nowMs = untilMs
    },
  }
}

export const succeeded: InvokeResult = { statusCode: 200, payload: 'null' }
export const throttled: InvokeResult = {
  statusCode: 429,
  payload: '{"Reason":"ConcurrentInvocationLimitExceeded"}',
}
export const failed: InvokeResult = {
  statusCode: 200,
  functionError: 'Unhandled',
  payload: '{"errorType":"TypeError","errorMessage":"no such thing","trace":[]}',
}
export const answered = (answer: unknown): InvokeResult => ({
  statusCode: 200,
  payload: JSON.stringify(answer),
})
export const timedOut: InvokeResult = {
  statusCode: 200,
  functionError: 'Unhandled',
  payload: '{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 3.00 seconds"}',
}

export type Call = {
  readonly functionName: string
  readonly payload: string
  readonly requestId?: string
  readonly atMs: number
  finish(result?: InvokeResult): void
}

/** Records every call. `answer` gives the result at once; without it, the test finishes each call. */
export function fakeInvoke(
  answer?: (call: Call, index: number) => InvokeResult,
  now: () => number = () => 0,
) {
  const calls: Call[] = []
  let running = 0
  let mostRunning = 0
  const invoke: Invoke = async (functionName, payload, options) => {
    running++
    mostRunning = Math.max(mostRunning, running)
    try {
      return await new Promise<InvokeResult>((resolve) => {
        const call: Call = {
          functionName,
          payload: payload.toString(),
          atMs: now(),
          ...(options?.requestId ? { requestId: options.requestId } : {}),
          finish: (result = succeeded) => resolve(result),
        }
        calls.push(call)
        if (answer) resolve(answer(call, calls.length - 1))
      })
    } finally {
      running--
    }
  }
  return { invoke, calls, mostRunning: () => mostRunning }
}

/** `{ 'orders-0': [15, 16] }`: the offsets of a Kafka event by partition key. */
export function offsetsOf(payload: string): Record<string, number[]> {
  const { records } = JSON.parse(payload) as { records: Record<string, { offset: number }[]> }
  return Object.fromEntries(
    Object.entries(records).map(([key, list]) => [key, list.map(({ offset }) => offset)]),
  )
}

export const mapping = (over: Partial<KafkaMapping> = {}): KafkaMapping => ({
  id: '6d9bce8e-836b-442c-8070-74e77903c815',
  functionName: 'ingest',
  kind: 'msk',
  eventSourceArn: 'arn:aws:kafka:us-east-1:111122223333:cluster/demo/751d2973-a626-431c-9d4e-d7975eb44dd7-2',
  topic: 'orders',
  batchSize: 100,
  windowMs: 500,
  startingPosition: 'TRIM_HORIZON',
  consumerGroupId: '6d9bce8e-836b-442c-8070-74e77903c815',
  enabled: true,
  pollers: 1,
  filters: [],
  bisect: false,
  reportsItemFailures: false,
  ...over,
})

/** A destination that keeps what it gets; the first `failing` deliveries fail. */
export function fakeDestination(failing = 0) {
  const failures: Failure[] = []
  let tries = 0
  const destination: Destination = {
    name: 'a destination',
    deliver: async (failure) => {
      if (tries++ < failing) throw new Error('no such bucket')
      failures.push(failure)
    },
  }
  return { destination, failures, tries: () => tries }
}

export const record = (over: Partial<SourceRecord> = {}): SourceRecord => ({
  topic: 'orders',
  partition: 0,
  offset: 15,
  timestampMs: 1545084650987,
  timestampType: 'CREATE_TIME',
  key: Buffer.from('recordKey'),
  value: Buffer.from('{"k":"v"}'),
  headers: [],
  ...over,
})

/**
 * A topic in memory behind the consumer port, with one consumer that is fed like kafkajs feeds it: in order, waiting
 * when the sink is full, from the committed offsets after every assignment.
 */
export function fakeTopic(partitionCount = 1) {
  const logs: SourceRecord[][] = Array.from({ length: partitionCount }, () => [])
  const committed = new Map<number, number>()
  const commits: ReadonlyMap<number, number>[] = []
  let positions = new Map<number, number>()
  let sink: RecordSink | undefined
  let generation = 0
  let refuseCommits: Error | undefined
  let opened = 0
  let closed = false

  const feed = async () => {
    const mine = generation
    for (const [partition, log] of logs.entries()) {
      for (;;) {
        const position = positions.get(partition)
        const next = position === undefined ? undefined : log[position]
        if (!next || !sink || mine !== generation) break
        if (sink.offer(next, log.length)) positions.set(partition, (position ?? 0) + 1)
        else await sink.room()
      }
    }
  }
  let feeding = Promise.resolve()
  const fetch = () => {
    feeding = feeding.then(feed)
  }

  const open: OpenConsumer = (theSink) => {
    opened++
    sink = theSink
    queueMicrotask(() => topic.assign([...logs.keys()]))
    return {
      joined: Promise.resolve(),
      commit: async (nextOffsets) => {
        if (refuseCommits) throw refuseCommits
        commits.push(nextOffsets)
        for (const [partition, offset] of nextOffsets) committed.set(partition, offset)
      },
      close: async () => {
        closed = true
        sink = undefined
      },
    }
  }
  const topic = {
    open,
    committed,
    commits,
    opened: () => opened,
    closed: () => closed,
    refuseCommits: (error: Error | undefined) => {
      refuseCommits = error
    },
    /** Appends and lets the consumer fetch, as one fetch for everything appended in one call. */
    append(...records: Partial<SourceRecord>[]): void {
      for (const over of records) {
        const log = logs[over.partition ?? 0]
        log?.push(record({ ...over, offset: log.length }))
      }
      fetch()
    },
    /** A rebalance: `kept` partitions stayed ours all the time. */
    assign(partitions: readonly number[], kept: readonly number[] = []): void {
      generation++
      positions = new Map(partitions.map((partition) => [partition, committed.get(partition) ?? 0]))
      sink?.assigned(partitions, new Set(kept))
      fetch()
    },
  }
  return topic
}

export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))
