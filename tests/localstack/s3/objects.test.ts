import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { failure, startTestS3 } from './start-test-s3.ts'

let s3: Awaited<ReturnType<typeof startTestS3>>
const Bucket = 'lake'

beforeAll(async () => {
  s3 = await startTestS3()
  await s3.client.send(new CreateBucketCommand({ Bucket }))
})
afterAll(() => s3.stop())

const put = (Key: string, Body: string, more: object = {}) =>
  s3.client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }))
const get = (Key: string, more: object = {}) => s3.client.send(new GetObjectCommand({ Bucket, Key, ...more }))
const text = async (Key: string, more: object = {}) => (await get(Key, more)).Body!.transformToString()

describe('buckets', () => {
  it('are created, listed, found and removed', async () => {
    await s3.client.send(new CreateBucketCommand({ Bucket: 'other.one' }))
    const { Buckets } = await s3.client.send(new ListBucketsCommand({}))
    expect(Buckets?.map(({ Name }) => Name)).toEqual(['lake', 'other.one'])
    expect(Date.now() - Buckets![0]!.CreationDate!.getTime()).toBeLessThan(60_000)
    const { BucketRegion } = await s3.client.send(new HeadBucketCommand({ Bucket }))
    expect(BucketRegion).toBe('us-east-1')
    const { LocationConstraint } = await s3.client.send(new GetBucketLocationCommand({ Bucket }))
    expect(LocationConstraint ?? '').toBe('')
    await s3.client.send(new DeleteBucketCommand({ Bucket: 'other.one' }))
    expect(await failure(s3.client.send(new HeadBucketCommand({ Bucket: 'other.one' })))).toMatchObject({
      status: 404,
    })
    expect(await failure(s3.client.send(new DeleteBucketCommand({ Bucket: 'other.one' })))).toMatchObject({
      name: 'NoSuchBucket',
    })
  })

  it('are not removed while they hold an object', async () => {
    await s3.client.send(new CreateBucketCommand({ Bucket: 'full' }))
    await s3.client.send(new PutObjectCommand({ Bucket: 'full', Key: 'a', Body: 'a' }))
    expect(await failure(s3.client.send(new DeleteBucketCommand({ Bucket: 'full' })))).toMatchObject({
      name: 'BucketNotEmpty',
      status: 409,
    })
  })

  it.each(['Capital', 'ab', '127.0.0.1', 'a..b', '..', '-ab'])('refuses the name %s', async (name) => {
    const response = await fetch(`${s3.endpoint}/${encodeURIComponent(name).replaceAll('.', '%2e')}`, {
      method: 'PUT',
    })
    if (name === '..')
      expect(response.status).toBe(501) // fetch resolves it away: PUT /
    else expect(await response.text()).toContain('<Code>InvalidBucketName</Code>')
  })
})

