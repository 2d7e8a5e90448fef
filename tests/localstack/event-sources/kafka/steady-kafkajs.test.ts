import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, expect, it, vi } from 'vitest'
import { steadyKafkajs } from '#localstack/event-sources/kafka/steady-kafkajs.ts'
import { startBroker } from '#localstack/kafka/broker.ts'

const now = Date.now
afterEach(() => {
  Date.now = now
})

it('a member goes on with its heartbeats when the clock is set back, and notices new partitions', {
  timeout: 20_000,
}, async () => {
  steadyKafkajs()
  steadyKafkajs() // twice is once
  const directory = await mkdtemp(join(tmpdir(), 'steady-'))
  const broker = await startBroker({ directory })
  const kafka = new Kafka({ brokers: [broker.bootstrapServers], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 1 }] })
  const consumer = kafka.consumer({
    groupId: 'steady',
    heartbeatInterval: 50,
    maxWaitTimeInMs: 50,
    metadataMaxAge: 200,
  })
  const heartbeat = vi.fn()
  const assigned = vi.fn()
  consumer.on(consumer.events.HEARTBEAT, heartbeat)
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => assigned(payload.memberAssignment.orders))
  try {
    await consumer.subscribe({ topics: ['orders'] })
    await consumer.run({ eachBatch: async () => {} })
    await vi.waitFor(() => expect(heartbeat).toHaveBeenCalled(), { timeout: 5_000 })

    Date.now = () => now() - 3_600_000
    heartbeat.mockClear()
    await vi.waitFor(() => expect(heartbeat.mock.calls.length).toBeGreaterThan(2), { timeout: 5_000 })
    await admin.createPartitions({ topicPartitions: [{ topic: 'orders', count: 2 }] })
    await vi.waitFor(() => expect(assigned).toHaveBeenLastCalledWith([0, 1]), { timeout: 5_000 })
  } finally {
    await consumer.disconnect()
    await admin.disconnect()
    await broker.close()
    await rm(directory, { recursive: true })
  }
})
