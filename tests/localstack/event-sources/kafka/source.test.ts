import { afterEach, describe, expect, it } from 'vitest'
import { readPattern } from '#localstack/event-pattern.ts'
import type { OpenConsumer, RecordSink } from '#localstack/event-sources/kafka/consumer.ts'
import { failureDocument } from '#localstack/event-sources/kafka/on-failure.ts'
import {
  type KafkaEventSource,
  type KafkaEventSourceOptions,
  startKafkaEventSource,
} from '#localstack/event-sources/kafka/source.ts'
import type { InvokeResult } from '#localstack/lambda/invoke.ts'
import type { KafkaMapping } from '#localstack/template.ts'
import {
  answered,
  type Call,
  failed,
  fakeClock,
  fakeDestination,
  fakeInvoke,
  fakeTopic,
  mapping,
  offsetsOf,
  record,
  settle,
  succeeded,
  throttled,
  timedOut,
  times,
} from '../fakes.ts'

let stop: () => Promise<void> = async () => {}
afterEach(async () => {
  await stop()
  stop = async () => {}
})

async function start(
  over: Partial<KafkaMapping> = {},
  answer?: (call: Call, index: number) => InvokeResult,
  more: Partial<KafkaEventSourceOptions> & { partitions?: number } = {},
) {
  const { partitions = 1, ...options } = more
  const clock = fakeClock()
  const topic = fakeTopic(partitions)
  const lines: string[] = []
  const { invoke, calls, mostRunning } = fakeInvoke(answer, clock.now)
  const source: KafkaEventSource = await startKafkaEventSource({
    mapping: mapping(over),
    bootstrapServers: '127.0.0.1:9092',
    invoke,
    log: (line) => lines.push(line),
    clock,
    random: () => 1,
    openConsumer: topic.open,
    ...options,
  })
  stop = async () => {
    const closing = source.close(0)
    await clock.advance(0)
    await closing
  }
  await settle()
  return {
    source,
    clock,
    topic,
    lines,
    calls,
    mostRunning,
    offsets: () => calls.map(({ payload }) => offsetsOf(payload)),
  }
}
const ok = () => succeeded
const megabyte = Buffer.alloc(1024 * 1024, 7)

