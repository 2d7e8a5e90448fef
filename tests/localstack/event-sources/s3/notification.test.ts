import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readNotification } from '#localstack/event-sources/s3/notification.ts'

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

  it('of empty objects have no size at MinIO', () => {
    const empty = changed((record) => {
      Object.assign(record.s3.object, { size: undefined })
    })
    expect(readNotification(empty)[0]?.size).toBe(0)
  })

  it('of tags and of AWS’s test are nothing', () => {
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
