import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { ObjectError } from '@cupel/core/errors'

export type Metadata = Readonly<Record<string, string>> // lower-case names, ASCII values, 2 kB in all
export type StoredObject = { readonly eTag: string; readonly metadata: Metadata }
export type StreamedObject = StoredObject & {
  readonly size: number // bytes
  readonly modifiedMs: number
  readonly body: AsyncIterable<Uint8Array> // throws an ObjectError when the store fails half-way
}
export type ListedObject = {
  readonly key: string
  readonly eTag: string
  readonly size: number // bytes
  readonly modifiedMs: number
}

/** The objects of one bucket. Reads see every write that has returned (S3 is strongly consistent). */
export type ObjectStore = {
  /** Store an object. With `ifAbsent`, only where no object stands: `false` when one does, and nothing changes. */
  readonly put: (
    key: string,
    body: Uint8Array,
    options?: { metadata?: Metadata; contentType?: string; ifAbsent?: boolean },
  ) => Promise<boolean>
  /** The object as it is now, or undefined where there is none. */
  readonly get: (key: string) => Promise<(StoredObject & { readonly body: Uint8Array }) | undefined>
  /**
   * The object as it is now, its body piece by piece as it comes, for what is too large for memory. With `eTag`, throws
   * where another object has taken its place since.
   */
  readonly stream: (key: string, options?: { eTag?: string }) => Promise<StreamedObject | undefined>
  readonly head: (key: string) => Promise<StoredObject | undefined>
  /** Objects in the order of their keys' UTF-8 bytes, those after `startAfter` only; pages are fetched as they are needed. */
  readonly list: (prefix: string, options?: { startAfter?: string }) => AsyncIterable<ListedObject>
}

/**
 * One bucket of S3, or of what `AWS_ENDPOINT_URL_S3` names instead; the SDK retries passing failures three times.
 * Path-style addresses, because local servers have no wildcard DNS.
 */
export function s3ObjectStore(bucket: string, client = new S3Client({ forcePathStyle: true })): ObjectStore {
  return {
    async put(key, body, { metadata, contentType, ifAbsent } = {}) {
      try {
        await client.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            Body: body,
            Metadata: metadata,
            ContentType: contentType,
            ...(ifAbsent ? { IfNoneMatch: '*' } : {}),
          }),
        )
        return true
      } catch (error) {
        // 409: another conditional write of this key was under way, and the answer to "is there one" is yes or soon
        // (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
        if (ifAbsent && [409, 412].includes(statusOf(error) ?? 0)) return false
        throw new ObjectError(key, `could not be stored (${nameOf(error)})`, error)
      }
    },

    async get(key) {
      try {
        const found = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
        const body = await found.Body!.transformToByteArray()
        return { body, eTag: unquoted(found.ETag), metadata: found.Metadata ?? {} }
      } catch (error) {
        if (statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket') return undefined
        throw new ObjectError(key, `could not be read (${nameOf(error)})`, error)
      }
    },

    async stream(key, { eTag } = {}) {
      try {
        const found = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: eTag }))
        return {
          body: piecesOf(key, found.Body as AsyncIterable<Uint8Array>),
          eTag: unquoted(found.ETag),
          metadata: found.Metadata ?? {},
          size: found.ContentLength ?? 0,
          modifiedMs: found.LastModified?.getTime() ?? 0,
        }
      } catch (error) {
        if (statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket') return undefined
        throw new ObjectError(key, `could not be read (${nameOf(error)})`, error)
      }
    },

    async head(key) {
      try {
        const found = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
        return { eTag: unquoted(found.ETag), metadata: found.Metadata ?? {} }
      } catch (error) {
        if (statusOf(error) === 404) return undefined
        throw new ObjectError(key, `could not be read (${nameOf(error)})`, error)
      }
    },

    async *list(prefix, { startAfter } = {}) {
      let token: string | undefined
      do {
        const page = await client
          .send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: prefix,
              ...(token ? { ContinuationToken: token } : { StartAfter: startAfter }),
            }),
          )
          .catch((error) => {
            throw new ObjectError(`${prefix}…`, `could not be listed (${nameOf(error)})`, error)
          })
        for (const { Key, ETag, Size, LastModified } of page.Contents ?? [])
          yield { key: Key!, eTag: unquoted(ETag), size: Size ?? 0, modifiedMs: LastModified?.getTime() ?? 0 }
        token = page.NextContinuationToken
      } while (token)
    },
  }
}

async function* piecesOf(key: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw new ObjectError(key, `could not be read to its end (${nameOf(error)})`, error)
  }
}

const unquoted = (eTag = ''): string => eTag.replaceAll('"', '')
/** S3's code of an error, or the system's. */
const nameOf = (error: unknown): string => {
  const { code, name } = error as { code?: string; name?: string }
  return code ?? name ?? 'unknown'
}
const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