describe('batches', () => {
  it('12. 250 ready records with batch size 100 and window 0 come in order, at most 100 at a time', async () => {
    const { topic, offsets } = await start({ windowMs: 0 }, ok)
    topic.append(...times(250, () => ({})))
    await settle()
    const batches = offsets().map((event) => event['orders-0'] ?? [])
    expect(batches.every((batch) => batch.length <= 100)).toBe(true)
    expect(batches.flat()).toEqual(times(250, (offset) => offset))
  })

  it('13. one record of a default mapping is delivered 500 ms after it arrived', async () => {
    const { topic, clock, calls } = await start({}, ok)
    await clock.advance(10_000)
    topic.append({})
    await clock.advance(499)
    expect(calls).toHaveLength(0)
    await clock.advance(1)
    expect(calls).toHaveLength(1)
  })

  it('14. three records within a window of 5 s are one invocation, 5 s after the first', async () => {
    const { topic, clock, calls, offsets } = await start({ windowMs: 5000 }, ok)
    for (let n = 0; n < 3; n++) {
      topic.append({})
      await clock.advance(400)
    }
    await clock.advance(3799)
    expect(calls).toHaveLength(0)
    await clock.advance(1)
    expect(offsets()).toEqual([{ 'orders-0': [0, 1, 2] }])
  })

  it('15. the record that fills the batch sends it at once', async () => {
    const { topic, calls } = await start({ windowMs: 300_000, batchSize: 10 }, ok)
    topic.append(...times(9, () => ({})))
    await settle()
    expect(calls).toHaveLength(0)
    topic.append({})
    await settle()
    expect(calls).toHaveLength(1)
  })

  it('16. with window 0 what is available goes without waiting for a full batch', async () => {
    const { topic, offsets } = await start({ windowMs: 0, batchSize: 1000 }, ok)
    topic.append(...times(100, () => ({})))
    await settle()
    expect(offsets()).toEqual([{ 'orders-0': times(100, (offset) => offset) }])
  })

  it('17. ten records of 1 MB take several events, none above 6 MB', async () => {
    const { topic, clock, calls, offsets } = await start({}, ok)
    topic.append(...times(10, () => ({ value: megabyte })))
    await clock.advance(2_000)
    expect(Math.max(...calls.map(({ payload }) => Buffer.byteLength(payload)))).toBeLessThanOrEqual(6_291_456)
    expect(offsets().flatMap((event) => event['orders-0'])).toEqual(times(10, (offset) => offset))
    expect(offsets().map((event) => event['orders-0']?.length)).toEqual([4, 4, 2])
  })

  it('3. the event names the broker that is read here for MSK, and those of the mapping for others', async () => {
    const bootstrapOf = async (over: Partial<KafkaMapping>) => {
      const { topic, calls } = await start({ windowMs: 0, ...over }, ok)
      topic.append({})
      await settle()
      await stop()
      return JSON.parse(calls[0]!.payload).bootstrapServers
    }
    expect(await bootstrapOf({})).toBe('127.0.0.1:9092')
    expect(await bootstrapOf({ kind: 'self-managed', bootstrapServers: 'b-1:9096,b-2:9096' })).toBe(
      'b-1:9096,b-2:9096',
    )
  })

  it('19. one batch holds records of several partitions', async () => {
    const { topic, offsets } = await start({ windowMs: 0 }, ok, { partitions: 3 })
    topic.append({ partition: 2 }, { partition: 0 }, { partition: 2 })
    await settle()
    expect(offsets()).toEqual([{ 'orders-0': [0], 'orders-2': [0, 1] }])
  })

  it('20. an empty topic causes no invocation and no timer', async () => {
    const { clock, calls } = await start({}, ok)
    expect(clock.timers()).toBe(0)
    await clock.advance(3_600_000)
    expect(calls).toHaveLength(0)
  })

  it('9. a tombstone is delivered like any record', async () => {
    const { topic, calls } = await start({ windowMs: 0 }, ok)
    topic.append({ value: null })
    await settle()
    expect('value' in JSON.parse(calls[0]?.payload ?? '').records['orders-0'][0]).toBe(false)
  })

  it('holds a bounded number of bytes, however far behind it is', async () => {
    const { topic, calls, source } = await start({ windowMs: 0, batchSize: 10_000 })
    topic.append(...times(40, () => ({ value: megabyte })))
    await settle()
    expect(calls).toHaveLength(1) // still running
    expect(source.status()[0]?.waiting.bytes).toBeLessThan(8 * 1024 * 1024 + 1.5 * 1024 * 1024)
    while (calls.length < 10) {
      calls.at(-1)?.finish()
      await settle()
    }
    calls.at(-1)?.finish()
    await settle()
    expect(topic.committed.get(0)).toBe(40)
  })
})