describe('objects', () => {
  it('keep their bytes, type and metadata', async () => {
    const { ETag, ChecksumCRC32, ChecksumType } = await put('a/b.json', '{"é":1}', {
      ContentType: 'application/json',
      ContentEncoding: 'identity',
      CacheControl: 'no-store',
      Metadata: { 'first-offset': '5', hash: 'x y' },
    })
    expect(ETag).toBe(`"${createHash('md5').update('{"é":1}').digest('hex')}"`)
    expect(ChecksumType).toBe('FULL_OBJECT')
    const answer = await get('a/b.json')
    expect(await answer.Body!.transformToString()).toBe('{"é":1}')
    const kept = {
      ContentType: 'application/json',
      ContentEncoding: 'identity',
      CacheControl: 'no-store',
      Metadata: { 'first-offset': '5', hash: 'x y' },
      ContentLength: 8,
      ETag,
    }
    expect(answer).toMatchObject({ ...kept, ChecksumCRC32 })
    const head = await s3.client.send(new HeadObjectCommand({ Bucket, Key: 'a/b.json' }))
    expect(head).toMatchObject(kept)
    expect(head.ChecksumCRC32).toBeUndefined()
    expect(Math.abs(Date.now() - head.LastModified!.getTime())).toBeLessThan(60_000)
  })

  it('may be empty', async () => {
    await put('empty', '')
    expect(await text('empty')).toBe('')
    expect(await failure(get('empty', { Range: 'bytes=0-' }))).toMatchObject({
      name: 'InvalidRange',
      status: 416,
    })
  })

  it('may have any key', async () => {
    const keys = [
      ...[
        'x',
        'x/',
        'x/y',
        'x//y',
        'x/./y',
        'x/../y',
        '../../escape',
        '..',
        '.',
        '/',
        '//',
        '/lead',
        'trail/',
        'a b+c%20d&e=f?g#h',
      ],
      ...[
        'Case',
        'case',
        'con',
        'NUL.txt',
        'dot.',
        'q"<>|*:\\^`{}~@',
        'e\u0301',
        '\u00e9',
        '漢字/𝄞',
        'tab\tline\nreturn\r',
        '\u0001',
      ],
      ...[
        'k'.repeat(1024),
        '/'.repeat(1024),
        '漢'.repeat(341),
        `${'D'.repeat(500)}/${'e'.repeat(500)}`,
        '@long/x@',
        '%',
        '%2e',
      ],
    ]
    await s3.client.send(new CreateBucketCommand({ Bucket: 'keys' }))
    for (const Key of keys)
      await s3.client.send(new PutObjectCommand({ Bucket: 'keys', Key, Body: `<${Key}>` }))
    for (const Key of keys) {
      const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: 'keys', Key }))
      expect(await Body!.transformToString()).toBe(`<${Key}>`)
    }
    const { Contents } = await s3.client.send(
      new ListObjectsV2Command({ Bucket: 'keys', EncodingType: 'url' }),
    )
    const listed = Contents!.map(({ Key }) => decodeURIComponent(Key!.replaceAll('+', ' ')))
    expect(listed).toEqual([...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
    const objects = keys.filter((key) => !key.includes('\u0001')).map((Key) => ({ Key }))
    const { Deleted, Errors } = await s3.client.send(
      new DeleteObjectsCommand({ Bucket: 'keys', Delete: { Objects: objects } }),
    )
    expect(Errors).toBeUndefined()
    expect(Deleted).toEqual(objects)
    await s3.client.send(new DeleteObjectCommand({ Bucket: 'keys', Key: '\u0001' }))
    await s3.client.send(new DeleteBucketCommand({ Bucket: 'keys' }))
  })

  it('have keys of at most 1024 bytes', async () => {
    expect(await failure(put('é'.repeat(513), ''))).toMatchObject({ name: 'KeyTooLongError', status: 400 })
  })

  it('are missing with NoSuchKey on GET and a bare 404 on HEAD', async () => {
    expect(await failure(get('missing'))).toMatchObject({ name: 'NoSuchKey', status: 404 })
    expect(await failure(s3.client.send(new HeadObjectCommand({ Bucket, Key: 'missing' })))).toMatchObject({
      name: 'NotFound',
      status: 404,
    })
    const response = await fetch(`${s3.endpoint}/${Bucket}/missing`, { method: 'HEAD' })
    expect(await response.text()).toBe('')
  })

  it('answer ranges', async () => {
    await put('digits', '0123456789')
    const part = async (Range: string) => {
      const { Body, ContentRange, $metadata } = await get('digits', { Range })
      return [$metadata.httpStatusCode, await Body!.transformToString(), ContentRange]
    }
    expect(await part('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10'])
    expect(await part('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10'])
    expect(await part('bytes=-3')).toEqual([206, '789', 'bytes 7-9/10'])
    expect(await part('bytes=-99')).toEqual([206, '0123456789', 'bytes 0-9/10'])
    expect(await part('bytes=8-99')).toEqual([206, '89', 'bytes 8-9/10'])
    expect(await part('bytes=4-2')).toEqual([200, '0123456789', undefined])
    expect(await failure(part('bytes=10-'))).toMatchObject({ name: 'InvalidRange', status: 416 })
    expect(await failure(part('bytes=-0'))).toMatchObject({ name: 'InvalidRange', status: 416 })
  })

  it('answer conditional reads', async () => {
    const { ETag } = await put('conditional', 'v1')
    const { LastModified } = await get('conditional')
    expect(await text('conditional', { IfMatch: ETag })).toBe('v1')
    expect(await failure(get('conditional', { IfMatch: '"other"' }))).toMatchObject({
      name: 'PreconditionFailed',
      status: 412,
    })
    expect(await failure(get('conditional', { IfNoneMatch: ETag }))).toMatchObject({ status: 304 })
    expect(await text('conditional', { IfNoneMatch: '"other"' })).toBe('v1')
    expect(await failure(get('conditional', { IfModifiedSince: LastModified }))).toMatchObject({
      status: 304,
    })
    expect(await failure(get('conditional', { IfUnmodifiedSince: new Date(0) }))).toMatchObject({
      status: 412,
    })
  })

  it('are written under conditions', async () => {
    expect(await failure(put('once', 'x', { IfMatch: '"e"' }))).toMatchObject({
      name: 'NoSuchKey',
      status: 404,
    })
    const { ETag } = await put('once', 'first', { IfNoneMatch: '*' })
    expect(await failure(put('once', 'second', { IfNoneMatch: '*' }))).toMatchObject({
      name: 'PreconditionFailed',
      status: 412,
    })
    expect(await failure(put('once', 'third', { IfMatch: '"other"' }))).toMatchObject({ status: 412 })
    expect(await text('once')).toBe('first')
    await put('once', 'fourth', { IfMatch: ETag })
    expect(await text('once')).toBe('fourth')
    expect(await failure(put('once', 'fifth', { IfNoneMatch: ETag }))).toMatchObject({
      name: 'NotImplemented',
    })
    expect(
      await failure(s3.client.send(new DeleteObjectCommand({ Bucket, Key: 'once', IfMatch: ETag }))),
    ).toMatchObject({
      status: 412,
    })
  })

  it('have one winner among 32 concurrent conditional writes', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 32 }, (_, index) =>
        put('contended', `writer ${index}`, { IfNoneMatch: '*' }).then(
          () => index,
          (error) => error.$metadata.httpStatusCode as number,
        ),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 412)).toHaveLength(31)
    expect(await text('contended')).toBe(`writer ${outcomes.find((outcome) => outcome !== 412)}`)
    expect(s3.changes.filter(({ key }) => key === 'contended')).toHaveLength(1)
  })

  it('are copied, with their metadata or with new', async () => {
    await put('from here/é+1', 'content', { Metadata: { kept: 'yes' }, ContentType: 'text/plain' })
    const CopySource = `${Bucket}/${encodeURIComponent('from here/é+1')}`
    const copy = (Key: string, more: object = {}) =>
      s3.client.send(new CopyObjectCommand({ Bucket, Key, CopySource, ...more }))
    const { CopyObjectResult } = await copy('copied')
    const copied = await get('copied')
    expect(copied).toMatchObject({
      Metadata: { kept: 'yes' },
      ContentType: 'text/plain',
      ETag: CopyObjectResult!.ETag,
    })
    expect(await copied.Body!.transformToString()).toBe('content')
    await copy('replaced', { MetadataDirective: 'REPLACE', Metadata: { fresh: '1' } })
    expect(await get('replaced')).toMatchObject({
      Metadata: { fresh: '1' },
      ContentType: 'binary/octet-stream',
    })
    expect(await failure(copy('from here/é+1'))).toMatchObject({ name: 'InvalidRequest' })
    await copy('from here/é+1', { MetadataDirective: 'REPLACE', Metadata: { again: '1' } })
    expect(await text('from here/é+1')).toBe('content')
    expect(await failure(copy('copied', { IfNoneMatch: '*' }))).toMatchObject({ status: 412 })
    expect(await failure(copy('n', { CopySourceIfMatch: '"other"' }))).toMatchObject({ status: 412 })
    expect(await failure(copy('n', { CopySource: `${Bucket}/nothing` }))).toMatchObject({ name: 'NoSuchKey' })
  })

  it('are removed one by one and many at once; what is not there is removed as well', async () => {
    const before = s3.changes.length
    for (const key of ['d1', 'd2', 'd3']) await put(key, key)
    await s3.client.send(new DeleteObjectCommand({ Bucket, Key: 'd1' }))
    await s3.client.send(new DeleteObjectCommand({ Bucket, Key: 'd1' }))
    const Objects = ['d2', 'd3', 'never', ' spaced & <tagged> '].map((Key) => ({ Key }))
    const { Deleted } = await s3.client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
    expect(Deleted).toEqual(Objects)
    const { Deleted: quiet } = await s3.client.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
    )
    expect(quiet).toBeUndefined()
    expect(await failure(get('d2'))).toMatchObject({ name: 'NoSuchKey' })
    const names = s3.changes.slice(before).map(({ eventName, key }) => `${eventName} ${key}`)
    expect(names).toEqual([
      ...['d1', 'd2', 'd3'].map((key) => `ObjectCreated:Put ${key}`),
      ...['d1', 'd2', 'd3'].map((key) => `ObjectRemoved:Delete ${key}`),
    ])
  })

  it('stream through flat memory and stay readable while they are replaced', async () => {
    const size = 64 * 1024 ** 2
    const piece = Buffer.alloc(1024 ** 2, 'm')
    const Body = Readable.from(Array.from({ length: 64 }, () => piece))
    await s3.client.send(new PutObjectCommand({ Bucket, Key: 'large', Body, ContentLength: size }))
    const { Body: old } = await get('large')
    await put('large', 'small now')
    let read = 0
    for await (const bytes of old as Readable) read += bytes.length
    expect(read).toBe(size)
    expect(await text('large')).toBe('small now')
  })
})

