/** Against the embedded broker, with the notifications as MinIO writes them. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { readNotification } from '#localstack/event-sources/s3/notification.ts'
import { readS3EventTopic } from '#localstack/event-sources/s3/topic.ts'
import { type RunningBroker, startBroker } from '#localstack/kafka/broker.ts'

const captured = await readFile(join(import.meta.dirname, '../../fixtures/minio-notification.json'), 'utf8')
const topic = 's3-events'
let directory: string
let broker: RunningBroker
let producer: Producer
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 's3-topic-'))
  broker = await startBroker({ directory })
  const kafka = new Kafka({ brokers: [broker.bootstrapServers], logLevel: logLevel.NOTHING })
  producer = kafka.producer()
  await producer.connect()
})
afterAll(async () => {
  await producer.disconnect()
  await broker.close()
  await rm(directory, { recursive: true })
})

const upload = (key: string): string => captured.replace(/in%2F[^"]*/, encodeURIComponent(key))
const publish = (...values: (string | null)[]) =>
  producer.send({ topic, messages: values.map((value) => ({ key: 'lake', value })) })

function read() {
  const keys: string[] = []
  const lines: string[] = []
  const source = readS3EventTopic({
    bootstrapServers: broker.bootstrapServers,
    topic,
    groupId: 'shop-s3-events',
    announce: (text) => keys.push(...readNotification(text).map(({ bucket, key }) => `${bucket}/${key}`)),
    log: (line) => void lines.push(line),
  })
  return { keys, lines, source }
}

it('70. hands over each change once, those too that came while nothing read, and passes over what is none', async () => {
  await publish(upload('bronze/before ü.json'), '{"Service":"S3","Event":"s3:TestEvent"}', 'not JSON', null)
  const first = read()
  await vi.waitFor(() => expect(first.lines).toHaveLength(2), 10_000)
  expect(first.keys).toEqual(['foreign-uploads/bronze/before ü.json'])
  expect(first.lines[0]).toMatch(/s3-events-\d offset 2 is passed over: the notification is not JSON/)
  await first.source.close()

  await publish(upload('bronze/meanwhile.json'))
  const second = read()
  await second.source.ready
  await publish(upload('bronze/after.json'))
  await vi.waitFor(() => expect(second.keys).toHaveLength(2), 10_000)
  expect(second.keys).toEqual(['foreign-uploads/bronze/meanwhile.json', 'foreign-uploads/bronze/after.json'])
  await second.source.close()
  expect(second.lines).toEqual([])
})
