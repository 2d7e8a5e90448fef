import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Admin,
  CompressionCodecs,
  CompressionTypes,
  Kafka,
  logLevel,
  type Message,
  type Producer,
} from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { topicDestination } from '#localstack/event-sources/kafka/destinations.ts'
import {
  type KafkaEventSource,
  type KafkaEventSourceOptions,
  startKafkaEventSource,
} from '#localstack/event-sources/kafka/source.ts'
import { type RunningBroker, startBroker } from '#localstack/kafka/broker.ts'
import type { Invoke, InvokeResult } from '#localstack/lambda/invoke.ts'
import type { KafkaMapping } from '#localstack/template.ts'
import { failed, fakeDestination, mapping, offsetsOf, succeeded, times } from '../fakes.ts'

// Against the embedded broker, or against the one that KAFKA_BROKERS names.
const external = process.env.KAFKA_BROKERS
let directory: string
let broker: RunningBroker | undefined
let bootstrapServers: string
let admin: Admin
let producer: Producer

beforeAll(async () => {
  if (external) bootstrapServers = external
  else {
    directory = await mkdtemp(path.join(tmpdir(), 'event-source-'))
    broker = await startBroker({ directory })
    bootstrapServers = broker.bootstrapServers
  }
  const kafka = new Kafka({
    brokers: [bootstrapServers],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50 },
  })
  admin = kafka.admin()
  producer = kafka.producer({
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
  })
  await Promise.all([admin.connect(), producer.connect()])
})

afterAll(async () => {
  await Promise.all(closing)
  await Promise.all([admin.disconnect(), producer.disconnect()])
  await broker?.close()
  if (directory) await rm(directory, { recursive: true, force: true })
})

let sources: KafkaEventSource[] = []
const closing: Promise<void>[] = [] // half a second each, which the next test need not wait for
afterEach(() => {
  closing.push(...sources.map((source) => source.close(0)))
  sources = []
})

async function newTopic(
  numPartitions = 1,
  configEntries: { name: string; value: string }[] = [],
): Promise<string> {
  const topic = `orders-${randomUUID()}`
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions, configEntries }] })
  return topic
}
const produce = (topic: string, messages: Message[], compression = CompressionTypes.None) =>
  producer.send({ topic, messages, compression })
const numbered = (count: number, partition = 0): Message[] =>
  times(count, (n) => ({ value: `${n}`, partition }))
const committedOf = async (groupId: string, topic: string) => {
  const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] })
  return Object.fromEntries(
    (offsets?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)]),
  )
}

type Delivered = { key: string; offset: number; timestampType: string; [property: string]: unknown }
type Wanted = Partial<Omit<KafkaEventSourceOptions, 'mapping'>> & {
  mapping: Partial<KafkaMapping> & { topic: string }
  handler?: (payload: string) => InvokeResult | Promise<InvokeResult>
}

async function start({ mapping: over, handler = () => succeeded, ...more }: Wanted) {
  const payloads: string[] = []
  const records: Delivered[] = []
  const lines: string[] = []
  const group = over.consumerGroupId ?? randomUUID()
  const invoke: Invoke = async (_, json) => {
    const payload = json.toString()
    payloads.push(payload)
    const result = await handler(payload)
    if (result === succeeded) {
      const event = JSON.parse(payload) as { records: Record<string, Delivered[]> }
      for (const [key, list] of Object.entries(event.records))
        for (const one of list) records.push({ ...one, key })
    }
    return result
  }
  const source = await startKafkaEventSource({
    mapping: mapping({ windowMs: 0, consumerGroupId: group, ...over }),
    bootstrapServers,
    invoke,
    log: (line) => lines.push(line),
    ...more,
  })
  sources.push(source)
  return { source, payloads, records, lines, group, offsets: () => records.map(({ offset }) => offset) }
}
const eventually = (check: () => unknown, timeout = 15_000) => vi.waitFor(check, { timeout, interval: 10 })

