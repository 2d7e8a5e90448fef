import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { s3Event } from '#localstack/event-sources/s3/event.ts'
import { readNotification } from '#localstack/event-sources/s3/notification.ts'
import { recorded } from '../../../support/fixtures.ts'

const asked = { id: '', bucket: '', events: [], functionName: '' }
const minio = readFileSync(new URL('../../fixtures/minio-notification.json', import.meta.url), 'utf8')

/** MinIO's real notification with something of its only record changed. */
const changed = (change: (record: Record<string, unknown> & { s3: { object: object } }) => void) => {
  const notification = JSON.parse(minio)
  change(notification.Records[0])
  return JSON.stringify(notification)
}

describe('S3 notifications of other object stores', () => {
  it('become what the embedded S3 would have told', () => {
    expect(readNotification(minio)).toEqual([
      {
        eventName: 'ObjectCreated:Put',
        bucket: 'foreign-uploads',
        key: 'in/x y+ü.json',
        size: 7,
        eTag: 'bb6cb5c68df4652941caf652a366f2d8',
        sequencer: '18EA03B016EA2942',
        eventTime: '2026-11-21T08:57:36.295Z',
        requestId: '18EA03B016E13A9C',
        id2: 'e18194f49466c915721c13694970cd152fd21ae3bc5ad908cf856eb305f7fcb3',
        sourceIp: '127.0.0.1',
      },
    ])
  })

  it('63. of empty objects have no size at MinIO', () => {
    const empty = changed((record) => {
      Object.assign(record.s3.object, { size: undefined })
    })
    expect(readNotification(empty)[0]?.size).toBe(0)
  })

  it('65. of tags and of AWS’s test are nothing', () => {
    const tagged = changed((record) => Object.assign(record, { eventName: 's3:ObjectCreated:PutTagging' }))
    expect(readNotification(tagged)).toEqual([])
    expect(readNotification('{"Service":"Amazon S3","Event":"s3:TestEvent"}')).toEqual([])
  })

  it('of AWS keep their names', () => {
    const aws = changed((record) => Object.assign(record, { eventName: 'ObjectRemoved:Delete' }))
    expect(readNotification(aws)[0]?.eventName).toBe('ObjectRemoved:Delete')
  })

  it('of versitygw have their keys as they are', () => {
    const versitygw = changed((record) => {
      Object.assign(record.s3, { configurationId: 'kafka-global' })
      Object.assign(record.s3.object, { key: 'in/a+b %2F.json' })
    })
    expect(readNotification(versitygw)[0]?.key).toBe('in/a+b %2F.json')
  })

  it('64. of a bucket with versioning have a versionId', () => {
    const versioned = changed((record) => {
      Object.assign(record.s3.object, { versionId: '096f' })
    })
    expect(readNotification(versioned)[0]?.versionId).toBe('096f')
    expect(readNotification(minio)[0]).not.toHaveProperty('versionId')
  })

  it('are read as AWS and MinIO sent them to somebody', (context) => {
    const minio = JSON.stringify(recorded('minio-event.json', context))
    expect(readNotification(minio)).toMatchObject([
      { eventName: 'ObjectCreated:Put', bucket: 'demo-lake', key: 'bronze/x y+ü=1/file (1).json' },
    ])
    const { Records: messages } = recorded('aws-events/powertools-python/s3SqsEvent.json', context)
    const [change] = messages.flatMap(({ body }: { body: string }) => readNotification(body))
    const [{ s3, ...record }] = JSON.parse(messages[0].body).Records
    expect(
      JSON.parse(s3Event(change, { ...asked, id: s3.configurationId }, record.awsRegion)).Records[0],
    ).toMatchObject({
      eventName: record.eventName,
      eventTime: record.eventTime,
      s3: { bucket: { name: s3.bucket.name }, object: s3.object },
    })
    const other = recorded(
      'aws-events/powertools-python/s3EventBridgeNotificationObjectCreatedEvent.json',
      context,
    )
    expect(() => readNotification(JSON.stringify(other))).toThrow('EventBridge (Object Created)')
  })

  it('that SNS passed on are read from its envelope', () => {
    const passedOn = JSON.stringify({
      Type: 'Notification',
      TopicArn: 'arn:aws:sns:::uploads',
      Message: minio,
    })
    expect(readNotification(passedOn)).toEqual(readNotification(minio))
  })

  it.each([
    ['{', 'is not JSON'],
    ['{"Type":"SubscriptionConfirmation","Message":"You have chosen"}', 'has no Records'],
    ['{"source":"aws.s3","detail-type":"Object Created","detail":{}}', 'EventBridge (Object Created)'],
    ['null', 'has no Records'],
    ['{"Records":[{"eventName":"ObjectCreated:Put"}]}', 'has no bucket or no key'],
  ])('that are none (%s) are refused', (text, message) => {
    expect(() => readNotification(text)).toThrow(message)
  })
})
