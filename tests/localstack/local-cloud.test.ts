import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { expect, it, vi } from 'vitest'
import { endpointVariables } from '#localstack/local-cloud.ts'
import { startFakeSqs } from './event-sources/s3/fake-sqs.ts'
import { startTestS3 } from './s3/start-test-s3.ts'
import { startTestCloud } from './start-test-cloud.ts'

const endpoints = { kafka: '127.0.0.1:1', s3: 'http://127.0.0.1:2', lambda: 'http://127.0.0.1:3' }

it('gives functions the credentials of the S3 in use, without the token that it would refuse', () => {
  const s3Credentials = { accessKeyId: 'me', secretAccessKey: 'my secret' }
  expect(endpointVariables({ ...endpoints, s3Credentials }, 'eu-west-1')).toMatchObject({
    AWS_ACCESS_KEY_ID: 'me',
    AWS_SECRET_ACCESS_KEY: 'my secret',
    AWS_SESSION_TOKEN: '',
  })
  expect(endpointVariables(endpoints, 'eu-west-1')).not.toHaveProperty('AWS_SESSION_TOKEN')
})

it('63. functions get the same event, as AWS sends it, whether an S3 tells of an upload by webhook, in a topic or in a queue', async () => {
  const sqs = await startFakeSqs()
  const s3 = await startTestS3()
  const cloud = await startTestCloud(
    {
      buckets: ['foreign-uploads'],
      bucketNotifications: [
        { id: 'n', bucket: 'foreign-uploads', events: ['s3:ObjectCreated:*'], functionName: 'show' },
      ],
    },
    {
      ...{ S3_ENDPOINT: s3.endpoint, AWS_ACCESS_KEY_ID: 'me', AWS_SECRET_ACCESS_KEY: 'secret' },
      ...{ S3_EVENTS_TOPIC: 's3-events', S3_EVENTS_QUEUE: sqs.queueUrl },
    },
  )
  const { events } = cloud
  try {
    const told = await readFile(join(import.meta.dirname, 'fixtures/minio-notification.json'), 'utf8')
    await fetch(`${cloud.endpoints.lambda}/_localstack/s3-events`, { method: 'POST', body: told })
    const kafka = new Kafka({ brokers: [cloud.endpoints.kafka], logLevel: logLevel.NOTHING })
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic: 's3-events', messages: [{ value: told }] })
    await producer.disconnect()
    sqs.send(told)
    await vi.waitFor(() => expect(events).toHaveLength(3), 15_000)
    expect(new Set(events).size).toBe(1)
    expect(Object.keys(JSON.parse(events[0]!))).toEqual(['Records'])
    expect(JSON.parse(events[0]!).Records[0]).toMatchObject({
      eventVersion: '2.1',
      eventSource: 'aws:s3',
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: 'foreign-uploads' }, object: { key: 'in/x+y%2B%C3%BC.json', size: 7 } },
    })
    expect(sqs.left()).toEqual([])
  } finally {
    await cloud.stop()
    await s3.stop()
    await sqs.stop()
  }
})
