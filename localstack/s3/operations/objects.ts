import { parseRange } from '../byte-range.ts'
import { checkWrite, judgeRead, preconditionFailed, readConditions } from '../conditions.ts'
import { S3Error } from '../errors.ts'
import type { ObjectMetadata, StoredObject } from '../object-file.ts'
import { objectHeaders, overriddenHeaders } from '../object-headers.ts'
import { bodyOf, readClaims, receiveBody, receiveText, wantedChecksum } from '../request-body.ts'
import { childText, malformed, parseXml, type XmlNode } from '../xml.ts'
import { type Answer, type Call, checksumHeaders, checksumNodes, isoTime, quoted, xmlAnswer } from './call.ts'

const mostDeletions = 1000 // in one DeleteObjects

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
export async function putObject({
  request,
  headers,
  store,
  bucket: name,
  key,
  changed,
}: Call): Promise<Answer> {
  const bucket = store.bucket(name)
  const conditions = readConditions(headers)
  const claims = readClaims(headers)
  const kept = objectHeaders(headers)
  checkWrite(conditions, bucket.objects.get(key)) // spares the body; what counts is the check when it is published
  const draft = await store.draft()
  try {
    const { md5, checksum } = await receiveBody(bodyOf(request), claims, (bytes) => draft.write(bytes))
    const metadata = await draft.seal({ key, eTag: md5, lastModifiedMs: Date.now(), headers: kept, checksum })
    changed(
      'ObjectCreated:Put',
      await store.publish(bucket, draft, metadata, (now) => checkWrite(conditions, now)),
    )
    return { status: 200, headers: { etag: quoted(md5), ...checksumHeaders(checksum) } }
  } finally {
    await draft.discard()
  }
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
  for (const name of ['versionId', 'partNumber']) {
    if (query.has(name) && query.get(name) !== 'null')
      throw new S3Error('NotImplemented', `${name} is not emulated`)
  }
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

export const invalidRange = (range: string, size: number): S3Error =>
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
  if (query.has('versionId') && query.get('versionId') !== 'null') {
    throw new S3Error('NotImplemented', 'versionId is not emulated')
  }
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
  const results: XmlNode[] = []
  for (const entry of entries) {
    const key = childText(entry, 'Key')
    if (!key) throw malformed()
    try {
      const ifMatch = childText(entry, 'ETag')
      const version = childText(entry, 'VersionId')
      if (version && version !== 'null') throw new S3Error('NotImplemented', 'VersionId is not emulated')
      const change = await store.remove(bucket, key, (current) => checkWrite({ ifMatch }, current))
      if (change) changed('ObjectRemoved:Delete', change)
      if (!quiet) results.push(['Deleted', [['Key', key]]])
    } catch (error) {
      if (!(error instanceof S3Error)) throw error
      results.push([
        'Error',
        [
          ['Key', key],
          ['Code', error.code],
          ['Message', error.message],
        ],
      ])
    }
  }
  return xmlAnswer(['DeleteResult', results])
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html */
export async function copyObject(call: Call): Promise<Answer> {
  const { headers, store, bucket: name, key, changed } = call
  const bucket = store.bucket(name)
  const directive = headers['x-amz-metadata-directive']?.toString().toUpperCase() ?? 'COPY'
  const replaced = objectHeaders(headers)
  const conditions = readConditions(headers)
  const wanted = wantedChecksum(headers)
  const source = await openCopySource(call)
  const draft = await store.draft()
  try {
    if (source.bucket === name && source.key === key && directive !== 'REPLACE') {
      throw new S3Error(
        'InvalidRequest',
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata.",
      )
    }
    const previous = source.object.metadata
    const checksumName = wanted ?? previous.checksum?.name
    const claims = { framed: false, checksum: checksumName && { name: checksumName } }
    const { md5, checksum } = await receiveBody(source.object.read(), claims, (bytes) => draft.write(bytes))
    const kept = directive === 'REPLACE' ? replaced : previous.headers
    const metadata = await draft.seal({ key, eTag: md5, lastModifiedMs: Date.now(), headers: kept, checksum })
    changed(
      'ObjectCreated:Copy',
      await store.publish(bucket, draft, metadata, (now) => checkWrite(conditions, now)),
    )
    return xmlAnswer([
      'CopyObjectResult',
      [['ETag', quoted(md5)], ['LastModified', isoTime(metadata.lastModifiedMs)], ...checksumNodes(checksum)],
    ])
  } finally {
    await source.object.close()
    await draft.discard()
  }
}

/** Opens what `x-amz-copy-source` names, under the conditions on it. The caller closes it. */
export async function openCopySource({
  headers,
  store,
}: Call): Promise<{ bucket: string; key: string; object: StoredObject }> {
  const [path = '', version] = (headers['x-amz-copy-source']?.toString() ?? '').split('?versionId=')
  if (version !== undefined && version !== 'null')
    throw new S3Error('NotImplemented', 'versionId is not emulated')
  const decoded = decodeCopySource(path).replace(/^\//, '')
  const slash = decoded.indexOf('/')
  if (slash < 1 || slash === decoded.length - 1) {
    throw new S3Error('InvalidArgument', 'Invalid copy source object key', {
      ArgumentName: 'x-amz-copy-source',
      ArgumentValue: path,
    })
  }
  const bucket = decoded.slice(0, slash)
  const key = decoded.slice(slash + 1)
  const object = await store.object(store.bucket(bucket), key)
  if (judgeRead(readConditions(headers, 'x-amz-copy-source-'), object.metadata) !== 'go on') {
    await object.close()
    throw preconditionFailed('x-amz-copy-source-If-')
  }
  return { bucket, key, object }
}

function decodeCopySource(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw new S3Error('InvalidArgument', 'x-amz-copy-source is not URL-encoded UTF-8')
  }
}