describe('a record too large for any event', () => {
  const huge = { value: Buffer.alloc(5 * 1024 * 1024), key: null }

  it('18. goes to the on-failure destination, and the records after it go on', async () => {
    const { destination, failures } = fakeDestination()
    const { topic, offsets, source, lines } = await start({ windowMs: 0 }, ok, { destination })
    topic.append({}, huge, {})
    await settle()
    expect(offsets()).toEqual([{ 'orders-0': [0] }, { 'orders-0': [2] }])
    expect(topic.committed.get(0)).toBe(3)
    const document = JSON.parse(failureDocument(failures[0]!, { withPayload: true }))
    expect(document).toMatchObject({
      requestContext: { condition: 'MaximumPayloadSizeExceeded' },
      responseContext: null,
      KafkaBatchInfo: {
        batchSize: 1,
        recordsInfo: { 'orders-0': { firstRecordOffset: '1', lastRecordOffset: '1' } },
      },
    })
    const payload = JSON.parse(document.payload)
    expect(Buffer.from(payload.records['orders-0'][0].value, 'base64')).toHaveLength(5 * 1024 * 1024)
    expect(source.status()[0]).toMatchObject({ givenUp: 1, dropped: 0, delivered: 2 })
    expect(lines.filter((line) => line.includes('orders-0 offset 1,'))).toHaveLength(1)
  })

  it('49. is counted as dropped when its destination stays down, and the poller goes on', async () => {
    const { destination } = fakeDestination(Number.POSITIVE_INFINITY)
    const { topic, clock, offsets, source, lines } = await start({ windowMs: 0 }, ok, { destination })
    topic.append(huge, {})
    await clock.advance(5_000)
    expect(offsets()).toEqual([{ 'orders-0': [1] }])
    expect(source.status()[0]).toMatchObject({ givenUp: 1, dropped: 1 })
    expect(lines.join('\n')).toContain('no such bucket')
  })

  it('reaches a destination that answers late', async () => {
    const { destination, failures } = fakeDestination(2)
    const { topic, clock, source } = await start({ windowMs: 0 }, ok, { destination })
    topic.append(huge)
    await clock.advance(5_000)
    expect(failures).toHaveLength(1)
    expect(source.status()[0]).toMatchObject({ givenUp: 1, dropped: 0 })
  })

  it('is skipped with a line that names it when there is no destination', async () => {
    const { topic, lines, source } = await start({ windowMs: 0 }, ok)
    topic.append(huge)
    await settle()
    expect(lines).toEqual([
      expect.stringMatching(/orders-0 offset 0, which fits in no event of 6 MB \(5\.0 MB\): skipped/),
    ])
    expect(topic.committed.get(0)).toBe(1)
    expect(source.status()[0]).toMatchObject({ dropped: 1 })
  })
})

