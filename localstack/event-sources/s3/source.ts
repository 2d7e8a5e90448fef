import type { ObjectChange } from '../../s3/object-change.ts'
import type { BucketNotification } from '../../template.ts'
import { matches, overlaps, s3Event } from './event.ts'
import { readNotification } from './notification.ts'

/** Takes what an S3 says of changes, as text: by webhook, through a topic or a queue. Throws when it is no notification. */
export type Announce = (notification: string) => void

/** Notifications on their way to `Announce`, from where an S3 of one's own leaves them. */
export type NotificationReader = {
  /** Nothing is handed over any more; resolves when what was handed over is acknowledged, if that can be. */
  close(): Promise<void>
}

/** Both ways in end here: a change that the embedded S3 made, and whatever another S3 announces. */
export type S3EventSource = {
  /** Queues the event of a change for the function that asked for it, if one did. Returns before the function runs. */
  handle(change: ObjectChange): void
  announce: Announce
  close(): void
}

/**
 * Bucket notifications to functions. Throws when notifications overlap, as S3 does when they are configured.
 * S3's part ends when Lambda has queued the event; retries are the queue's.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
 */
export function makeS3EventSource(options: {
  readonly notifications: readonly BucketNotification[]
  readonly enqueue: (functionName: string, payload: string, trace?: string) => unknown
  readonly region: string
  readonly log: (line: string) => void
}): S3EventSource {
  const { notifications, enqueue, region, log } = options
  const refused = overlaps(notifications)
  if (refused.length > 0) throw new Error(refused.join('\n'))
  let closed = false
  let unannounced = 0
  const handle = (change: ObjectChange) => {
    const notification = notifications.find((candidate) => matches(candidate, change))
    if (!notification) return
    if (closed) unannounced++
    else enqueue(notification.functionName, s3Event(change, notification, region), change.trace)
  }
  return {
    handle,
    announce: (notification) => readNotification(notification).forEach(handle),
    close() {
      closed = true
      if (unannounced > 0) log(`${unannounced} changes of objects came after the S3 event source was closed`)
    },
  }
}
