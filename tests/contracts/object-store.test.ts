import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { type ObjectStore, s3ObjectStore } from '@cupel/io/object-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startS3 } from '#localstack/s3/server.ts'
import { memoryObjectStore } from '../support/memory-object-store.ts'
import { objectStoreContract } from './object-store.ts'

describe('in memory', () => {
  const store = memoryObjectStore()
  objectStoreContract(() => store)
})

describe('the embedded S3, through the AWS SDK', () => {
  let store: ObjectStore
  let nowhere: ObjectStore
  let end: () => Promise<void>
  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cupel-s3-'))
    const server = await startS3({ directory, port: 0 })
    const client = new S3Client({
      endpoint: server.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    })
    await client.send(new CreateBucketCommand({ Bucket: 'contract' }))
    store = s3ObjectStore('contract', client)
    nowhere = s3ObjectStore('no-such-bucket', client)
    end = async () => {
      client.destroy()
      await server.close()
      await rm(directory, { recursive: true })
    }
  })
  afterAll(() => end())
  objectStoreContract(() => store)

  it('takes a bucket that is not there for a failure, not for an object that is gone', async () => {
    await expect(nowhere.get('a')).rejects.toThrow('could not be read (NoSuchBucket)')
    await expect(nowhere.put('a', Buffer.from('x'))).rejects.toThrow('could not be stored (NoSuchBucket)')
    await expect(nowhere.list('a')[Symbol.asyncIterator]().next()).rejects.toThrow(
      'could not be listed (NoSuchBucket)',
    )
  })

  it('goes on over the end of a page', async () => {
    const names = Array.from({ length: 1_003 }, (_, i) => `pages/${String(i).padStart(5, '0')}`)
    for (let at = 0; at < names.length; at += 50)
      await Promise.all(names.slice(at, at + 50).map((name) => store.put(name, Buffer.from('x'))))
    const listed: string[] = []
    for await (const { key } of store.list('pages/')) listed.push(key)
    expect(listed).toEqual(names)
  })
})