describe('order and offsets', () => {
  it('28. the next invocation of a partition never starts before the one before it ended', async () => {
    const { topic, clock, calls, mostRunning } = await start({ windowMs: 0, batchSize: 2 }, undefined, {
      partitions: 2,
    })
    topic.append({}, {}, {}, { partition: 1 }, { partition: 1 })
    for (let ended = 0; ended < 3; ended++) {
      await clock.advance(10_000)
      expect(calls).toHaveLength(ended + 1)
      calls[ended]?.finish()
    }
    await clock.advance(1)
    expect(calls).toHaveLength(3)
    expect(mostRunning()).toBe(1)
  })

  it('28. nor does one of another poller, when the group gives it the partition meanwhile', async () => {
    const sinks: RecordSink[] = []
    const openConsumer: OpenConsumer = (sink) => {
      sinks.push(sink)
      return { joined: Promise.resolve(), commit: async () => {}, close: async () => {} }
    }
    const { calls } = await start({ windowMs: 0 }, undefined, { pollers: 2, openConsumer })
    const [one, other] = sinks
    one?.assigned([0], new Set())
    one?.offer(record({ offset: 0 }), 1)
    await settle()
    one?.assigned([], new Set())
    other?.assigned([0], new Set())
    other?.offer(record({ offset: 0 }), 1)
    await settle()
    expect(calls).toHaveLength(1)
    calls[0]?.finish()
    await settle()
    expect(calls).toHaveLength(2)
    calls[1]?.finish()
  })

  it('31. offsets are committed only after the function succeeded', async () => {
    const { topic, calls } = await start({ windowMs: 0 })
    topic.append({})
    await settle()
    expect(calls).toHaveLength(1)
    expect(topic.commits).toEqual([])
    calls[0]?.finish()
    await settle()
    expect(topic.commits).toHaveLength(1)
  })

  it('batches do not wait for a commit that takes long, and commits never overtake one another', async () => {
    const broker = fakeTopic()
    const commits: number[] = []
    let answer = () => {}
    const openConsumer: OpenConsumer = (sink) => ({
      ...broker.open(sink),
      commit: (offsets) => {
        commits.push(offsets.get(0) ?? -1)
        return new Promise((resolve) => {
          answer = resolve
        })
      },
    })
    const { calls, source } = await start({ windowMs: 0, batchSize: 1 }, ok, { openConsumer })
    broker.append({}, {}, {})
    await settle()
    expect(calls).toHaveLength(3)
    expect(commits).toEqual([1])
    answer()
    await settle()
    expect(commits).toEqual([1, 3])
    answer()
    await settle()
    expect(source.status()[0]?.partitions[0]).toMatchObject({ committed: 3 })
  })

  it('32. the last offset + 1 of each partition of the batch is committed', async () => {
    const { topic, source } = await start({ windowMs: 0 }, ok, { partitions: 3 })
    topic.append({}, {}, { partition: 2 })
    await settle()
    expect(topic.commits).toEqual([
      new Map([
        [0, 2],
        [2, 1],
      ]),
    ])
    expect(source.status()[0]?.partitions[0]).toEqual({ committed: 2, highWatermark: 2, lag: 0 })
  })

  it('33. what succeeded but was not committed when the group moved on comes again, and nothing is lost', async () => {
    const { topic, offsets, calls } = await start({ windowMs: 0 })
    topic.append({}, {})
    await settle()
    topic.assign([0]) // as a new member: it was gone for a generation
    calls[0]?.finish()
    await settle()
    expect(topic.commits).toEqual([]) // a zombie commits nothing
    expect(offsets()).toEqual([{ 'orders-0': [0, 1] }, { 'orders-0': [0, 1] }])
    calls[1]?.finish()
    await settle()
    expect(topic.committed.get(0)).toBe(2)
  })

  it('27. a disabled mapping joins no group', async () => {
    const { topic, source } = await start({ enabled: false }, ok)
    expect(topic.opened()).toBe(0)
    expect(source.status()).toEqual([])
  })

  it('refuses AT_TIMESTAMP without a time', async () => {
    await expect(start({ startingPosition: 'AT_TIMESTAMP' })).rejects.toThrow(/startingPositionTimestamp/)
  })
})

describe('rebalances', () => {
  it('a partition that stays is not delivered twice', async () => {
    const { topic, calls, offsets } = await start({ windowMs: 0 }, undefined, { partitions: 2 })
    topic.append({}, { partition: 1 })
    await settle()
    topic.append({}, { partition: 1 })
    await settle() // these wait while the first two run
    topic.assign([0, 1], [0, 1])
    await settle()
    calls[0]?.finish()
    await settle()
    expect(offsets()).toEqual([
      { 'orders-0': [0], 'orders-1': [0] },
      { 'orders-0': [1], 'orders-1': [1] },
    ])
    expect(topic.committed).toEqual(
      new Map([
        [0, 1],
        [1, 1],
      ]),
    )
  })

  it('a partition that leaves during the invocation is not committed; those that stay are', async () => {
    const { topic, calls } = await start({ windowMs: 0 }, undefined, { partitions: 2 })
    topic.append({}, { partition: 1 })
    await settle()
    topic.assign([0], [0])
    calls[0]?.finish()
    await settle()
    expect(topic.committed).toEqual(new Map([[0, 1]]))
  })

  it('a failing batch sheds the partitions that left, and goes on with the rest', async () => {
    const { topic, clock, calls, offsets } = await start({ windowMs: 0 }, undefined, { partitions: 2 })
    topic.append({}, { partition: 1 })
    await settle()
    calls[0]?.finish(failed)
    await settle()
    topic.assign([1], [1])
    await clock.advance(200)
    expect(offsets()[1]).toEqual({ 'orders-1': [0] })
    calls[1]?.finish()
    await settle()
    expect(topic.committed).toEqual(new Map([[1, 1]]))
  })

  it('a refused commit is survived: it is tried again, or the records come again', async () => {
    const { topic, clock, lines } = await start({ windowMs: 0 }, ok)
    topic.refuseCommits(new Error('ILLEGAL_GENERATION'))
    topic.append({})
    await settle()
    expect(topic.committed.size).toBe(0)
    expect(lines.join()).toContain('ILLEGAL_GENERATION')
    topic.refuseCommits(undefined)
    await clock.advance(2_000)
    expect(topic.committed.get(0)).toBe(1)
  })
})

