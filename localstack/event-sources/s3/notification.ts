import type { ObjectChange } from '../../s3/object-change.ts'

const emulated: ReadonlySet<string> = new Set<ObjectChange['eventName']>([
  'ObjectCreated:Put',
  'ObjectCreated:Post',
  'ObjectCreated:Copy',
  'ObjectCreated:CompleteMultipartUpload',
  'ObjectRemoved:Delete',
])

/**
 * The changes that an S3 notification tells of, in the shape of AWS, MinIO or versitygw. Pure.
 *
 * MinIO differs: `s3:` before the event name, `/` escaped in the key, no size of empty objects, and changes of tags
 * and retention under ObjectCreated, which are left out here as AWS would not send them.
 * https://github.com/minio/minio/tree/master/docs/bucket/notifications
 *
 * versitygw differs: the key stands as it is, not encoded, and times have no milliseconds.
 * https://github.com/versity/versitygw/blob/main/s3event/event.go
 *
 * What SNS passed on is read from its envelope.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
 *
 * Throws an Error that says what is missing when the text is no notification.
 */
export function readNotification(text: string): ObjectChange[] {
  const { Records: records, Event: event, Type: type, Message: message, ...other } = parse(text)
  if (event === 's3:TestEvent') return []
  if (type === 'Notification' && typeof message === 'string') return readNotification(message)
  if (other.source === 'aws.s3')
    throw new Error(
      `it is an event of EventBridge (${other['detail-type']}): have the bucket notify by itself`,
    )
  if (!Array.isArray(records)) throw new Error('the notification has no Records')
  return records.flatMap((record: Notified) => {
    const eventName = record.eventName?.replace(/^s3:/, '') ?? ''
    const bucket = record.s3?.bucket?.name
    const { key, size = 0, eTag = '', versionId, sequencer = '0' } = record.s3?.object ?? {}
    if (!emulated.has(eventName)) return []
    if (!bucket || !key) throw new Error('a record of the notification has no bucket or no key')
    return {
      eventName: eventName as ObjectChange['eventName'],
      bucket,
      key: /^(kafka|nats|rabbitmq|webhook)-global$/.test(record.s3?.configurationId ?? '')
        ? key // of versitygw
        : decodeURIComponent(key.replaceAll('+', ' ')),
      size,
      eTag: eTag.replaceAll('"', ''),
      ...(versionId !== undefined && { versionId }),
      sequencer: sequencer.toUpperCase(),
      eventTime: new Date(record.eventTime ?? Date.now()).toISOString(),
      requestId: record.responseElements?.['x-amz-request-id'] ?? '',
      id2: record.responseElements?.['x-amz-id-2'] ?? '',
      sourceIp: record.requestParameters?.sourceIPAddress ?? '127.0.0.1',
    }
  })
}

type Notified = {
  readonly eventName?: string
  readonly eventTime?: string
  readonly requestParameters?: { readonly sourceIPAddress?: string }
  readonly responseElements?: Readonly<Record<string, string>>
  readonly s3?: {
    readonly configurationId?: string
    readonly bucket?: { readonly name?: string }
    readonly object?: {
      readonly key?: string
      readonly size?: number
      readonly eTag?: string
      readonly versionId?: string
      readonly sequencer?: string
    }
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    throw new Error('the notification is not JSON')
  }
}
