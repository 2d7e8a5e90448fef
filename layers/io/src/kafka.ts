import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel, Partitioners } from 'kafkajs'

export type OutgoingRecord = {
  readonly topic: string
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>>
}
/** What a topic holds: `records` is end − start, which counts gaps of compaction and transactions too. */
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
  /** Of each partition of a topic, the offset from which a consumer group goes on; a partition it never committed is not there. */
  readonly committed: (groupId: string, topic: string) => Promise<ReadonlyMap<number, number>>
  /** The consumer groups whose names begin so, in order: those that have members, or have committed something. */
  readonly groups: (prefix: string) => Promise<readonly string[]>
  readonly close: () => Promise<void>
}

// kafkajs gives up after 5 retries, within seconds, although it says that an idempotent producer does not.
const retry = { retries: 25, maxRetryTime: 5_000 }
const closingMs = 3_000

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
      const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({
        partition,
        start: Number(low),
        end: Number(high),
      }))
      return { partitions, records: partitions.reduce((sum, { start, end }) => sum + end - start, 0) }
    },

    async committed(groupId, topic) {
      await administering()
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