describe('failure', () => {
  it('34. a handler that throws twice then succeeds sees the same batch three times; later offsets wait', async () => {
    const { topic, clock, offsets, source } = await start({ windowMs: 0 }, (_, index) =>
      index < 2 ? failed : succeeded,
    )
    topic.append({}, {})
    await settle()
    topic.append({})
    await clock.advance(10_000)
    expect(offsets()).toEqual([
      { 'orders-0': [0, 1] },
      { 'orders-0': [0, 1] },
      { 'orders-0': [0, 1] },
      { 'orders-0': [2] },
    ])
    expect(source.status()[0]).toMatchObject({
      delivered: 3,
      invocations: 4,
      failures: 2,
      lastProcessingResult: 'OK',
    })
  })

  it('35. a poison record blocks for ever, with a growing backoff, and the lag grows', async () => {
    const { topic, clock, calls, source, lines } = await start({ windowMs: 0 }, () => failed)
    topic.append({})
    await clock.advance(600_000)
    const gaps = calls.slice(1).map(({ atMs }, index) => atMs - (calls[index]?.atMs ?? 0))
    expect(gaps.slice(0, 9)).toEqual([200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000])
    expect(gaps.every((gap) => gap <= 30_000)).toBe(true)
    topic.append({}, {})
    await clock.advance(60_000)
    expect(new Set(calls.map(({ payload }) => payload)).size).toBe(1)
    expect(source.status()[0]?.partitions[0]?.lag).toBe(3)
    expect(source.status()[0]?.lastProcessingResult).toBe('PROBLEM: TypeError: no such thing')
    expect(lines.length).toBeLessThan(25) // in eleven minutes
    expect(lines[0]).toContain('ingest failed with orders-0 offset 0: TypeError: no such thing')
  })

  it('36. a timeout of the function counts as an error and is retried', async () => {
    const { topic, clock, calls } = await start({ windowMs: 0 }, (_, index) =>
      index === 0 ? timedOut : succeeded,
    )
    topic.append({})
    await clock.advance(200)
    expect(calls).toHaveLength(2)
    expect(topic.committed.get(0)).toBe(1)
  })

  it('a throttled invocation is retried sooner than a failed one', async () => {
    const { topic, clock, calls, source } = await start({ windowMs: 0 }, (_, index) =>
      index < 2 ? throttled : succeeded,
    )
    topic.append({})
    await clock.advance(300)
    expect(calls.map(({ atMs }) => atMs)).toEqual([0, 100, 300])
    expect(source.status()[0]).toMatchObject({ throttles: 2, failures: 0 })
  })

  it('37. with 2 retries there are exactly 3 invocations, and then the offset moves on', async () => {
    const { topic, clock, offsets, source, lines } = await start(
      { windowMs: 0, maximumRetryAttempts: 2 },
      (_, index) => (index < 3 ? failed : succeeded),
    )
    topic.append({})
    await settle()
    topic.append({})
    await clock.advance(60_000)
    expect(offsets()).toEqual([...times(3, () => ({ 'orders-0': [0] })), { 'orders-0': [1] }])
    expect(topic.committed.get(0)).toBe(2)
    expect(source.status()[0]).toMatchObject({ givenUp: 1, dropped: 1, delivered: 1 })
    expect(lines.join()).toMatch(/offset 0, which failed 3 times \(TypeError: no such thing\): skipped/)
  })

  it('37. a throttled invocation is no attempt', async () => {
    const { topic, clock, calls } = await start({ windowMs: 0, maximumRetryAttempts: 0 }, (_, index) =>
      index < 5 ? throttled : succeeded,
    )
    topic.append({})
    await clock.advance(60_000)
    expect(calls).toHaveLength(6)
    expect(topic.committed.get(0)).toBe(1)
  })

  it('38. infinite retries with a destination are 11 invocations, and then the records reach it', async () => {
    const { destination, failures } = fakeDestination()
    const bucket = { kind: 'bucket', bucket: 'failures' } as const
    const { topic, clock, calls } = await start({ windowMs: 0, onFailure: bucket }, () => failed, {
      destination,
    })
    topic.append({}, {})
    await clock.advance(600_000)
    expect(calls).toHaveLength(11)
    expect(failures).toEqual([
      expect.objectContaining({ condition: 'RetryAttemptsExhausted', attempts: 11, functionError: true }),
    ])
    expect(failures[0]?.records.map(({ offset }) => offset)).toEqual([0, 1])
    expect(failures[0]?.event).toBe(calls[0]?.payload)
    expect(failures[0]?.requestId).toBe(calls[10]?.requestId)
    expect(topic.committed.get(0)).toBe(2)
  })

  it('39. a record older than the limit never reaches the function, and counts as dropped', async () => {
    const { topic, clock, offsets, source } = await start(
      { windowMs: 0, maximumRecordAgeSeconds: 60 },
      (_, index) => (index === 0 ? succeeded : failed),
    )
    const now = clock.date().getTime()
    topic.append({ timestampMs: now - 60_001 }, { timestampMs: now - 60_000 })
    await settle()
    expect(offsets()).toEqual([{ 'orders-0': [1] }])
    expect(source.status()[0]).toMatchObject({ givenUp: 1, dropped: 1, delivered: 1 })
    topic.append({ timestampMs: now }) // fails until it is too old
    await clock.advance(200_000)
    expect(topic.committed.get(0)).toBe(3)
    expect(source.status()[0]).toMatchObject({
      givenUp: 2,
      lastProcessingResult: 'PROBLEM: RecordAgeExceeded',
    })
  })

  it('40. bisecting a batch of 8 with one bad record processes 7, and only the bad one is given up', async () => {
    const { destination, failures } = fakeDestination()
    const bad = 5
    const { topic, clock, offsets, source } = await start(
      { windowMs: 0, bisect: true, maximumRetryAttempts: 1 },
      ({ payload }) => (offsetsOf(payload)['orders-0']?.includes(bad) ? failed : succeeded),
      { destination },
    )
    topic.append(...times(8, () => ({})))
    await clock.advance(60_000)
    expect(source.status()[0]).toMatchObject({ delivered: 7, givenUp: 1, dropped: 0 })
    expect(failures.map(({ records }) => records.map(({ offset }) => offset))).toEqual([[bad]])
    // In the order of the partition: what comes again is done with before what comes after it begins.
    expect(offsets().map((event) => event['orders-0'])).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7],
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [4, 5],
      [4],
      [bad],
      [bad],
      [6, 7],
    ])
    expect(topic.committed.get(0)).toBe(8)
  })

  it('an invocation that could not be made is retried too', async () => {
    let tries = 0
    const invoke = async () => {
      if (tries++ === 0) throw new Error('the runtime is starting')
      return succeeded
    }
    const { topic, clock, lines } = await start({ windowMs: 0, maximumRetryAttempts: 0 }, undefined, {
      invoke,
    })
    topic.append({})
    await clock.advance(200)
    expect(topic.committed.get(0)).toBe(1)
    expect(lines.join()).toContain('the runtime is starting')
  })
})

