import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../errors.ts'
import {
  type Checksum,
  type ChecksumName,
  checksumNames,
  compositeChecksum,
  makeChecksummer,
} from '../checksums.ts'
import { checkWrite, readConditions } from '../conditions.ts'
import { S3Error } from '../errors.ts'
import { type Draft, readMetadataSync, StoredObject } from '../object-file.ts'
import { objectHeaders } from '../object-headers.ts'
import {
  bodyOf,
  readClaims,
  readTransfer,
  receiveBody,
  receiveText,
  wantedChecksum,
} from '../request-body.ts'
import { newUploadId, syncFolder } from '../storage.ts'
import { childText, malformed, parseXml, type XmlElement } from '../xml.ts'
import { type Answer, type Call, checksumFields, checksumHeaders, quoted, xmlAnswer } from './call.ts'

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const mostParts = 10_000
const smallestPart = 5 * 1024 ** 2 // bytes; the last part may be smaller

/** `upload.json`. */
type Upload = {
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly checksum?: { readonly name: ChecksumName; readonly type: Checksum['type'] }
}

type Part = { readonly number: number; readonly eTag: string; readonly checksum?: string }

export async function createMultipartUpload({ headers, store, bucket: name, key }: Call): Promise<Answer> {
  const bucket = store.bucket(name)
  const algorithm = wantedChecksum(headers)
  const type =
    headers['x-amz-checksum-type']?.toString() ?? (algorithm === 'crc64nvme' ? 'FULL_OBJECT' : 'COMPOSITE')
  if (type !== 'FULL_OBJECT' && type !== 'COMPOSITE') {
    throw new S3Error('InvalidRequest', 'Value for x-amz-checksum-type header is invalid.')
  }
  const checksum: Upload['checksum'] = algorithm && { name: algorithm, type }
  const upload: Upload = { key, headers: objectHeaders(headers), checksum }
  const id = newUploadId()
  const folder = join(bucket.folder, 'uploads', id)
  await mkdir(folder)
  await writeFile(join(folder, 'upload.json.new'), JSON.stringify(upload), { flush: true })
  await rename(join(folder, 'upload.json.new'), join(folder, 'upload.json'))
  await syncFolder(folder)
  const told = checksum && {
    'x-amz-checksum-algorithm': checksum.name.toUpperCase(),
    'x-amz-checksum-type': checksum.type,
  }
  return xmlAnswer('InitiateMultipartUploadResult', { Bucket: name, Key: key, UploadId: id }, told)
}

export async function uploadPart(call: Call): Promise<Answer> {
  const { request, headers, store, query, key } = call
  if (headers['x-amz-copy-source']) throw new S3Error('NotImplemented', 'UploadPartCopy is not emulated')
  const number = Number(query.get('partNumber'))
  if (!Number.isInteger(number) || number < 1 || number > mostParts) {
    throw new S3Error('InvalidArgument', `partNumber has to be a whole number from 1 to ${mostParts}`)
  }
  const { folder, upload } = await openUpload(call)
  const claims = readClaims(headers)
  const wanted = upload.checksum?.name
  const given = claims.checksum?.name
  if (given && wanted && given !== wanted) {
    const what = `Checksum Type mismatch: the upload uses ${wanted}, the part ${given}`
    throw new S3Error('InvalidRequest', what)
  }
  return store.withDraft(async (draft) => {
    const complete = { ...claims, checksum: claims.checksum ?? (wanted && { name: wanted }) }
    const { md5, checksum } = await receiveBody(bodyOf(request), complete, (bytes) => draft.write(bytes))
    await draft.seal({ key, eTag: md5, lastModifiedMs: Date.now(), headers: {}, checksum })
    await rename(draft.path, partPath(folder, number)).catch(noSuchUploadIfGone)
    await syncFolder(folder)
    const { 'x-amz-checksum-type': _, ...told } = checksumHeaders(checksum)
    return { status: 200, headers: { etag: quoted(md5), ...told } }
  })
}

/**
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html. Repeating it after success answers the
 * same again, as long as the object is still the one that it made.
 */
export async function completeMultipartUpload(call: Call): Promise<Answer> {
  const { request, headers, store, bucket: name, key, query, changed } = call
  const bucket = store.bucket(name)
  const uploadId = query.get('uploadId') ?? ''
  const conditions = readConditions(headers)
  const parts = readParts(parseXml(await receiveText(request, readTransfer(headers)))) // a checksum here is the object's
  const done = () => bucket.objects.get(key)?.uploadId === uploadId
  const answer = (eTag: string, checksum?: Checksum) =>
    xmlAnswer('CompleteMultipartUploadResult', {
      Location: `http://${headers.host}/${name}/${encodeURIComponent(key)}`,
      Bucket: name,
      Key: key,
      ETag: quoted(eTag),
      ...checksumFields(checksum),
    })
  if (done()) return answer(bucket.objects.get(key)!.eTag)
  const { folder, upload } = await openUpload(call)
  checkWrite(conditions, bucket.objects.get(key))
  return store.withDraft(async (draft) => {
    const { eTag, checksum } = await joinParts(draft, folder, parts, upload.checksum)
    checkWholeChecksum(call, checksum)
    const lastModifiedMs = Date.now()
    const metadata = await draft.seal({
      key,
      eTag,
      lastModifiedMs,
      headers: upload.headers,
      checksum,
      uploadId,
    })
    const change = await store.publish(bucket, draft, metadata, (current) => {
      if (current?.uploadId !== uploadId) checkWrite(conditions, current)
    })
    changed('ObjectCreated:CompleteMultipartUpload', change)
    await rm(folder, { recursive: true, force: true })
    return answer(eTag, checksum)
  })
}

