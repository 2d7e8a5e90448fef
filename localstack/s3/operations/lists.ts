import { S3Error } from '../errors.ts'
import { type ListPage, listPage } from '../listing.ts'
import type { Bucket } from '../storage.ts'
import type { XmlFields } from '../xml.ts'
import { type Answer, type Call, isoTime, quoted, xmlAnswer } from './call.ts'

const mostKeys = 1000 // a page

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
export async function listObjectsV2({ store, bucket: name, query }: Call): Promise<Answer> {
  const bucket = store.bucket(name)
  if (query.get('list-type') !== '2')
    throw new S3Error('NotImplemented', 'ListObjects is not emulated, ListObjectsV2 is')
  const { prefix, delimiter, maxKeys, text } = readListing(query)
  const token = query.get('continuation-token') ?? undefined
  const startAfter = query.get('start-after') ?? undefined
  const after = token === undefined ? startAfter : decodeToken(token)
  const page = listPage(bucket.keys, { prefix, delimiter, maxKeys, after, afterGroup: token !== undefined })
  return xmlAnswer('ListBucketResult', {
    Name: name,
    Prefix: text(prefix),
    Delimiter: text(delimiter) || undefined,
    MaxKeys: maxKeys,
    KeyCount: page.keys.length + page.commonPrefixes.length,
    IsTruncated: page.isTruncated,
    ContinuationToken: token,
    NextContinuationToken: page.isTruncated ? encodeToken(page.last ?? '') : undefined,
    StartAfter: startAfter && text(startAfter),
    EncodingType: query.get('encoding-type') ?? undefined,
    ...contents(bucket, page, text),
  })
}

function readListing(query: URLSearchParams) {
  const encoding = query.get('encoding-type')
  if (encoding !== null && encoding !== 'url') {
    throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request', {
      ArgumentName: 'encoding-type',
      ArgumentValue: encoding,
    })
  }
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    maxKeys: readMaxKeys(query.get('max-keys')),
    text: encoding === 'url' ? formEncode : (value: string) => value,
  }
}

function readMaxKeys(text: string | null): number {
  if (!text) return mostKeys
  if (/^\d{1,10}$/.test(text)) return Math.min(Number(text), mostKeys)
  throw new S3Error('InvalidArgument', 'Provided max-keys not an integer or within integer range', {
    ArgumentName: 'max-keys',
    ArgumentValue: text,
  })
}

function contents({ objects }: Bucket, page: ListPage, text: (key: string) => string): XmlFields {
  return {
    Contents: page.keys.map((key) => {
      const { lastModifiedMs, eTag, size } = objects.get(key)!
      return {
        Key: text(key),
        LastModified: isoTime(lastModifiedMs),
        ETag: quoted(eTag),
        Size: size,
        StorageClass: 'STANDARD',
      }
    }),
    CommonPrefixes: page.commonPrefixes.map((prefix) => ({ Prefix: text(prefix) })),
  }
}

/** `encoding-type=url`: as a form encodes it, but `/` stays, as S3 leaves it. */
const formEncode = (key: string): string =>
  new URLSearchParams({ '': key }).toString().slice(1).replaceAll('%2F', '/')

const encodeToken = (last: string): string => Buffer.from(last).toString('base64url')

function decodeToken(token: string): string {
  const last = Buffer.from(token, 'base64url').toString()
  if (last !== '' && encodeToken(last) === token) return last
  throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect', {
    ArgumentName: 'continuation-token',
  })
}
