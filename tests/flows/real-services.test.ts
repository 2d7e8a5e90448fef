/** A broker, an S3 and a PostgreSQL that run elsewhere, named by variables; the S3 announces uploads as MinIO does. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPostgres } from '@cupel/io/postgres'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { startBroker } from '#localstack/kafka/broker.ts'
import type { ObjectChange } from '#localstack/s3/object-change.ts'
import { startS3 } from '#localstack/s3/server.ts'
import { cupel, makeWorkplace, reportIn, type Workplace } from '../support/cupel.ts'

let workplace: Workplace
let elsewhere: string
let variables: Record<string, string>
const ends: (() => Promise<unknown>)[] = []
let announced = 0

beforeAll(async () => {
  workplace = await makeWorkplace()
  elsewhere = await mkdtemp(join(tmpdir(), 'cupel-elsewhere-'))
  const broker = await startBroker({ directory: join(elsewhere, 'kafka') })
  const s3 = await startS3({ directory: join(elsewhere, 's3'), onChange: (change) => void announce(change) })
  const database = `real_${randomUUID().replaceAll('-', '')}`
  const server = openPostgres(inject('postgresUrl'))
  await server.query(`CREATE DATABASE ${database}`)
  ends.push(
    () => workplace.remove(),
    () => broker.close(),
    () => s3.close(),
    () => server.query(`DROP DATABASE ${database} WITH (FORCE)`).then(() => server.end()),
    () => rm(elsewhere, { recursive: true }),
  )
  variables = {
    ...workplace.environment,
    KAFKA_BROKERS: broker.bootstrapServers,
    S3_ENDPOINT: s3.endpoint,
    AWS_ACCESS_KEY_ID: 'me',
    AWS_SECRET_ACCESS_KEY: 'secret',
    DATABASE_URL: Object.assign(new URL(inject('postgresUrl')), { pathname: `/${database}` }).href,
  }
})
afterAll(async () => {
  for (const end of ends) await end()
})

/** POST the change as MinIO's webhook does: keys with `%2F`, event names with `s3:`. */
async function announce({ eventName, bucket, key, size, eTag, sequencer }: ObjectChange): Promise<void> {
  const { lambda } = JSON.parse(await readFile(join(workplace.directory, 'endpoints.json'), 'utf8'))
  const object = { key: encodeURIComponent(key), size, eTag, sequencer }
  const record = {
    eventSource: 'minio:s3',
    eventName: `s3:${eventName}`,
    s3: { bucket: { name: bucket }, object },
  }
  const body = JSON.stringify({ EventName: `s3:${eventName}`, Key: `${bucket}/${key}`, Records: [record] })
  const answer = await fetch(`${lambda}/_localstack/s3-events`, { method: 'POST', body })
  expect(answer.status).toBe(200)
  announced++
}

it('runs, reconciles, and starts none of its own', { timeout: 60_000 }, async () => {
  const run = cupel(['start', '--transactions', '300', '--json'], variables)
  expect(await run.exit, run.output()).toBe(0)
  const report = reportIn(run.output())
  expect(report.problems).toEqual([])
  expect(announced).toBeGreaterThan(0)
  for (const service of ['kafka', 's3', 'postgres'])
    expect(existsSync(join(workplace.directory, service))).toBe(false)
})
