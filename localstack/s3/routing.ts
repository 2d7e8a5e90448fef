import * as buckets from './operations/buckets.ts'
import type { Operation } from './operations/call.ts'
import * as lists from './operations/lists.ts'
import * as objects from './operations/objects.ts'
import * as uploads from './operations/uploads.ts'

/** Where a request goes to. `bucket` and `key` are empty for the levels above them. */
export type Target = { readonly bucket: string; readonly key: string }

/**
 * Takes the request target apart. The path is taken as it stands: `//`, `.` and `..` belong to keys. Undefined for a path
 * that is not URL-encoded UTF-8.
 */
export function readTarget(url: string): (Target & { readonly query: URLSearchParams }) | undefined {
  const [, path = '', query = ''] = /^(?:https?:\/\/[^/?]*)?\/?([^?]*)\??(.*)$/s.exec(url) ?? []
  try {
    const [, bucket = '', key = ''] = /^([^/]*)\/?(.*)$/s.exec(decodeURIComponent(path)) ?? []
    return { bucket, key, query: new URLSearchParams(query) }
  } catch {
    return undefined
  }
}

// A parameter without a value makes another operation of the same method and path (`?tagging`); these stay empty besides.
const mayBeEmpty =
  /^(x-amz-.*|response-.*|prefix|delimiter|marker|start-after|continuation-token|encoding-type|versionId)$/i

const operations: Readonly<Record<string, Operation>> = {
  'GET service': buckets.listBuckets,
  'PUT bucket': buckets.createBucket,
  'HEAD bucket': buckets.headBucket,
  'DELETE bucket': buckets.deleteBucket,
  'GET bucket location': buckets.getBucketLocation,
  'GET bucket': lists.listObjectsV2,
  'POST bucket delete': objects.deleteObjects,
  'PUT object': (call) =>
    call.headers['x-amz-copy-source'] ? objects.copyObject(call) : objects.putObject(call),
  'GET object': objects.getObject,
  'HEAD object': objects.headObject,
  'DELETE object': objects.deleteObject,
  'POST object uploads': uploads.createMultipartUpload,
  'PUT object uploadId': uploads.uploadPart,
  'POST object uploadId': uploads.completeMultipartUpload,
  'DELETE object uploadId': uploads.abortMultipartUpload,
}

// Names of operations that are not emulated and that do not follow from method, level and parameter.
const names: Readonly<Record<string, string>> = {
  'POST bucket': 'PostObject',
  'GET bucket uploads': 'ListMultipartUploads',
  'GET object uploadId': 'ListParts',
  'GET bucket versions': 'ListObjectVersions',
  'GET bucket notification': 'GetBucketNotificationConfiguration',
  'PUT bucket notification': 'PutBucketNotificationConfiguration',
}

/** The operation that a request asks for: its code, or when it is not emulated its name; neither for an unknown method. */
export function findOperation(
  method: string,
  { bucket, key }: Target,
  query: URLSearchParams,
): { readonly run?: Operation; readonly name?: string } {
  const level = bucket === '' ? 'service' : key === '' ? 'bucket' : 'object'
  const subresource = query.has('uploadId')
    ? 'uploadId'
    : [...query].find(([name, value]) => value === '' && !mayBeEmpty.test(name))?.[0]
  const route = [method, level, ...(subresource ? [subresource] : [])].join(' ')
  const run = Object.hasOwn(operations, route) ? operations[route] : undefined
  const verb = { GET: 'Get', HEAD: 'Head', PUT: 'Put', POST: 'Post', DELETE: 'Delete' }[method]
  if (run || verb === undefined) return { run }
  return { name: names[route] ?? `${verb}${capital(level)}${capital(subresource ?? '')}` }
}

const capital = (words: string): string =>
  words.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())
