import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { landedContentKey, landingPrefix } from '@cupel/core/keys'
import type { FoundFile } from './scan.ts'

export type Outcome = 'uploaded' | 'known' | 'changed'
export type Uploader = (file: FoundFile, signal: AbortSignal) => Promise<Outcome>

const usualPartBytes = 16 * 1024 * 1024
const maxParts = 10_000 // https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html

/**
 * Puts files under `landing/`, unless their content was put there by this very uploader, stands there under the same name,
 * or has landed under any. What the bucket holds is all that it remembers, so it may be ended at any time. A file that
 * changes while it is read is not stored.
 */
export function makeUploader(client: S3Client, bucket: string, partBytes = usualPartBytes): Uploader {
  const sent = new Set<string>()

  return async (file, signal) => {
    const sha256 = await hashOf(file.path)
    const key = `${landingPrefix(file.dataset)}${file.name}`
    const content = landedContentKey(file.dataset, sha256)
    const there = sent.has(content) ? undefined : await metadataOf(key)
    if (sent.has(content) || there?.sha256 === sha256 || (await metadataOf(content))) return 'known'
    const object = { Bucket: bucket, Key: key, Metadata: { sha256 } }
    const handle = await open(file.path)
    try {
      const isWhole = file.size > partBytes ? await putParts(handle, file.size) : await putAtOnce(handle)
      if (isWhole) sent.add(content)
      return isWhole ? 'uploaded' : 'changed'
    } finally {
      await handle.close()
    }

    async function putAtOnce(handle: FileHandle): Promise<boolean> {
      const body = await handle.readFile()
      if (createHash('sha256').update(body).digest('hex') !== sha256) return false
      await client.send(new PutObjectCommand({ ...object, Body: body }), { abortSignal: signal })
      return true
    }

    /** Part by part, so that a failure costs one of them, and a file of any size no more memory than that. */
    async function putParts(handle: FileHandle, size: number): Promise<boolean> {
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(object), {
        abortSignal: signal,
      })
      const upload = { Bucket: bucket, Key: key, UploadId }
      try {
        const hash = createHash('sha256')
        const length = Math.max(partBytes, Math.ceil(size / maxParts))
        const Parts: CompletedPart[] = []
        for (let position = 0; position < size; position += length) {
          const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), { position })
          const Body = buffer.subarray(0, bytesRead)
          hash.update(Body)
          const PartNumber = Parts.length + 1
          const { ETag, ChecksumCRC32 } = await client.send(
            new UploadPartCommand({ ...upload, PartNumber, Body }),
            {
              abortSignal: signal,
            },
          )
          Parts.push({ PartNumber, ETag, ChecksumCRC32 })
        }
        const isWhole = hash.digest('hex') === sha256
        if (isWhole)
          await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }), {
            abortSignal: signal,
          })
        else await client.send(new AbortMultipartUploadCommand(upload))
        return isWhole
      } catch (error) {
        await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {}) // S3 may be gone
        throw error
      }
    }
  }

  async function metadataOf(key: string): Promise<Record<string, string> | undefined> {
    try {
      return (await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))).Metadata ?? {}
    } catch (error) {
      if ((error as { name?: string }).name === 'NotFound') return undefined
      throw error
    }
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path)) hash.update(bytes)
  return hash.digest('hex')
}
