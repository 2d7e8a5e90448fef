import { S3Error } from '../errors.ts'
import { type ListPage, listPage } from '../listing.ts'
import type { Bucket } from '../storage.ts'
import type { XmlNode } from '../xml.ts'
import { type Answer, type Call, countParameter, isoTime, quoted, xmlAnswer } from './call.ts'

const mostKeys = 1000 // a page

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
export async function listObjectsV2({ store, bucket: name, query }: Call): Promise<Answer> {
  const bucket = store.bucket(name)
  const { prefix, delimiter, maxKeys, text, echo } = readListing(query)
  const token = query.get('continuation-token')
  const startAfter = query.get('start-after')
  const after = token === null ? (startAfter ?? undefined) : decodeToken(token)
  const page = listPage(bucket.keys, { prefix, delimiter, maxKeys, after, afterGroup: token !== null })
  return xmlAnswer([
    'ListBucketResult',
    [
      ['Name', name],
      ['Prefix', text(prefix)],
      echo('Delimiter', delimiter),
      ['MaxKeys', maxKeys],
      ['KeyCount', page.keys.length + page.commonPrefixes.length],
      ['IsTruncated', page.isTruncated],
      token === null ? undefined : ['ContinuationToken', token],
      page.isTruncated ? ['NextContinuationToken', encodeToken(page.last ?? '')] : undefined,
      echo('StartAfter', startAfter ?? ''),
      encodingNode(query),
      ...contents(bucket, page, text),
    ],
  ])
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html */
export async function listObjects({ store, bucket: name, query }: Call): Promise<Answer> {
  const bucket = store.bucket(name)
  const { prefix, delimiter, maxKeys, text, echo } = readListing(query)
  const marker = query.get('marker') ?? ''
  const page = listPage(bucket.keys, { prefix, delimiter, maxKeys, after: marker, afterGroup: true })
  return xmlAnswer([
    'ListBucketResult',
    [
      ['Name', name],
      ['Prefix', text(prefix)],
      ['Marker', text(marker)],
      echo('Delimiter', delimiter),
      ['MaxKeys', maxKeys],
      ['IsTruncated', page.isTruncated],
      // Only with a delimiter; without one the last key is the next marker.
      page.isTruncated && delimiter !== '' ? ['NextMarker', text(page.last ?? '')] : undefined,
      encodingNode(query),
      ...contents(bucket, page, text),
    ],
  ])
}

function readListing(query: URLSearchParams) {
  const encoding = query.get('encoding-type')
  if (encoding !== null && encoding !== 'url') {
    throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request', {
      ArgumentName: 'encoding-type',
      ArgumentValue: encoding,
    })
  }
  const text = encoding === 'url' ? formEncode : (value: string) => value
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    maxKeys: countParameter(query, 'max-keys', mostKeys),
    text,
    echo: (name: string, value: string): XmlNode | undefined =>
      value === '' ? undefined : [name, text(value)],
  }
}

const encodingNode = (query: URLSearchParams): XmlNode | undefined =>
  query.has('encoding-type') ? ['EncodingType', 'url'] : undefined

function contents({ objects }: Bucket, page: ListPage, text: (key: string) => string): readonly XmlNode[] {
  const keys = page.keys.map((key): XmlNode => {
    const { lastModifiedMs, eTag, size } = objects.get(key)!
    return [
      'Contents',
      [
        ['Key', text(key)],
        ['LastModified', isoTime(lastModifiedMs)],
        ['ETag', quoted(eTag)],
        ['Size', size],
        ['StorageClass', 'STANDARD'],
      ],
    ]
  })
  return [
    ...keys,
    ...page.commonPrefixes.map((prefix): XmlNode => ['CommonPrefixes', [['Prefix', text(prefix)]]]),
  ]
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