describe('close', () => {
  it('waits for the running invocation and commits what succeeded', async () => {
    const { topic, source, calls } = await start({ windowMs: 0 })
    topic.append({})
    await settle()
    topic.append({})
    const closing = source.close()
    calls[0]?.finish()
    await closing
    expect(topic.committed.get(0)).toBe(1)
    expect(calls).toHaveLength(1)
    expect(topic.closed()).toBe(true)
  })

  it('does not wait longer than its deadline, and says what comes again', async () => {
    const { topic, source, clock, lines } = await start({ windowMs: 0 })
    topic.append({})
    await settle()
    const closing = source.close(5_000)
    await clock.advance(5_000)
    await closing
    expect(topic.closed()).toBe(true)
    expect(lines.join()).toContain('delivered again')
  })

  it('gives up nothing that fails because all of it stops', async () => {
    const { destination, tries } = fakeDestination()
    const { topic, source, calls } = await start({ windowMs: 0, maximumRetryAttempts: 0 }, undefined, {
      destination,
    })
    topic.append({})
    await settle()
    const closing = source.close()
    calls[0]?.finish(failed)
    await closing
    expect(tries()).toBe(0)
    expect(topic.committed.size).toBe(0)
  })

  it('does not wait out a backoff', async () => {
    const { topic, source } = await start({ windowMs: 0 }, () => failed)
    topic.append({})
    await settle()
    await source.close(5_000)
    expect(topic.closed()).toBe(true)
    expect(topic.committed.size).toBe(0)
  })
})

