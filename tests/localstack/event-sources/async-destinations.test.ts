import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type DestinationOptions, deliverGivenUp } from '#localstack/event-sources/async-destinations.ts'
import { makeAsyncQueue } from '#localstack/event-sources/async-queue.ts'
import { startTestS3 } from '../s3/start-test-s3.ts'
import { failed, fakeClock, fakeInvoke, succeeded } from './fakes.ts'

const minute = 60_000
const queueArn = 'arn:aws:sqs:us-east-1:123456789012:failed-loads'
let s3: Awaited<ReturnType<typeof startTestS3>>
let directory: string

beforeAll(async () => {
  s3 = await startTestS3()
  await s3.client.send(new CreateBucketCommand({ Bucket: 'failures' }))
})
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'destinations-'))
  return () => rm(directory, { recursive: true })
})
afterAll(() => s3.stop())

/** Three attempts of `load` that fail; then what it leaves is delivered. */
async function fail(to: Partial<Pick<DestinationOptions, 'onFailure' | 'deadLetterArn'>>) {
  const clock = fakeClock()
  const { invoke, calls } = fakeInvoke(
    ({ functionName }) => (functionName === 'load' ? failed : succeeded),
    clock.now,
  )
  const lines: string[] = []
  const queue = makeAsyncQueue({
    invoke,
    clock,
    log: (line) => lines.push(line),
    functionArn: (name) => `arn:aws:lambda:us-east-1:123456789012:function:${name}`,
    onGiveUp: (record, name) =>
      deliverGivenUp(record, name, {
        ...{ onFailure: undefined, deadLetterArn: undefined, ...to },
        ...{ s3: s3.client, directory, enqueue: queue.enqueue },
      }),
  })
  const requestId = queue.enqueue('load', '{"n":1}')
  await clock.advance(3 * minute)
  await queue.idle()
  return { requestId, calls, lines }
}

const written = async () =>
  (await readFile(join(directory, 'destinations/failed-loads.ndjson'), 'utf8')).trimEnd().split('\n')

it('69. a queue gets a record of the event and of the last of three attempts', async () => {
  const { requestId, calls } = await fail({ onFailure: { kind: 'queue', arn: queueArn } })
  expect(calls.map(({ atMs }) => atMs)).toEqual([0, minute, 3 * minute])
  const [line, ...more] = await written()
  expect(more).toEqual([])
  expect(JSON.parse(line!)).toEqual({
    version: '1.0',
    timestamp: '2026-01-01T00:03:00.000Z',
    requestContext: {
      requestId,
      functionArn: 'arn:aws:lambda:us-east-1:123456789012:function:load:$LATEST',
      condition: 'RetriesExhausted',
      approximateInvokeCount: 3,
    },
    requestPayload: { n: 1 },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    responsePayload: JSON.parse(failed.payload),
  })
})

it('69. a bucket gets it as an object, under the key that Lambda gives it', async () => {
  const { requestId } = await fail({ onFailure: { kind: 'bucket', bucket: 'failures' } })
  const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: 'failures' }))
  const keys = Contents.map(({ Key }) => Key ?? '')
  expect(keys).toEqual([
    expect.stringMatching(/^aws\/lambda\/async\/load\/2026\/01\/01\/2026-01-01T00\.03\.00-[0-9a-f-]{36}$/),
  ])
  const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: 'failures', Key: keys[0] }))
  expect(JSON.parse((await Body?.transformToString()) ?? '').requestContext.requestId).toBe(requestId)
})

it('69. a function is invoked with it', async () => {
  const { calls, requestId } = await fail({ onFailure: { kind: 'function', functionName: 'repair' } })
  expect(calls.map(({ functionName }) => functionName)).toEqual(['load', 'load', 'load', 'repair'])
  expect(JSON.parse(calls[3]!.payload).requestContext.requestId).toBe(requestId)
})

it('69. a dead-letter queue gets the event as it came, with attributes', async () => {
  const { requestId } = await fail({ deadLetterArn: queueArn })
  const [line] = await written()
  expect(JSON.parse(line!)).toEqual({
    Body: '{"n":1}',
    MessageAttributes: {
      RequestID: { DataType: 'String', StringValue: requestId },
      ErrorCode: { DataType: 'Number', StringValue: '200' },
      ErrorMessage: { DataType: 'String', StringValue: 'no such thing' },
    },
  })
})

it('69. a destination that is not there is said, and the other one gets its message', async () => {
  const { lines } = await fail({
    onFailure: { kind: 'bucket', bucket: 'nowhere' },
    deadLetterArn: queueArn,
  })
  expect(lines.at(-1)).toMatch(/^the on-failure destination of load is not usable: .*bucket/)
  expect(await written()).toHaveLength(1)
})
