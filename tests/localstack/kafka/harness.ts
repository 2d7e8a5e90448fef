import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type EachMessagePayload, Kafka, type KafkaMessage, logLevel } from 'kafkajs'
import { onTestFinished } from 'vitest'
import { type BrokerOptions, startBroker } from '#localstack/kafka/broker.ts'

/** A directory that is gone after the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'cupel-broker-'))
  onTestFinished(() => fs.rm(directory, { recursive: true, force: true }))
  return directory
}

/** A broker of its own, stopped after the test, with the lines that it logged. */
export async function runBroker(options: Partial<BrokerOptions> = {}) {
  const lines: string[] = []
  const directory = options.directory ?? (await temporaryDirectory())
  const broker = await startBroker({ log: (line) => lines.push(line), ...options, directory })
  onTestFinished(() => broker.close())
  return { ...broker, directory, lines, kafka: clientOf(broker.bootstrapServers) }
}

export const clientOf = (bootstrapServers: string) =>
  new Kafka({
    brokers: [bootstrapServers],
    clientId: 'test',
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, retries: 8 },
  })

export async function connectAdmin(kafka: Kafka) {
  const admin = kafka.admin()
  await admin.connect()
  onTestFinished(() => admin.disconnect())
  return admin
}

export async function connectProducer(kafka: Kafka, config: Parameters<Kafka['producer']>[0] = {}) {
  const producer = kafka.producer({ ...config })
  await producer.connect()
  onTestFinished(() => producer.disconnect())
  return producer
}

/** A member of a group that calls `onMessage` from the earliest offset on; stopped after the test. */
export async function runConsumer(
  kafka: Kafka,
  groupId: string,
  topic: string,
  onMessage: (payload: EachMessagePayload) => Promise<void> | void,
  config: Partial<Parameters<Kafka['consumer']>[0]> = {},
) {
  const consumer = kafka.consumer({
    ...{ groupId, sessionTimeout: 6000, heartbeatInterval: 100, maxWaitTimeInMs: 100, ...config },
  })
  onTestFinished(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async (payload) => onMessage(payload), autoCommitThreshold: 1 })
  return consumer
}

/** The first `count` messages of a topic, read by a group of their own, with their partition. */
export async function readMessages(kafka: Kafka, topic: string, count: number, groupId = `reader-${topic}`) {
  const messages: (KafkaMessage & { partition: number })[] = []
  let consumer: Awaited<ReturnType<typeof runConsumer>> | undefined
  await new Promise<void>((resolve, reject) => {
    const take = ({ message, partition }: EachMessagePayload) => {
      messages.push({ ...message, partition })
      if (messages.length === count) resolve()
    }
    runConsumer(kafka, groupId, topic, take).then((running) => {
      consumer = running
    }, reject)
  })
  await consumer?.disconnect()
  return messages
}

/** Wait until `condition` holds; the test's own timeout is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
}