describe('changes', () => {
  it('62. tell what happened, with the ids of the answer and a growing sequencer', async () => {
    const before = s3.changes.length
    const { $metadata, ETag } = await put('told é', 'abc')
    await put('told é', 'abcd')
    await s3.client.send(
      new CopyObjectCommand({ Bucket, Key: 'told copy', CopySource: `${Bucket}/told%20%C3%A9` }),
    )
    await s3.client.send(new DeleteObjectCommand({ Bucket, Key: 'told é' }))
    const changes = s3.changes.slice(before)
    expect(changes[0]).toEqual({
      eventName: 'ObjectCreated:Put',
      bucket: Bucket,
      key: 'told é',
      size: 3,
      eTag: ETag!.replaceAll('"', ''),
      sequencer: expect.stringMatching(/^[0-9A-F]{16}$/),
      eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      requestId: $metadata.requestId,
      id2: $metadata.extendedRequestId,
      sourceIp: '127.0.0.1',
    })
    expect(changes.map(({ eventName }) => eventName)).toEqual([
      'ObjectCreated:Put',
      'ObjectCreated:Put',
      'ObjectCreated:Copy',
      'ObjectRemoved:Delete',
    ])
    const sequencers = changes.map(({ sequencer }) => sequencer)
    expect(sequencers).toEqual([...new Set(sequencers)].sort())
  })
})

