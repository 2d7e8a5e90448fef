import type { ObjectChange } from '../../s3/object-change.ts'
import type { BucketNotification } from '../../template.ts'

/**
 * The event that S3 sends for one change, as recorded from AWS: version 2.1, one record, `eventName` without `s3:`,
 * no `versionId` without versioning, and neither size nor ETag for a removed object.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function s3Event(change: ObjectChange, notification: BucketNotification, region: string): string {
  const { bucket, eventName, eventTime, key, size, eTag, versionId, sequencer, sourceIp, requestId, id2 } =
    change
  const removed = eventName.startsWith('ObjectRemoved:')
  return JSON.stringify({
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: region,
        eventTime,
        eventName,
        userIdentity: { principalId: 'AWS:LOCAL' },
        requestParameters: { sourceIPAddress: sourceIp },
        responseElements: { 'x-amz-request-id': requestId, 'x-amz-id-2': id2 },
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: notification.id,
          bucket: { name: bucket, ownerIdentity: { principalId: 'LOCAL' }, arn: `arn:aws:s3:::${bucket}` },
          object: {
            key: encodeKey(key),
            ...(removed ? {} : { size, eTag }),
            ...(versionId !== undefined && { versionId }),
            sequencer,
          },
        },
      },
    ],
  })
}

/** As Java's form encoder writes it, which S3 uses, but with `/` kept: a space is `+`, `@` is `%40`. */
export const encodeKey = (key: string): string =>
  encodeURIComponent(Buffer.from(key).toString()) // a lone surrogate, which no object has, becomes U+FFFD
    .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
    .replaceAll('%2F', '/')
    .replaceAll('%2A', '*')

/**
 * Whether a change is one that a notification asks for. Prefix and suffix are literal, without wildcards; special
 * characters in them are written URL-encoded.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
 */
export const matches = (notification: BucketNotification, change: ObjectChange): boolean =>
  notification.bucket === change.bucket &&
  notification.events.some((pattern) => includesEvent(pattern, `s3:${change.eventName}`)) &&
  change.key.startsWith(decodeRule(notification.prefix)) &&
  change.key.endsWith(decodeRule(notification.suffix))

/**
 * What AWS refuses: two notifications of one bucket that share an event type and that one key could both match.
 * Returns a line for each such pair.
 */
export function overlaps(notifications: readonly BucketNotification[]): string[] {
  return notifications.flatMap((one, index) =>
    notifications
      .slice(index + 1)
      .filter((other) => overlap(one, other))
      .map(
        (other) =>
          `bucket ${one.bucket}: ${describe(one)} and ${describe(other)} overlap; ` +
          'S3 lets an event have one destination: make their prefixes or suffixes exclude each other',
      ),
  )
}

const overlap = (one: BucketNotification, other: BucketNotification): boolean =>
  one.bucket === other.bucket &&
  one.events.some((a) => other.events.some((b) => includesEvent(a, b) || includesEvent(b, a))) &&
  eitherWay(decodeRule(one.prefix), decodeRule(other.prefix), (a, b) => a.startsWith(b)) &&
  eitherWay(decodeRule(one.suffix), decodeRule(other.suffix), (a, b) => a.endsWith(b))

const eitherWay = (a: string, b: string, test: (a: string, b: string) => boolean): boolean =>
  test(a, b) || test(b, a)

/** `s3:ObjectCreated:*` includes `s3:ObjectCreated:Put`. */
const includesEvent = (pattern: string, eventType: string): boolean =>
  pattern.endsWith('*') ? eventType.startsWith(pattern.slice(0, -1)) : eventType === pattern

const describe = ({ functionName, events, prefix, suffix }: BucketNotification): string =>
  `${events.join(' ')} for ${functionName} (prefix ${prefix ? `"${prefix}"` : 'any'}, ` +
  `suffix ${suffix ? `"${suffix}"` : 'any'})`

function decodeRule(value = ''): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '))
  } catch {
    return value // a bare %: written literally
  }
}
