import { parseRange } from '../byte-range.ts'
import { checkWrite, judgeRead, preconditionFailed, readConditions } from '../conditions.ts'
import { S3Error } from '../errors.ts'
import type { ObjectMetadata } from '../object-file.ts'
import { objectHeaders, overriddenHeaders } from '../object-headers.ts'
import { bodyOf, readClaims, receiveBody, receiveText, wantedChecksum } from '../request-body.ts'
import { childText, malformed, parseXml, type XmlFields } from '../xml.ts'
import {
  type Answer,
  type Call,
  checksumFields,
  checksumHeaders,
  isoTime,
  quoted,
  xmlAnswer,
} from './call.ts'

const mostDeletions = 1000 // in one DeleteObjects

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
export async function putObject(call: Call): Promise<Answer> {
  const { request, headers, store, key, changed } = call
  const bucket = store.bucket(call.bucket)
  const conditions = readConditions(headers)
  const claims = readClaims(headers)
  const kept = objectHeaders(headers)
  checkWrite(conditions, bucket.objects.get(key)) // spares the body; what counts is the check when it is published
  return store.withDraft(async (draft) => {
    const { md5, checksum } = await receiveBody(bodyOf(request), claims, (bytes) => draft.write(bytes))
    const metadata = await draft.seal({ key, eTag: md5, lastModifiedMs: Date.now(), headers: kept, checksum })
    const change = await store.publish(bucket, draft, metadata, (current) => checkWrite(conditions, current))
    changed('ObjectCreated:Put', change)
    return { status: 200, headers: { etag: quoted(md5), ...checksumHeaders(checksum) } }
  })
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html */
export async function getObject(call: Call): Promise<Answer> {
  const object = await call.store.object(call.store.bucket(call.bucket), call.key)
  try {
    const answer = readAnswer(call, object.metadata)
    if (answer.length === undefined) {
      await object.close()
      return answer
    }
    return { ...answer, content: { object, start: answer.start, length: answer.length } }
  } catch (error) {
    await object.close()
    throw error
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html */
export async function headObject(call: Call): Promise<Answer> {
  const object = await call.store.object(call.store.bucket(call.bucket), call.key)
  await object.close()
  return readAnswer(call, object.metadata)
}

/** Status and headers of GET and HEAD, and which bytes to send; without a length none. */
function readAnswer({ headers, query }: Call, metadata: ObjectMetadata) {
  refuseVersion(query.get('versionId'))
  if (query.has('partNumber')) throw new S3Error('NotImplemented', 'Reading by partNumber is not emulated')
  const { size, eTag, lastModifiedMs, checksum } = metadata
  const identity = { etag: quoted(eTag), 'last-modified': new Date(lastModifiedMs).toUTCString() }
  const verdict = judgeRead(readConditions(headers), metadata)
  if (verdict === 'failed') throw preconditionFailed(headers['if-match'] ? 'If-Match' : 'If-Unmodified-Since')
  if (verdict === 'not modified') return { status: 304, headers: identity, start: 0 }
  const range = parseRange(headers.range, size)
  if (range === 'unsatisfiable') throw invalidRange(headers.range ?? '', size)
  const whole = range === 'whole'
  const { start, length } = whole ? { start: 0, length: size } : range
  return {
    status: whole ? 200 : 206,
    headers: {
      ...metadata.headers,
      ...overriddenHeaders(query),
      ...identity,
      'accept-ranges': 'bytes',
      'content-length': length,
      ...(whole ? {} : { 'content-range': `bytes ${start}-${start + length - 1}/${size}` }),
      // The checksum is of all bytes: with a part of them clients would find it wrong.
      ...(whole && headers['x-amz-checksum-mode']?.toString().toUpperCase() === 'ENABLED'
        ? checksumHeaders(checksum)
        : {}),
    },
    start,
    length,
  }
}

const invalidRange = (range: string, size: number): S3Error =>
  new S3Error('InvalidRange', 'The requested range is not satisfiable', {
    RangeRequested: range,
    ActualObjectSize: size,
  })

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html: removing what is not there succeeds. */
export async function deleteObject({
  headers,
  query,
  store,
  bucket: name,
  key,
  changed,
}: Call): Promise<Answer> {
  refuseVersion(query.get('versionId'))
  const { ifMatch } = readConditions(headers)
  const change = await store.remove(store.bucket(name), key, (current) => checkWrite({ ifMatch }, current))
  if (change) changed('ObjectRemoved:Delete', change)
  return { status: 204 }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
export async function deleteObjects({ request, store, bucket: name, changed }: Call): Promise<Answer> {
  const bucket = store.bucket(name)
  const document = parseXml(await receiveText(request, readClaims(request.headers)))
  const entries = document.children.filter((child) => child.name === 'Object')
  if (document.name !== 'Delete' || entries.length === 0 || entries.length > mostDeletions) throw malformed()
  const quiet = childText(document, 'Quiet')?.trim() === 'true'
  const deleted: XmlFields[] = []
  const failed: XmlFields[] = []
  for (const entry of entries) {
    const key = childText(entry, 'Key')
    if (!key) throw malformed()
    try {
      const ifMatch = childText(entry, 'ETag')
      refuseVersion(childText(entry, 'VersionId'))
      const change = await store.remove(bucket, key, (current) => checkWrite({ ifMatch }, current))
      if (change) changed('ObjectRemoved:Delete', change)
      if (!quiet) deleted.push({ Key: key })
    } catch (error) {
      if (!(error instanceof S3Error)) throw error
      failed.push({ Key: key, Code: error.code, Message: error.message })
    }
  }
  return xmlAnswer('DeleteResult', { Deleted: deleted, Error: failed })
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html */
export async function copyObject(call: Call): Promise<Answer> {
  const { headers, store, key, changed } = call
  const bucket = store.bucket(call.bucket)
  const replaces = headers['x-amz-metadata-directive']?.toString().toUpperCase() === 'REPLACE'
  const replaced = objectHeaders(headers)
  const conditions = readConditions(headers)
  const wanted = wantedChecksum(headers)
  const from = readCopySource(headers['x-amz-copy-source']?.toString() ?? '')
  if (from.bucket === bucket.name && from.key === key && !replaces) {
    throw new S3Error(
      'InvalidRequest',
      'An object can only be copied to itself with x-amz-metadata-directive: REPLACE',
    )
  }
  const source = await store.object(store.bucket(from.bucket), from.key)
  try {
    const verdict = judgeRead(readConditions(headers, 'x-amz-copy-source-'), source.metadata)
    if (verdict !== 'go on') throw preconditionFailed('x-amz-copy-source-If-')
    return await store.withDraft(async (draft) => {
      const name = wanted ?? source.metadata.checksum?.name
      const claims = { framed: false, checksum: name && { name } }
      const { md5, checksum } = await receiveBody(source.read(), claims, (bytes) => draft.write(bytes))
      const lastModifiedMs = Date.now()
      const kept = replaces ? replaced : source.metadata.headers
      const metadata = await draft.seal({ key, eTag: md5, lastModifiedMs, headers: kept, checksum })
      const change = await store.publish(bucket, draft, metadata, (now) => checkWrite(conditions, now))
      changed('ObjectCreated:Copy', change)
      return xmlAnswer('CopyObjectResult', {
        ETag: quoted(md5),
        LastModified: isoTime(lastModifiedMs),
        ...checksumFields(checksum),
      })
    })
  } finally {
    await source.close()
  }
}

/** The object that `x-amz-copy-source` names. */
function readCopySource(header: string): { readonly bucket: string; readonly key: string } {
  const [path = '', version] = header.split('?versionId=')
  refuseVersion(version)
  try {
    const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(decodeURIComponent(path)) ?? []
    if (bucket && key) return { bucket, key }
  } catch {
    // not URL-encoded UTF-8
  }
  throw new S3Error('InvalidArgument', 'Invalid copy source object key', {
    ArgumentName: 'x-amz-copy-source',
    ArgumentValue: header,
  })
}

/** There are no versions; `null` is the name of the one that an object without versions has. */
function refuseVersion(version: string | null | undefined): void {
  if (version && version !== 'null') throw new S3Error('NotImplemented', 'Versions are not emulated')
}
