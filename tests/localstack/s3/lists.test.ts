import {
  CreateBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { failure, startTestS3 } from './start-test-s3.ts'

let s3: Awaited<ReturnType<typeof startTestS3>>
const Bucket = 'listed'
const keys = ['a', 'b/1', 'b/2', 'b/c/3', 'd', 'e f+g', 'z/', 'é/x']

beforeAll(async () => {
  s3 = await startTestS3()
  await s3.client.send(new CreateBucketCommand({ Bucket }))
  for (const Key of keys.toReversed()) await s3.client.send(new PutObjectCommand({ Bucket, Key, Body: Key }))
})
afterAll(() => s3.stop())

const list = (more: object) => s3.client.send(new ListObjectsV2Command({ Bucket, ...more }))

describe('ListObjectsV2', () => {
  it('lists keys in order, with size, ETag and time', async () => {
    const { Contents, KeyCount, IsTruncated, MaxKeys } = await list({})
    expect(Contents?.map(({ Key }) => Key)).toEqual(keys)
    expect(Contents?.[1]).toEqual({
      Key: 'b/1',
      Size: 3,
      ETag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
      LastModified: expect.any(Date),
      StorageClass: 'STANDARD',
    })
    expect({ KeyCount, IsTruncated, MaxKeys }).toEqual({ KeyCount: 8, IsTruncated: false, MaxKeys: 1000 })
  })

  it('rolls up by delimiter, below a prefix, after a key', async () => {
    const { Contents, CommonPrefixes, Delimiter } = await list({ Delimiter: '/' })
    expect(Contents?.map(({ Key }) => Key)).toEqual(['a', 'd', 'e f+g'])
    expect(CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(['b/', 'z/', 'é/'])
    expect(Delimiter).toBe('/')
    const below = await list({ Delimiter: '/', Prefix: 'b/', StartAfter: 'b/1' })
    expect(below).toMatchObject({
      Contents: [{ Key: 'b/2' }],
      CommonPrefixes: [{ Prefix: 'b/c/' }],
      KeyCount: 2,
    })
  })

  it.each([1, 2, 3])('goes through pages of %i', async (pageSize) => {
    const found: (string | undefined)[] = []
    for await (const page of paginateListObjectsV2(
      { client: s3.client, pageSize },
      { Bucket, Delimiter: '/' },
    )) {
      expect(page.KeyCount).toBeLessThanOrEqual(pageSize)
      found.push(
        ...(page.Contents ?? []).map(({ Key }) => Key),
        ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix),
      )
    }
    expect(found.sort()).toEqual(['a', 'b/', 'd', 'e f+g', 'z/', 'é/'])
  })

  it('encodes keys when asked to', async () => {
    const { Contents, CommonPrefixes, EncodingType } = await list({
      EncodingType: 'url',
      StartAfter: 'd',
      Delimiter: '/',
    })
    expect(Contents?.map(({ Key }) => Key)).toEqual(['e+f%2Bg'])
    expect(CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(['z/', '%C3%A9/'])
    expect(EncodingType).toBe('url')
  })

  it('refuses a token that it did not give, a strange encoding and a strange count', async () => {
    expect(await failure(list({ ContinuationToken: '!' }))).toMatchObject({
      name: 'InvalidArgument',
      status: 400,
    })
    expect(await failure(list({ EncodingType: 'xml' }))).toMatchObject({ name: 'InvalidArgument' })
    expect(await failure(list({ MaxKeys: -1 }))).toMatchObject({ name: 'InvalidArgument' })
    expect(await list({ MaxKeys: 0 })).toMatchObject({ KeyCount: 0, IsTruncated: false })
    expect(await failure(list({ Bucket: 'nowhere' }))).toMatchObject({ name: 'NoSuchBucket', status: 404 })
  })
})