describe('answers that report failed records', () => {
  const reporting = { windowMs: 0, reportsItemFailures: true }
  const naming = (...offsets: [partition: string, offset: unknown][]) =>
    answered({
      batchItemFailures: offsets.map(([partition, offset]) => ({ itemIdentifier: { partition, offset } })),
    })
  const twice = (first: InvokeResult) => (_: Call, index: number) => (index === 0 ? first : succeeded)

  it('41. one named offset comes again, and records of other partitions do not', async () => {
    const { topic, clock, offsets, source } = await start(reporting, twice(naming(['orders-0', 1])), {
      partitions: 2,
    })
    topic.append({}, {}, {}, { partition: 1 })
    await settle()
    expect(topic.committed).toEqual(
      new Map([
        [0, 1],
        [1, 1],
      ]),
    ) // not past what failed
    await clock.advance(1_000)
    expect(offsets()).toEqual([{ 'orders-0': [0, 1, 2], 'orders-1': [0] }, { 'orders-0': [1] }])
    expect(topic.committed).toEqual(
      new Map([
        [0, 3],
        [1, 1],
      ]),
    )
    expect(source.status()[0]).toMatchObject({ delivered: 4, failures: 0, invocations: 2 })
  })

  it.each([
    ['an empty list', { batchItemFailures: [] }],
    ['no list', {}],
    ['null', null],
    ['a null list', { batchItemFailures: null }],
  ])('42. %s is a success of the batch', async (_, answer) => {
    const { topic, clock, calls } = await start(reporting, () => answered(answer))
    topic.append({}, {})
    await clock.advance(60_000)
    expect(calls).toHaveLength(1)
    expect(topic.committed.get(0)).toBe(2)
  })

  it.each([
    ['43. an offset that was not in the event', naming(['orders-0', 0], ['orders-0', 7])],
    ['43. a partition that was not in the event', naming(['orders-9', 0])],
    ['43. an offset as text', naming(['orders-0', '0'])],
    [
      '44. the flat text of other event sources',
      answered({ batchItemFailures: [{ itemIdentifier: 'orders-0-0' }] }),
    ],
    ['44. no identifier', answered({ batchItemFailures: [{}] })],
    ['44. no list', answered({ batchItemFailures: 'orders-0' })],
  ])('%s sends the whole batch again', async (_, answer) => {
    const { topic, clock, offsets } = await start(reporting, twice(answer))
    topic.append({}, {})
    await clock.advance(1_000)
    expect(offsets()).toEqual([{ 'orders-0': [0, 1] }, { 'orders-0': [0, 1] }])
    expect(topic.committed.get(0)).toBe(2)
  })

  it('45. are ignored by a mapping that did not ask for them', async () => {
    const { topic, clock, calls } = await start({ windowMs: 0 }, () => naming(['orders-0', 0]))
    topic.append({}, {})
    await clock.advance(60_000)
    expect(calls).toHaveLength(1)
    expect(topic.committed.get(0)).toBe(2)
  })

  it('end like any failure: what is named too often goes to the destination, alone', async () => {
    const { destination, failures } = fakeDestination()
    const { topic, clock, calls } = await start(
      { ...reporting, maximumRetryAttempts: 3 },
      () => naming(['orders-0', 1]),
      { destination },
    )
    topic.append({}, {}, {})
    await clock.advance(60_000)
    expect(calls).toHaveLength(4)
    expect(failures).toEqual([
      expect.objectContaining({ attempts: 4, functionError: false, condition: 'RetryAttemptsExhausted' }),
    ])
    expect(failures[0]?.records.map(({ offset }) => offset)).toEqual([1])
    expect(topic.committed.get(0)).toBe(3)
  })
})

