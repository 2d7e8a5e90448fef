import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, type KafkaMessage, logLevel, Partitioners } from 'kafkajs'

export type OutgoingRecord = {
  readonly topic: string
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>>
}
/** What a topic holds, nothing where it is not there: `records` is end − start, which counts gaps of compaction and transactions too. */
export type TopicOffsets = {
  readonly records: number
  readonly partitions: readonly {
    readonly partition: number
    readonly start: number // first offset that is there
    readonly end: number // next offset to be written
  }[]
}
export type KafkaPort = {
  /** Append records, in the order given for each key; resolves when all in-sync replicas have them. */
  readonly produce: (records: readonly OutgoingRecord[]) => Promise<void>
  readonly offsets: (topic: string) => Promise<TopicOffsets>
  /** The records of a partition with these offsets, first and last included; the last one must be there. */
  readonly read: (place: {
    readonly topic: string
    readonly partition: number
    readonly from: number
    readonly to: number
  }) => Promise<readonly KafkaMessage[]>
  /** Of each partition of a topic, the offset from which a consumer group goes on; a partition it never committed is not there. */
  readonly committed: (groupId: string, topic: string) => Promise<ReadonlyMap<number, number>>
  /** The consumer groups whose names begin so, in order: those that have members, or have committed something. */
  readonly groups: (prefix: string) => Promise<readonly string[]>
  readonly close: () => Promise<void>
}

// kafkajs gives up after 5 retries, within seconds, although it says that an idempotent producer does not.
const retry = { retries: 25, maxRetryTime: 5_000 }
const closingMs = 3_000
const readMs = 20_000

/**
 * Kafka as this machine's tools use it: an idempotent producer, so that a retried request appends nothing twice, and
 * look-ups. Connects when first used. What a broker cannot take now (a full disk, a restart) is tried for two minutes.
 */
export function openKafka(brokers: string, clientId = 'cupel'): KafkaPort {
  const kafka = new Kafka({ clientId, brokers: brokers.split(','), logLevel: logLevel.NOTHING })
  const producer = kafka.producer({
    idempotent: true,
    retry,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  const admin = kafka.admin()
  const producing = once(() => producer.connect())
  const administering = once(() => admin.connect())
  const known = new Set<string>()
  /** kafkajs asks for 10 s about a topic that is not there. */
  async function isThere(topic: string): Promise<boolean> {
    if (!known.has(topic)) for (const each of await admin.listTopics()) known.add(each)
    return known.has(topic)
  }

  return {
    async produce(records) {
      await producing()
      const topics = [...new Set(records.map(({ topic }) => topic))]
      await producer.sendBatch({
        topicMessages: topics.map((topic) => ({
          topic,
          messages: records
            .filter((record) => record.topic === topic)
            .map(({ key, value, headers }) => ({ key, value, headers: { ...headers } })),
        })),
      })
    },

    async offsets(topic) {
      await administering()
      const offsets = (await isThere(topic)) ? await admin.fetchTopicOffsets(topic) : []
      const partitions = offsets.map(({ partition, low, high }) => ({
        partition,
        start: Number(low),
        end: Number(high),
      }))
      return { partitions, records: partitions.reduce((sum, { start, end }) => sum + end - start, 0) }
    },

    async read({ topic, partition, from, to }) {
      await administering()
      const partitions = await admin.fetchTopicOffsets(topic)
      const groupId = `read-${randomUUID()}`
      const consumer = kafka.consumer({ groupId })
      const found: KafkaMessage[] = []
      const isComplete = new AbortController()
      await consumer.connect()
      try {
        await consumer.subscribe({ topic })
        await consumer.run({
          autoCommit: false,
          async eachBatch({ batch }) {
            if (batch.partition !== partition) return
            for (const message of batch.messages) {
              const next = Number(found.at(-1)?.offset ?? from - 1) + 1 // what kafkajs gave before it sought comes again
              const offset = Number(message.offset)
              if (offset >= next && offset <= to) found.push(message)
            }
            if (Number(batch.lastOffset()) >= to) isComplete.abort()
          },
        })
        for (const { partition: each, high } of partitions)
          consumer.seek({ topic, partition: each, offset: each === partition ? String(from) : high })
        await sleep(readMs, undefined, isComplete).catch(() => {})
        if (!isComplete.signal.aborted)
          throw new Error(`Kafka gave no records within ${readMs / 1000} s: try again`)
        return found
      } finally {
        await consumer.disconnect()
        await admin.deleteGroups([groupId]).catch(() => {}) // it had no time to come about
      }
    },

    async committed(groupId, topic) {
      await administering()
      if (!(await isThere(topic))) return new Map()
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
      const offsets = (found?.partitions ?? []).map(
        ({ partition, offset }) => [partition, Number(offset)] as const,
      )
      return new Map(offsets.filter(([, offset]) => offset >= 0))
    },

    async groups(prefix) {
      await administering()
      const { groups } = await admin.listGroups()
      return groups
        .map(({ groupId }) => groupId)
        .filter((name) => name.startsWith(prefix))
        .sort()
    },

    async close() {
      const closing = Promise.allSettled([producer.disconnect(), admin.disconnect()])
      // kafkajs waits for what is under way, which a broker that is gone never answers.
      const late = new AbortController()
      await Promise.race([closing, sleep(closingMs, undefined, late).catch(() => {})])
      late.abort()
    },
  }
}

function once<T>(connect: () => Promise<T>): () => Promise<T> {
  let connected: Promise<T> | undefined
  return () => (connected ??= connect())
}