/** Writes the parts one after the other into the draft. All are checked before the first byte is written. */
async function joinParts(draft: Draft, folder: string, parts: readonly Part[], wanted: Upload['checksum']) {
  const found = parts.map((part, index) => {
    const metadata = readPart(folder, part.number)
    const wrong =
      metadata?.eTag !== part.eTag || (part.checksum && part.checksum !== metadata?.checksum?.value)
    if (!metadata || wrong) {
      throw new S3Error(
        'InvalidPart',
        'One or more of the specified parts could not be found or did not match.',
        {
          PartNumber: part.number,
          ETag: part.eTag,
        },
      )
    }
    if (metadata.size < smallestPart && index < parts.length - 1) {
      throw new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
        ProposedSize: metadata.size,
        MinSizeAllowed: smallestPart,
        PartNumber: part.number,
      })
    }
    return metadata
  })
  const eTags = createHash('md5')
  const whole = wanted?.type === 'FULL_OBJECT' ? makeChecksummer(wanted.name) : undefined
  for (const [index, { eTag }] of found.entries()) {
    eTags.update(Buffer.from(eTag, 'hex'))
    const part = await StoredObject.open(partPath(folder, parts[index]!.number)).catch(noSuchUploadIfGone)
    try {
      for await (const bytes of part.read()) {
        whole?.update(bytes)
        await draft.write(bytes)
      }
    } finally {
      await part.close()
    }
  }
  const eTag = `${eTags.digest('hex')}-${parts.length}`
  if (!wanted) return { eTag }
  const checksums = found.map(({ checksum }) => checksum?.value ?? '')
  const checksum: Checksum = whole
    ? { name: wanted.name, value: whole.digest(), type: 'FULL_OBJECT' }
    : compositeChecksum(wanted.name, checksums)
  return { eTag, checksum }
}

/** A checksum that the client gives for the whole object has to be the one that was computed. */
function checkWholeChecksum({ headers }: Call, checksum: Checksum | undefined): void {
  for (const name of checksumNames) {
    const claimed = headers[`x-amz-checksum-${name}`]?.toString()
    if (
      claimed === undefined ||
      (checksum?.name === name && checksum.value.split('-')[0] === claimed.split('-')[0])
    )
      continue
    throw new S3Error(
      'BadDigest',
      `The ${name.toUpperCase()} you specified did not match the calculated checksum.`,
    )
  }
}

export async function abortMultipartUpload(call: Call): Promise<Answer> {
  const { folder } = await openUpload(call)
  await rm(folder, { recursive: true, force: true })
  return { status: 204 }
}

/** The folder and description of the upload that a call names. Throws `NoSuchUpload`. */
async function openUpload({ store, bucket, key, query }: Call): Promise<{ folder: string; upload: Upload }> {
  const id = query.get('uploadId') ?? ''
  if (!/^[0-9a-f]{32}$/.test(id)) throw noSuchUpload()
  const folder = join(store.bucket(bucket).folder, 'uploads', id)
  const upload: Upload = JSON.parse(
    await readFile(join(folder, 'upload.json'), 'utf8').catch(noSuchUploadIfGone),
  )
  if (upload.key !== key) throw noSuchUpload()
  return { folder, upload }
}

const partPath = (folder: string, number: number): string =>
  join(folder, `part-${String(number).padStart(5, '0')}`)

function readPart(folder: string, number: number) {
  try {
    return readMetadataSync(partPath(folder, number))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function readParts(document: XmlElement): readonly Part[] {
  const parts = document.children.flatMap((child): Part[] => {
    if (child.name !== 'Part') return []
    const number = childText(child, 'PartNumber')?.trim() ?? ''
    const eTag = childText(child, 'ETag')?.trim().replaceAll('"', '')
    if (!/^\d{1,5}$/.test(number) || !eTag) throw malformed()
    const checksum = checksumNames
      .map((name) => childText(child, `Checksum${name.toUpperCase()}`))
      .find(Boolean)
    return [{ number: Number(number), eTag, ...(checksum && { checksum }) }]
  })
  if (document.name !== 'CompleteMultipartUpload' || parts.length === 0 || parts.length > mostParts)
    throw malformed()
  if (parts.some((part, index) => index > 0 && part.number <= parts[index - 1]!.number)) {
    throw new S3Error('InvalidPartOrder', 'The list of parts was not in ascending order.')
  }
  return parts
}

const noSuchUpload = (): S3Error =>
  new S3Error(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  )

function noSuchUploadIfGone(error: unknown): never {
  throw systemCode(error) === 'ENOENT' ? noSuchUpload() : error
}
