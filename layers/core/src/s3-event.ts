import { CupelError, EventShapeError, messageWithoutValues, ObjectError } from './errors.ts'

/** An object that was created, as its event says. Read the object as it is now: events come late, twice and out of order. */
export type CreatedObject = {
  readonly bucket: string
  readonly key: string // decoded
  readonly eTag: string
  readonly size: number // bytes
}

/**
 * Decode an S3 event to the objects that were created; other events (removal, tagging, the test event) give none.
 *
 * Keys arrive form-encoded, with `+` for space
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
 *
 * @throws {EventShapeError} when the event is of another shape.
 */
export function decodeS3Event(event: unknown): readonly CreatedObject[] {
  const records = (event as { Records?: unknown } | null)?.Records
  if (records === undefined && (event as { Event?: unknown } | null)?.Event === 's3:TestEvent') return []
  if (!Array.isArray(records)) throw new EventShapeError('S3', 'a list `Records`', event)
  return records
    .filter((record) => /^(s3:)?ObjectCreated:/.test(String(record?.eventName)))
    .map((record): CreatedObject => {
      const { bucket, object } = record?.s3 ?? {}
      if (typeof bucket?.name !== 'string' || typeof object?.key !== 'string')
        throw new EventShapeError('S3', 'a record with a bucket name and an object key', record)
      return {
        bucket: bucket.name,
        key: decodeKey(object.key),
        eTag: typeof object.eTag === 'string' ? object.eTag : '',
        size: typeof object.size === 'number' ? object.size : 0, // MinIO leaves 0 out
      }
    })
}

/**
 * Do the same work on each object that an event says was created, one after the other. One that fails stops no other: the
 * first failure is thrown when all had their turn, and Lambda retries. `done` is what the work is called in its message.
 */
export async function forEachObject<Outcome>(
  event: unknown,
  done: string,
  work: (key: string) => Promise<Outcome>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  const failures: CupelError[] = []
  for (const { key } of decodeS3Event(event))
    try {
      outcomes.push(await work(key))
    } catch (error) {
      const known = error instanceof CupelError
      const problem = `could not be ${done}: ${messageWithoutValues(error)}`
      failures.push(known ? error : new ObjectError(key, problem, error))
    }
  if (failures[0]) throw failures[0]
  return outcomes
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch (cause) {
    throw new EventShapeError('S3', 'a form-encoded object key', cause)
  }
}

/** An event as S3 would have sent it, as far as `decodeS3Event` reads it. */
export type ObjectCreatedEvent = {
  readonly Records: readonly {
    readonly eventName: 'ObjectCreated:Put'
    readonly s3: {
      readonly bucket: { readonly name: string }
      readonly object: { readonly key: string; readonly eTag: string; readonly size: number }
    }
  }[]
}

/** What `decodeS3Event` decodes to these objects. Keys are form-encoded with `/` kept, as S3 does. */
export const objectCreatedEvent = (
  bucket: string,
  objects: readonly Omit<CreatedObject, 'bucket'>[],
): ObjectCreatedEvent => ({
  Records: objects.map(({ key, eTag, size }) => ({
    eventName: 'ObjectCreated:Put',
    s3: {
      bucket: { name: bucket },
      object: { key: encodeURIComponent(key).replaceAll('%2F', '/').replaceAll('%20', '+'), eTag, size },
    },
  })),
})