describe('position', () => {
  it('21. TRIM_HORIZON on a new group delivers what was produced before the start', async () => {
    const topic = await newTopic()
    await produce(topic, numbered(3))
    const { offsets, group } = await start({ mapping: { topic } })
    await eventually(() => expect(offsets()).toEqual([0, 1, 2]))
    await eventually(async () => expect(await committedOf(group, topic)).toEqual({ 0: 3 }))
  })

  it('22. LATEST on a new group delivers only what is produced after the start, also after a restart', async () => {
    const topic = await newTopic()
    await produce(topic, numbered(3))
    const first = await start({ mapping: { topic, startingPosition: 'LATEST' } })
    await first.source.ready
    await eventually(async () => expect(await committedOf(first.group, topic)).toEqual({ 0: 3 }))
    await first.source.close()
    await produce(topic, numbered(1)) // while it is down
    const second = await start({
      mapping: { topic, startingPosition: 'LATEST', consumerGroupId: first.group },
    })
    await second.source.ready
    await produce(topic, numbered(1))
    await eventually(() => expect(second.offsets()).toEqual([3, 4]))
    expect(first.offsets()).toEqual([])
  })

  it('23. AT_TIMESTAMP delivers from the first record at or after that second', async () => {
    const topic = await newTopic(2)
    const at = (seconds: number, partition = 0) => ({
      value: '',
      timestamp: String(seconds * 1000),
      partition,
    })
    await produce(topic, [at(1000), at(2000), at(3000), at(1000, 1)])
    const { records, source } = await start({
      mapping: { topic, startingPosition: 'AT_TIMESTAMP', startingPositionTimestamp: 2000 },
    })
    await source.ready
    await eventually(() => expect(records.map(({ offset }) => offset)).toEqual([1, 2]))
    await produce(topic, [at(1, 1)]) // where no record was late enough, it starts at the end
    await eventually(() => expect(records.at(-1)).toMatchObject({ key: `${topic}-1`, offset: 1 }))
  })

  it('24. committed offsets win over the starting position, without a gap', async () => {
    const topic = await newTopic()
    await produce(topic, numbered(2))
    const first = await start({ mapping: { topic } })
    await eventually(() => expect(first.offsets()).toEqual([0, 1]))
    await first.source.close()
    await produce(topic, numbered(2))
    for (const startingPosition of ['LATEST', 'TRIM_HORIZON'] as const) {
      const next = await start({ mapping: { topic, startingPosition, consumerGroupId: first.group } })
      await produce(topic, numbered(1))
      await eventually(() => expect(next.offsets()).toHaveLength(startingPosition === 'LATEST' ? 3 : 1))
      await next.source.close()
    }
  })

  it('25. the consumer group is the one of the mapping', async () => {
    const topic = await newTopic()
    const { source, group } = await start({ mapping: { topic } })
    await source.ready
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toContain(group)
  })
})