describe('filters', () => {
  const wanted = { filters: [readPattern('{"value":{"kind":["order"]}}')], windowMs: 0 }
  const order = { value: Buffer.from('{"kind":"order"}') }
  const other = { value: Buffer.from('{"kind":"other"}') }

  it('51. unmatched records do not reach the handler, and are committed with those before them', async () => {
    const { topic, clock, calls, offsets, source } = await start(wanted)
    topic.append(order, other, order, other, other)
    await settle()
    expect(offsets()).toEqual([{ 'orders-0': [0, 2] }])
    topic.append(other)
    await clock.advance(10_000)
    expect(topic.commits).toEqual([]) // the function still runs
    calls[0]?.finish()
    await settle()
    expect(topic.committed.get(0)).toBe(6)
    expect(source.status()[0]).toMatchObject({ delivered: 2, filteredOut: 4 })
  })

  it('52. only unmatched records are no invocation, and the lag returns to 0', async () => {
    const { topic, clock, calls, source } = await start(wanted, ok, { partitions: 2 })
    topic.append(other, other, { partition: 1, ...other })
    await clock.advance(499)
    expect(topic.commits).toEqual([])
    await clock.advance(1)
    expect(topic.commits).toEqual([
      new Map([
        [0, 2],
        [1, 1],
      ]),
    ])
    expect(source.status()[0]?.partitions[0]).toEqual({ committed: 2, highWatermark: 2, lag: 0 })
    expect(calls).toHaveLength(0)
  })

  it('a failing record holds the offsets of what is left out after it', async () => {
    const { topic, clock, calls } = await start({ ...wanted, maximumRetryAttempts: 1 })
    topic.append(order)
    await settle()
    calls[0]?.finish(failed)
    await settle()
    topic.append(other)
    await clock.advance(1_000)
    expect(topic.commits).toEqual([])
    calls[1]?.finish(failed) // given up
    await settle()
    expect(topic.committed.get(0)).toBe(2)
  })

  it('what is left out is left out again after a rebalance, and nothing is skipped', async () => {
    const { topic, clock, calls, offsets } = await start(wanted)
    topic.append(order, other, order)
    await settle()
    topic.assign([0], [0])
    await settle()
    topic.append(other)
    calls[0]?.finish()
    await clock.advance(1_000)
    expect(offsets()).toEqual([{ 'orders-0': [0, 2] }])
    expect(topic.committed.get(0)).toBe(4)
  })

  it('what is left out before a stop is committed', async () => {
    const { topic, source } = await start(wanted, ok)
    topic.append(other)
    await settle()
    await source.close()
    expect(topic.committed.get(0)).toBe(1)
  })
})