describe('what is not there', () => {
  it('is refused by name', async () => {
    const versioning = s3.client.send(new GetBucketVersioningCommand({ Bucket }))
    expect(await failure(versioning)).toMatchObject({
      name: 'NotImplemented',
      status: 501,
      message: expect.stringContaining('GetBucketVersioning'),
    })
    const notification = s3.client.send(
      new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration: {} }),
    )
    expect(await failure(notification)).toMatchObject({
      status: 501,
      message: expect.stringContaining('PutBucketNotificationConfiguration'),
    })
    expect(await failure(put('tagged', '', { Tagging: 'a=b' }))).toMatchObject({
      status: 501,
      message: expect.stringContaining('x-amz-tagging'),
    })
    expect(await failure(get('digits', { VersionId: 'v' }))).toMatchObject({ status: 501 })
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }))
    const part = { Bucket, Key: 'parts', UploadId, PartNumber: 1, CopySource: `${Bucket}/digits` }
    for (const [call, operation] of [
      [() => s3.client.send(new ListObjectsCommand({ Bucket })), 'ListObjects'],
      [() => s3.client.send(new UploadPartCopyCommand(part)), 'UploadPartCopy'],
      [() => s3.client.send(new ListPartsCommand({ Bucket, Key: 'parts', UploadId })), 'ListParts'],
    ] as const) {
      expect(await failure(call())).toMatchObject({
        status: 501,
        message: expect.stringContaining(operation),
      })
    }
  })
})
