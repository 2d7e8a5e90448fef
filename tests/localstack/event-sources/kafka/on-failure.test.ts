import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fileDestination } from '#localstack/event-sources/kafka/destinations.ts'
import { type EventOrigin, eventHead, eventJson, recordJson } from '#localstack/event-sources/kafka/event.ts'
import { type Failure, failureDocument, failureMessages } from '#localstack/event-sources/kafka/on-failure.ts'
import { record } from '../fakes.ts'

const eventSourceArn = 'arn:aws:kafka:us-east-1:111122223333:cluster/demo/751d2973-2'
const msk: EventOrigin = { kind: 'msk', eventSourceArn, bootstrapServers: 'b-2.x:9092,b-1.x:9092' }
const failed = [
  record({ offset: 15, timestampMs: 0 }),
  record({ offset: 17, timestampMs: 1000, key: null }),
  record({ partition: 2, offset: 3 }),
]
const event = eventJson(eventHead(msk), 'orders', failed)
const failure = (over: Partial<Failure> = {}): Failure => ({
  condition: 'RetryAttemptsExhausted',
  at: new Date('2026-11-21T12:00:00.000Z'),
  requestId: '316aa6d0-8154-xmpl-9af7-85d5f4a6bc81',
  functionArn: 'arn:aws:lambda:us-east-1:111122223333:function:ingest',
  attempts: 11,
  functionError: true,
  origin: msk,
  topic: 'orders',
  records: failed,
  event,
  ...over,
})
const metadata = {
  requestContext: {
    requestId: '316aa6d0-8154-xmpl-9af7-85d5f4a6bc81',
    functionArn: 'arn:aws:lambda:us-east-1:111122223333:function:ingest',
    condition: 'RetryAttemptsExhausted',
    approximateInvokeCount: 11,
  },
  responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
  version: '1.0',
  timestamp: '2026-11-21T12:00:00.000Z',
  KafkaBatchInfo: {
    batchSize: 3,
    eventSourceArn,
    bootstrapServers: 'b-2.x:9092,b-1.x:9092',
    payloadSize: Buffer.byteLength(event),
    recordsInfo: {
      'orders-0': {
        firstRecordOffset: '15',
        lastRecordOffset: '17',
        firstRecordTimestamp: '1970-01-01T00:00:00.000Z',
        lastRecordTimestamp: '1970-01-01T00:00:01.000Z',
      },
      'orders-2': expect.objectContaining({ firstRecordOffset: '3', lastRecordOffset: '3' }),
    },
  },
}

it('46. a queue gets addresses as text and no payload; a bucket gets the event as a string, too', () => {
  expect(JSON.parse(failureDocument(failure(), { withPayload: false }))).toEqual(metadata)
  expect(JSON.parse(failureDocument(failure(), { withPayload: true }))).toEqual({
    ...metadata,
    payload: event,
  })
})

it('a self-managed cluster has no ARN, a reported failure no function error, and what never ran no response', () => {
  const origin: EventOrigin = { kind: 'self-managed', bootstrapServers: 'b:9092' }
  const read = (over: Partial<Failure>) => JSON.parse(failureDocument(failure(over), { withPayload: false }))
  expect(read({ origin }).KafkaBatchInfo).not.toHaveProperty('eventSourceArn')
  expect(read({ functionError: false }).responseContext).toEqual({
    statusCode: 200,
    executedVersion: '$LATEST',
  })
  expect(read({ attempts: 0 })).toMatchObject({
    responseContext: null,
    requestContext: { approximateInvokeCount: 1 },
  })
  expect(
    read({ records: [{ ...failed[0]!, timestampMs: 9e15 }] }).KafkaBatchInfo.recordsInfo['orders-0'],
  ).toMatchObject({
    firstRecordTimestamp: '1970-01-01T00:00:00.000Z',
  })
})

it('47. a Kafka topic gets a message for each record, with its key and the event of it alone as an object', () => {
  const messages = failureMessages(failure(), (one) => eventJson(eventHead(msk), 'orders', [one]))
  expect(messages.map(({ key }) => key?.toString() ?? null)).toEqual(['recordKey', null, 'recordKey'])
  const [first] = messages.map(({ value }) => JSON.parse(value))
  expect(first).toEqual({
    ...metadata,
    requestContext: { ...metadata.requestContext, condition: 'RetriesExhausted' },
    KafkaBatchInfo: {
      batchSize: 1,
      eventSourceArn,
      bootstrapServers: 'b-2.x:9092,b-1.x:9092',
      payloadSize: Buffer.byteLength(JSON.stringify(first.payload)),
      recordInfo: { offset: '15', timestamp: '1970-01-01T00:00:00.000Z' },
    },
    payload: {
      eventSource: 'aws:kafka',
      eventSourceArn,
      bootstrapServers: 'b-2.x:9092,b-1.x:9092',
      records: { 'orders-0': [JSON.parse(recordJson(failed[0]!))] },
    },
  })
})

it('a file gets a line for each failure', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'destinations-'))
  try {
    const { deliver } = fileDestination(join(directory, 'destinations/failed.ndjson'))
    await deliver(failure())
    await deliver(failure({ attempts: 2 }))
    const lines = (await readFile(join(directory, 'destinations/failed.ndjson'), 'utf8')).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).requestContext.approximateInvokeCount)).toEqual([11, 2])
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
