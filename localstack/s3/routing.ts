import * as buckets from './operations/buckets.ts'
import type { Operation } from './operations/call.ts'
import * as lists from './operations/lists.ts'
import * as objects from './operations/objects.ts'
import * as uploads from './operations/uploads.ts'

/** Where a request goes to. `bucket` and `key` are empty for the levels above them. */
export type Target = { readonly bucket: string; readonly key: string }

/**
 * Takes the request target and the Host header apart. The path is taken as it stands: `//`, `.` and `..` belong to keys.
 * Undefined for a path that is not URL-encoded UTF-8. Both `host/bucket/key` and `bucket.localhost/key` are understood.
 */
export function readTarget(
  url: string,
  host: string,
): (Target & { readonly query: URLSearchParams }) | undefined {
  const [, path = '', query = ''] = /^(?:https?:\/\/[^/?]*)?([^?]*)\??(.*)$/s.exec(url) ?? []
  const virtual = /^([a-z0-9][a-z0-9.-]*)\.(?:localhost|127\.0\.0\.1)(?::\d+)?$/i.exec(host)?.[1]
  try {
    const decoded = decodeURIComponent(path.replace(/^\//, ''))
    const slash = decoded.indexOf('/')
    const target = virtual
      ? { bucket: virtual, key: decoded }
      : slash < 0
        ? { bucket: decoded, key: '' }
        : { bucket: decoded.slice(0, slash), key: decoded.slice(slash + 1) }
    return { ...target, query: new URLSearchParams(query) }
  } catch {
    return undefined
  }
}

// Parameters that make another operation of the same method and path. One a request.
const subresources = [
  ...[
    'abac',
    'accelerate',
    'acl',
    'analytics',
    'attributes',
    'cors',
    'delete',
    'encryption',
    'intelligent-tiering',
  ],
  ...[
    'inventory',
    'legal-hold',
    'lifecycle',
    'location',
    'logging',
    'metadataConfiguration',
    'metadataTable',
    'metrics',
  ],
  ...[
    'notification',
    'object-lock',
    'ownershipControls',
    'policy',
    'policyStatus',
    'publicAccessBlock',
    'renameObject',
  ],
  ...[
    'replication',
    'requestPayment',
    'restore',
    'retention',
    'select',
    'session',
    'tagging',
    'torrent',
    'uploadId',
  ],
  ...['uploads', 'versioning', 'versions', 'website'],
]

const operations: Readonly<Record<string, Operation>> = {
  'GET service': buckets.listBuckets,
  'PUT bucket': buckets.createBucket,
  'HEAD bucket': buckets.headBucket,
  'DELETE bucket': buckets.deleteBucket,
  'GET bucket location': buckets.getBucketLocation,
  'GET bucket': (call) =>
    call.query.get('list-type') === '2' ? lists.listObjectsV2(call) : lists.listObjects(call),
  'POST bucket delete': objects.deleteObjects,
  'PUT object': (call) =>
    call.headers['x-amz-copy-source'] ? objects.copyObject(call) : objects.putObject(call),
  'GET object': objects.getObject,
  'HEAD object': objects.headObject,
  'DELETE object': objects.deleteObject,
  'POST object uploads': uploads.createMultipartUpload,
  'PUT object uploadId': (call) =>
    call.headers['x-amz-copy-source'] ? uploads.uploadPartCopy(call) : uploads.uploadPart(call),
  'POST object uploadId': uploads.completeMultipartUpload,
  'DELETE object uploadId': uploads.abortMultipartUpload,
  'GET object uploadId': uploads.listParts,
}

// Names of operations that are not emulated and that do not follow from method, level and parameter.
const names: Readonly<Record<string, string>> = {
  'POST bucket': 'PostObject',
  'GET bucket uploads': 'ListMultipartUploads',
  'GET bucket versions': 'ListObjectVersions',
  'GET bucket session': 'CreateSession',
  'GET bucket notification': 'GetBucketNotificationConfiguration',
  'PUT bucket notification': 'PutBucketNotificationConfiguration',
  'GET bucket lifecycle': 'GetBucketLifecycleConfiguration',
  'PUT bucket lifecycle': 'PutBucketLifecycleConfiguration',
  'POST object restore': 'RestoreObject',
  'POST object select': 'SelectObjectContent',
}

/** The operation that a request asks for: its code, or when it is not emulated its name; neither for an unknown method. */
export function findOperation(
  method: string,
  { bucket, key }: Target,
  query: URLSearchParams,
): { readonly run?: Operation; readonly name?: string } {
  const level = bucket === '' ? 'service' : key === '' ? 'bucket' : 'object'
  const subresource = subresources.find((name) => query.has(name))
  const route = [method, level, ...(subresource ? [subresource] : [])].join(' ')
  const run = Object.hasOwn(operations, route) ? operations[route] : undefined
  const verb = { GET: 'Get', HEAD: 'Head', PUT: 'Put', POST: 'Post', DELETE: 'Delete' }[method]
  if (run || verb === undefined) return { run }
  return { name: names[route] ?? `${verb}${capital(level)}${capital(subresource ?? '')}` }
}

const capital = (words: string): string =>
  words.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())
