import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeChecksummer } from '#localstack/s3/checksums.ts'
import { failure, startTestS3 } from './start-test-s3.ts'

let s3: Awaited<ReturnType<typeof startTestS3>>
const Bucket = 'uploads'
const first = Buffer.alloc(5 * 1024 ** 2, 'first ')
const second = Buffer.from('the end')
const whole = Buffer.concat([first, second])

beforeAll(async () => {
  s3 = await startTestS3()
  await s3.client.send(new CreateBucketCommand({ Bucket }))
})
afterAll(() => s3.stop())

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest()

async function begin(Key: string, more: Partial<CreateMultipartUploadCommandInput> = {}) {
  const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }))
  const part = async (PartNumber: number, Body: Uint8Array) => {
    const answer = await s3.client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }))
    return { PartNumber, ETag: answer.ETag, ChecksumCRC32: answer.ChecksumCRC32 }
  }
  const complete = (Parts: object[], conditions: object = {}) =>
    s3.client.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key,
        UploadId,
        MultipartUpload: { Parts },
        ...conditions,
      }),
    )
  return { Bucket, Key, UploadId, part, complete }
}

async function read(Key: string): Promise<Buffer> {
  const { Body } = await s3.client.send(new GetObjectCommand({ Bucket, Key }))
  return Buffer.from(await Body!.transformToByteArray())
}

describe('a multipart upload', () => {
  it('62. becomes one object of its parts in order, with the ETag of parts and one event', async () => {
    const upload = await begin('joined', {
      ChecksumAlgorithm: 'CRC32',
      ContentType: 'text/plain',
      Metadata: { a: 'b' },
    })
    const end = await upload.part(7, second)
    await upload.part(2, second)
    const start = await upload.part(2, first) // replaces the one before
    expect((await s3.client.send(new ListObjectsV2Command({ Bucket, Prefix: 'joined' }))).KeyCount).toBe(0)
    const { ETag } = await upload.complete([start, end])
    const eTag = `${md5(Buffer.concat([md5(first), md5(second)])).toString('hex')}-2`
    expect(ETag).toBe(`"${eTag}"`)
    expect((await read('joined')).equals(whole)).toBe(true)
    const head = await s3.client.send(
      new HeadObjectCommand({ Bucket, Key: 'joined', ChecksumMode: 'ENABLED' }),
    )
    expect(head).toMatchObject({
      ContentType: 'text/plain',
      Metadata: { a: 'b' },
      ContentLength: whole.length,
      ETag,
    })
    expect(head).toMatchObject({ ChecksumType: 'COMPOSITE', ChecksumCRC32: expect.stringMatching(/==-2$/) })
    expect(s3.changes.filter(({ key }) => key === 'joined')).toMatchObject([
      { eventName: 'ObjectCreated:CompleteMultipartUpload', size: whole.length, eTag },
    ])
  })

  it('may carry a checksum of the whole', async () => {
    const checksummer = makeChecksummer('crc32')
    checksummer.update(whole)
    const ChecksumCRC32 = checksummer.digest()
    const upload = await begin('full', { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' })
    const parts = [await upload.part(1, first), await upload.part(2, second)]
    const wrong = upload.complete(parts, { ChecksumType: 'FULL_OBJECT', ChecksumCRC32: 'AAAAAA==' })
    expect(await failure(wrong)).toMatchObject({ name: 'BadDigest' })
    const right = await upload.complete(parts, { ChecksumType: 'FULL_OBJECT', ChecksumCRC32 })
    expect(right).toMatchObject({ ChecksumCRC32, ChecksumType: 'FULL_OBJECT' })
    expect((await read('full')).equals(whole)).toBe(true)
  })

  it('can be completed again, when the answer got lost', async () => {
    const upload = await begin('again')
    const parts = [await upload.part(1, second)]
    const { ETag } = await upload.complete(parts, { IfNoneMatch: '*' })
    expect(await upload.complete(parts, { IfNoneMatch: '*' })).toMatchObject({ ETag })
    expect(s3.changes.filter(({ key }) => key === 'again')).toHaveLength(1)
  })

  it('goes on after a restart, which removes what a crash left of completed ones', async () => {
    const own = await startTestS3()
    const send = { Bucket, Key: 'resumed' }
    await own.client.send(new CreateBucketCommand({ Bucket }))
    const create = new CreateMultipartUploadCommand(send)
    const [open, completed] = [await own.client.send(create), await own.client.send(create)]
    const uploads = join(own.directory, 'buckets', Bucket, 'uploads')
    await cp(join(uploads, completed.UploadId!), join(own.directory, 'kept'), { recursive: true })
    const finish = async (client: typeof own.client, UploadId?: string) => {
      const part = await client.send(
        new UploadPartCommand({ ...send, UploadId, PartNumber: 1, Body: second }),
      )
      const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: part.ETag }] }
      await client.send(new CompleteMultipartUploadCommand({ ...send, UploadId, MultipartUpload }))
    }
    await finish(own.client, completed.UploadId)
    await own.end()
    await rename(join(own.directory, 'kept'), join(uploads, completed.UploadId!))
    await mkdir(join(uploads, 'begun'))
    const again = await startTestS3({ directory: own.directory })
    expect(await readdir(uploads)).toEqual([open.UploadId])
    await finish(again.client, open.UploadId)
    expect(await readdir(uploads)).toEqual([])
    await again.stop()
  })

  it('is completed under a condition', async () => {
    const upload = await begin('taken')
    const parts = [await upload.part(1, second)]
    await s3.client.send(new PutObjectCommand({ Bucket, Key: 'taken', Body: 'first' }))
    expect(await failure(upload.complete(parts, { IfNoneMatch: '*' }))).toMatchObject({
      name: 'PreconditionFailed',
      status: 412,
    })
    expect((await read('taken')).toString()).toBe('first')
  })

  it('refuses parts that are missing, changed, too small or out of order', async () => {
    const upload = await begin('refused')
    const one = await upload.part(1, second)
    const two = await upload.part(2, second)
    const name = async (parts: object[]) => (await failure(upload.complete(parts))).name
    expect(await name([one, two])).toBe('EntityTooSmall')
    expect(await name([two, one])).toBe('InvalidPartOrder')
    expect(await name([{ ...two, PartNumber: 3 }])).toBe('InvalidPart')
    expect(await name([{ ...one, ETag: '"0"' }])).toBe('InvalidPart')
    expect(await name([{ ...one, ChecksumCRC32: 'AAAAAA==' }])).toBe('InvalidPart')
    expect(await name([])).toBe('MalformedXML')
    expect((await failure(upload.part(0, second))).name).toBe('InvalidArgument')
    expect((await failure(upload.part(10_001, second))).name).toBe('InvalidArgument')
  })

  it('can be given up, and is unknown then', async () => {
    const { Key, UploadId, part, complete } = await begin('given up')
    const one = await part(1, second)
    const abort = (id = UploadId) =>
      s3.client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId: id }))
    await abort()
    for (const call of [
      () => part(1, second),
      () => complete([one]),
      () => abort(),
      () => abort('../../uploads'),
    ]) {
      expect(await failure(call())).toMatchObject({ name: 'NoSuchUpload', status: 404 })
    }
    expect(await readdir(join(s3.directory, 'temporary'))).toEqual([])
  })
})