describe('records', () => {
  it('7. 8. 9. 10. 11. arrive as they were produced: bytes, missing keys, tombstones, headers', async () => {
    const topic = await newTopic()
    const bytes = Buffer.from(times(256, (value) => value))
    await produce(topic, [
      { key: bytes, value: bytes },
      { value: null },
      { value: '', headers: { h: ['2', '1'], é: Buffer.from('ë'), toString: 'x' } },
    ])
    const { payloads, offsets } = await start({ mapping: { topic } })
    await eventually(() => expect(offsets()).toEqual([0, 1, 2]))
    const records = payloads.flatMap((payload) => JSON.parse(payload).records[`${topic}-0`])
    expect(records[0]).toMatchObject({
      key: bytes.toString('base64'),
      value: bytes.toString('base64'),
      headers: [],
    })
    expect('key' in records[1] || 'value' in records[1]).toBe(false)
    expect(records[2].value).toBe('')
    const headers: Record<string, number[]>[] = records[2].headers
    expect(headers.flatMap(Object.entries)).toEqual([
      ['h', [50]],
      ['h', [49]],
      ['é', [-61, -85]],
      ['toString', [120]],
    ])
  })

  it('6. timestampType follows the topic', async () => {
    const producedAt = 1_000
    const message = { value: '', timestamp: String(producedAt) }
    const [created, appended] = [
      await newTopic(),
      await newTopic(1, [{ name: 'message.timestamp.type', value: 'LogAppendTime' }]),
    ]
    await Promise.all([produce(created, [message]), produce(appended, [message])])
    const [one, other] = await Promise.all([
      start({ mapping: { topic: created } }),
      start({ mapping: { topic: appended } }),
    ])
    await eventually(() => expect([one.records.length, other.records.length]).toEqual([1, 1]))
    expect(one.records[0]).toMatchObject({ timestampType: 'CREATE_TIME', timestamp: producedAt })
    expect(other.records[0]?.timestampType).toBe('LOG_APPEND_TIME')
    expect(other.records[0]?.timestamp).toBeGreaterThan(producedAt)
  })

  it('are read when they are compressed with gzip', async () => {
    const topic = await newTopic()
    await produce(topic, numbered(50), CompressionTypes.GZIP)
    const { offsets } = await start({ mapping: { topic } })
    await eventually(() => expect(offsets()).toEqual(times(50, (offset) => offset)))
  })

  it.skipIf(external)(
    'stop the mapping, with the codec named, when they are compressed with another',
    async () => {
      const topic = await newTopic()
      const none = CompressionCodecs[CompressionTypes.Snappy]
      CompressionCodecs[CompressionTypes.Snappy] = () => ({
        compress: async ({ buffer }: { buffer: Buffer }) => buffer,
      })
      await produce(topic, numbered(1), CompressionTypes.Snappy)
      CompressionCodecs[CompressionTypes.Snappy] = none
      const { lines, payloads } = await start({ mapping: { topic } })
      await eventually(() => expect(lines.join()).toMatch(/compressed with Snappy, which can't be read here/))
      expect(payloads).toEqual([])
    },
  )

  it('reach the handler with window 0 without waiting for a window or for the end of a fetch', async () => {
    const topic = await newTopic()
    const delays: number[] = []
    let sentAt = 0
    const { source, payloads } = await start({
      mapping: { topic },
      handler: () => {
        delays.push(performance.now() - sentAt)
        return succeeded
      },
    })
    await source.ready
    for (let n = 0; n < 15; n++) {
      sentAt = performance.now()
      await produce(topic, numbered(1))
      await eventually(() => expect(payloads).toHaveLength(n + 1))
    }
    expect(delays.sort((a, b) => a - b)[7]).toBeLessThan(400) // the default window is 500 ms; 3 ms on a quiet machine
  })
})

describe('delivery', () => {
  it('31. what a killed process had in its handler is delivered again', async () => {
    const topic = await newTopic()
    await produce(topic, numbered(2))
    const killed = await start({ mapping: { topic }, handler: () => new Promise<InvokeResult>(() => {}) })
    await eventually(() => expect(killed.payloads).toHaveLength(1))
    await killed.source.close(0)
    const next = await start({ mapping: { topic, consumerGroupId: killed.group } })
    await eventually(() => expect(next.offsets()).toEqual([0, 1]))
  })

  it('loses nothing, delivers nothing twice and keeps the order of a partition while the handler fails at times', async () => {
    const topic = await newTopic(3)
    let calls = 0
    const { records, source, group } = await start({
      mapping: { topic, batchSize: 700 },
      handler: () => (calls++ % 3 === 1 ? failed : succeeded),
      random: () => 0,
    })
    for (let round = 0; round < 4; round++) {
      await produce(topic, times(3, (partition) => numbered(500, partition)).flat())
    }
    await eventually(() => expect(records).toHaveLength(6000))
    for (const partition of [0, 1, 2]) {
      const offsets = records.filter(({ key }) => key === `${topic}-${partition}`).map(({ offset }) => offset)
      expect(offsets).toEqual(times(2000, (offset) => offset))
    }
    await eventually(async () =>
      expect(await committedOf(group, topic)).toEqual({ 0: 2000, 1: 2000, 2: 2000 }),
    )
    expect(source.status()[0]).toMatchObject({ delivered: 6000, lastProcessingResult: 'OK' })
  })

  it('29. 30. with three pollers both partitions make progress at the same time, and no third invocation runs', async () => {
    const topic = await newTopic(2)
    const running = new Set<string>()
    let together = 0
    const { source, records } = await start({
      mapping: { topic, batchSize: 1 },
      pollers: 3,
      handler: async (payload) => {
        const [key] = Object.keys(offsetsOf(payload)) as [string]
        expect(running).not.toContain(key)
        running.add(key)
        together = Math.max(together, running.size)
        await sleep(5)
        running.delete(key)
        return succeeded
      },
    })
    await source.ready
    await eventually(() =>
      expect(source.status().flatMap(({ partitions }) => Object.keys(partitions))).toHaveLength(2),
    )
    await produce(topic, [...numbered(20, 0), ...numbered(20, 1)])
    await eventually(() => expect(records.length).toBeGreaterThanOrEqual(40))
    expect(together).toBe(2)
  })

  it('26. another consumer in the group takes its part of the partitions', async () => {
    const topic = await newTopic(2)
    const first = await start({ mapping: { topic } })
    await first.source.ready
    const second = await start({ mapping: { topic, consumerGroupId: first.group } })
    await second.source.ready
    await eventually(() => {
      const owned = [first, second].map(({ source }) => Object.keys(source.status()[0]?.partitions ?? {}))
      expect(owned.map((partitions) => partitions.length)).toEqual([1, 1])
    })
    await produce(topic, [...numbered(5, 0), ...numbered(5, 1)])
    await eventually(() => expect(first.records.length + second.records.length).toBeGreaterThanOrEqual(10))
    const keys = ({ records }: typeof first) => [...new Set(records.map(({ key }) => key))]
    expect([...keys(first), ...keys(second)].sort()).toEqual([`${topic}-0`, `${topic}-1`])
  })

  it('47. a Kafka destination gets one message for each record that was given up, with its key', async () => {
    const [topic, failures] = [await newTopic(2), await newTopic(3)]
    const { group } = await start({
      mapping: { topic, maximumRetryAttempts: 0, onFailure: { kind: 'topic', topic: failures } },
      destination: topicDestination(bootstrapServers, failures),
      handler: () => failed,
    })
    await produce(topic, [
      { key: 'a', value: '1', partition: 0 },
      { value: '2', partition: 1 },
    ])
    await eventually(async () => expect(await committedOf(group, topic)).toEqual({ 0: 1, 1: 1 }))
    const read = await start({ mapping: { topic: failures } })
    await eventually(() => expect(read.records).toHaveLength(2))
    const text = (base64: unknown) => Buffer.from(String(base64), 'base64').toString()
    const found = read.records.map(({ key: _, ...one }) => JSON.parse(text(one.value)))
    expect(found.map(({ payload }) => Object.keys(payload.records)).sort()).toEqual([
      [`${topic}-0`],
      [`${topic}-1`],
    ])
    const keys = read.payloads.flatMap((payload) => Object.values(JSON.parse(payload).records).flat())
    expect(
      keys
        .map((one) => (one as { key?: string }).key)
        .filter(Boolean)
        .map(text),
    ).toEqual(['a'])
  })

  it('a record of 10 MB is set aside and the next one goes on', async () => {
    const topic = await newTopic(1, [{ name: 'max.message.bytes', value: '20000000' }])
    const { destination, failures } = fakeDestination()
    const { offsets } = await start({ mapping: { topic }, destination })
    await produce(topic, [{ value: Buffer.alloc(10 * 1024 * 1024) }])
    await produce(topic, numbered(1))
    await eventually(() => expect(offsets()).toEqual([1]))
    expect(failures.map(({ records }) => records[0]?.offset)).toEqual([0])
  })
})

describe('a world that is not ready', () => {
  it('a topic that does not exist is waited for, and not created', async () => {
    const topic = `late-${randomUUID()}`
    const { lines, offsets } = await start({ mapping: { topic } })
    await eventually(() => expect(lines.join()).toMatch(/there is no such topic yet/))
    expect(await admin.listTopics()).not.toContain(topic)
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic }] })
    await produce(topic, numbered(1))
    await eventually(() => expect(offsets()).toEqual([0]))
    expect(lines.filter((line) => line.includes('no such topic'))).toHaveLength(1)
  })

  it('a broker that is down is waited for, and one that comes back is read again', {
    timeout: 40_000,
  }, async () => {
    const own = await mkdtemp(path.join(tmpdir(), 'event-source-'))
    let restarted = await startBroker({ directory: own, autoCreateTopics: true })
    const { port, bootstrapServers: servers } = restarted
    const send = async () => {
      const kafka = new Kafka({ brokers: [servers], logLevel: logLevel.NOTHING })
      const one = kafka.producer()
      await one.connect()
      await one.send({ topic: 'orders', messages: [{ value: 'x' }] })
      await one.disconnect()
    }
    try {
      await send()
      await restarted.close()
      const { lines, offsets, source } = await start({
        mapping: { topic: 'orders' },
        bootstrapServers: servers,
      })
      await eventually(() => expect(lines.join()).toMatch(/Kafka at 127.0.0.1:\d+ is not usable/))
      restarted = await startBroker({ directory: own, port })
      await eventually(() => expect(offsets()).toEqual([0]))
      await eventually(() => expect(source.status()[0]?.partitions[0]?.committed).toBe(1))

      await restarted.close()
      await sleep(300)
      restarted = await startBroker({ directory: own, port })
      await send()
      await eventually(() => expect(new Set(offsets())).toEqual(new Set([0, 1])))
      expect(lines.length).toBeLessThan(8)
    } finally {
      await Promise.all(sources.map((source) => source.close(0)))
      await restarted.close()
      await rm(own, { recursive: true, force: true })
    }
  })
})
