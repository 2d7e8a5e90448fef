import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { expect, it } from 'vitest'
import { type GivenUp, makeAsyncQueue } from '#localstack/event-sources/async-queue.ts'
import { makeS3EventSource } from '#localstack/event-sources/s3/source.ts'
import { startRuntime } from '#localstack/lambda/runtime.ts'
import type { ObjectChange } from '#localstack/s3/server.ts'
import { startTestS3 } from '../../s3/start-test-s3.ts'

const bootstrap = fileURLToPath(new URL('../../../../localstack/lambda/bootstrap.mjs', import.meta.url))
const sdk = createRequire(import.meta.url).resolve('@aws-sdk/client-s3')

/** Writes into the prefix that it is invoked for, until 20 objects are there. */
const handler = `
  import { PutObjectCommand, S3Client } from ${JSON.stringify(sdk)}
  const s3 = new S3Client({ endpoint: process.env.S3_ENDPOINT, forcePathStyle: true })
  export const handler = async ({ Records: [{ s3: { object } }] }) => {
    const next = Number(object.key.slice(3)) + 1
    if (next <= 20) await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'in/' + next, Body: 'x' }))
  }`

async function loop(mayStartItself: boolean) {
  const taskRoot = await mkdtemp(join(tmpdir(), 'recursion-'))
  await writeFile(join(taskRoot, 'loop.mjs'), handler)
  const variables: Record<string, string> = {}
  const settings = {
    ...{ name: 'loop', key: 'loop', handler: 'loop.handler', timeoutSeconds: 20, memoryMb: 256 },
    ...{ environment: {}, layers: [] },
  }
  const runtime = startRuntime({
    ...{ functions: [settings], taskRoot, bootstrap, variables },
    ...{ region: 'us-east-1', accountId: '123456789012', log: () => {} },
  })
  const lines: string[] = []
  const givenUp: GivenUp[] = []
  const queue = makeAsyncQueue({
    invoke: (name, payload, options) => runtime.invoke(name, payload, { ...options, waits: true }),
    log: (line) => lines.push(line),
    onGiveUp: (record) => void givenUp.push(record),
    mayStartItself: () => mayStartItself,
  })
  const source = makeS3EventSource({
    notifications: [
      { id: 'n', bucket: 'lake', prefix: 'in/', events: ['s3:ObjectCreated:*'], functionName: 'loop' },
    ],
    enqueue: queue.enqueue,
    region: 'us-east-1',
    log: () => {},
  })
  const keys: string[] = []
  const onChange = (change: ObjectChange) => {
    keys.push(change.key)
    source.handle(change)
  }
  const s3 = await startTestS3({ onChange })
  variables.S3_ENDPOINT = s3.endpoint
  try {
    await s3.client.send(new CreateBucketCommand({ Bucket: 'lake' }))
    await s3.client.send(new PutObjectCommand({ Bucket: 'lake', Key: 'in/0', Body: 'x' }))
    await expect.poll(() => givenUp.length + Number(keys.includes('in/20')), { timeout: 30_000 }).toBe(1)
    await queue.idle()
    return { keys, lines, givenUp }
  } finally {
    await s3.stop()
    await runtime.close()
    await rm(taskRoot, { recursive: true })
  }
}

it('72. stops a function that writes where it is invoked from after 16 times, and says so', async () => {
  const { keys, lines, givenUp } = await loop(false)
  expect(keys).toEqual(Array.from({ length: 17 }, (_, n) => `in/${n}`)) // the first is no function's
  expect(givenUp.map(({ requestContext }) => requestContext)).toMatchObject([
    { condition: 'RecursiveInvocation', approximateInvokeCount: 0 },
  ])
  expect(lines).toEqual([
    expect.stringMatching(
      /^loop for s3:\/\/lake\/in\/16 .* is given up .*it ran 16 times in one chain of events, so it starts itself/,
    ),
  ])
})

it('72. lets it go on where RecursiveLoop is Allow', async () => {
  const { keys, lines } = await loop(true)
  expect(keys).toHaveLength(21)
  expect(lines).toEqual([])
})
