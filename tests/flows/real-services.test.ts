/**
 * A broker, an S3 and a PostgreSQL that run elsewhere, as containers do: what compose resolves names them. The S3
 * announces uploads as MinIO does, those to bronze in the topic and the others by a webhook.
 */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPostgres } from '@cupel/io/postgres'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { startBroker } from '#localstack/kafka/broker.ts'
import type { ObjectChange } from '#localstack/s3/object-change.ts'
import { startS3 } from '#localstack/s3/server.ts'
import { cupel, makeWorkplace, reportIn, type Workplace } from '../support/cupel.ts'
import { fakeDocker } from '../support/fake-docker.ts'

let workplace: Workplace
let elsewhere: string
let environment: Record<string, string>
let producer: Producer
const topic = 's3-events'
const ends: (() => Promise<unknown>)[] = []
const announced = { topic: 0, webhook: 0 }

beforeAll(async () => {
  workplace = await makeWorkplace()
  elsewhere = await mkdtemp(join(tmpdir(), 'cupel-elsewhere-'))
  const broker = await startBroker({ directory: join(elsewhere, 'kafka') })
  const s3 = await startS3({ directory: join(elsewhere, 's3'), onChange: (change) => void announce(change) })
  producer = new Kafka({ brokers: [broker.bootstrapServers], logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  const database = `real_${randomUUID().replaceAll('-', '')}`
  const server = openPostgres(inject('postgresUrl'))
  await server.query(`CREATE DATABASE ${database}`)
  ends.push(
    () => workplace.remove(),
    () => producer.disconnect(),
    () => broker.close(),
    () => s3.close(),
    () => server.query(`DROP DATABASE ${database} WITH (FORCE)`).then(() => server.end()),
    () => rm(elsewhere, { recursive: true }),
  )
  const variables = {
    KAFKA_BROKERS: broker.bootstrapServers,
    S3_ENDPOINT: s3.endpoint,
    S3_EVENTS_TOPIC: topic,
    AWS_ACCESS_KEY_ID: 'me',
    AWS_SECRET_ACCESS_KEY: 'secret',
    DATABASE_URL: Object.assign(new URL(inject('postgresUrl')), { pathname: `/${database}` }).href,
  }
  const resolved = { services: {}, 'x-variables': variables, 'x-pages': { pgAdmin: 'http://127.0.0.1:5050' } }
  const docker = await fakeDocker(join(elsewhere, 'bin'), {
    version: { stdout: '2.40.3\n' },
    config: { stdout: JSON.stringify(resolved) },
  })
  environment = { ...workplace.environment, PATH: docker.path }
})
afterAll(async () => {
  for (const end of ends) await end()
})

/** As MinIO does: keys with `%2F`, event names with `s3:`. */
async function announce({ eventName, bucket, key, size, eTag, sequencer }: ObjectChange): Promise<void> {
  const object = { key: encodeURIComponent(key), size, eTag, sequencer }
  const record = {
    eventSource: 'minio:s3',
    eventName: `s3:${eventName}`,
    s3: { bucket: { name: bucket }, object },
  }
  const body = JSON.stringify({ EventName: `s3:${eventName}`, Key: `${bucket}/${key}`, Records: [record] })
  if (key.startsWith('bronze/')) {
    await producer.send({ topic, messages: [{ key: `${bucket}/${key}`, value: body }] })
    announced.topic++
    return
  }
  const { lambda } = JSON.parse(await readFile(join(workplace.directory, 'endpoints.json'), 'utf8'))
  const answer = await fetch(`${lambda}/_localstack/s3-events`, { method: 'POST', body })
  expect(answer.status).toBe(200)
  announced.webhook++
}

it('runs with what compose started, reconciles, and starts none of its own', {
  timeout: 60_000,
}, async () => {
  const start = ['start', '--services', 'compose', '--transactions', '300']
  const run = cupel([...start, '--json'], environment)
  expect(await run.exit, run.output()).toBe(0)
  expect(reportIn(run.output()).problems).toEqual([])
  expect(announced.topic).toBeGreaterThan(0)
  expect(announced.webhook).toBeGreaterThan(0)
  for (const service of ['kafka', 's3', 'postgres'])
    expect(existsSync(join(workplace.directory, service))).toBe(false)
})
