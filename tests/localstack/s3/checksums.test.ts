import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import {
  type ChecksumAlgorithm,
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeChecksummer } from '#localstack/s3/checksums.ts'
import { failure, startTestS3 } from './start-test-s3.ts'

let s3: Awaited<ReturnType<typeof startTestS3>>
const Bucket = 'checked'

beforeAll(async () => {
  s3 = await startTestS3()
  await s3.client.send(new CreateBucketCommand({ Bucket }))
})
afterAll(() => s3.stop())

/** A request as given, with any header. Resolves with the status and the text of the answer. */
function send(method: string, path: string, headers: Record<string, string>, body: string | Buffer = '') {
  return new Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const sent = request(s3.endpoint + path, { method, headers }, (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece) => pieces.push(piece))
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            text: Buffer.concat(pieces).toString(),
            headers: response.headers,
          }),
        )
      })
      sent.on('error', reject)
      sent.end(body)
    },
  )
}

const missing = async (key: string) =>
  expect((await send('HEAD', `/${Bucket}/${key}`, {})).status, `${key} was stored`).toBe(404)

const crc = (text: string) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(text))
  return bytes.toString('base64')
}

describe('checksums', () => {
  it.each([
    ['crc32', 'cbf43926'],
    ['crc32c', 'e3069283'],
    ['crc64nvme', 'ae8b14860a799888'],
    ['sha1', 'f7c3bc1d808e04732adf679965ccc34ca7ae3441'],
    ['sha256', '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225'],
  ] as const)('%s of 123456789 is the published %s', (name, expected) => {
    const checksummer = makeChecksummer(name)
    checksummer.update(Buffer.from('1234'))
    checksummer.update(Buffer.from('56789'))
    expect(Buffer.from(checksummer.digest(), 'base64').toString('hex')).toBe(expected)
  })
})

describe("the SDK's uploads", () => {
  it.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] satisfies ChecksumAlgorithm[])(
    'are stored with their %s, which the SDK finds right when it reads',
    async (ChecksumAlgorithm) => {
      const name = `Checksum${ChecksumAlgorithm}` as const
      const Key = `as-${ChecksumAlgorithm}`
      const put = await s3.client.send(new PutObjectCommand({ Bucket, Key, Body: 'body', ChecksumAlgorithm }))
      const head = await s3.client.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
      expect(head[name]).toBeTruthy()
      expect(head).toMatchObject({ [name]: put[name], ChecksumType: 'FULL_OBJECT' })
      const answer = await s3.client.send(new GetObjectCommand({ Bucket, Key }))
      expect(await answer.Body!.transformToString()).toBe('body')
      const part = await s3.client.send(new GetObjectCommand({ Bucket, Key, Range: 'bytes=1-2' }))
      expect(part[name]).toBeUndefined()
      expect(await part.Body!.transformToString()).toBe('od')
    },
  )

  it.each([0, 1, 70_000, 3_000_000])(
    'of a stream of %i bytes come as aws-chunked and are stored without the framing',
    async (size) => {
      const bytes = Buffer.from(Array.from({ length: size }, (_, index) => index % 251))
      const pieces = [bytes.subarray(0, 1), bytes.subarray(1, 60_000), bytes.subarray(60_000)].filter(
        (p) => p.length > 0,
      )
      const Key = `stream-${size}`
      const put = new PutObjectCommand({
        ...{ Bucket, Key, ContentEncoding: 'gzip', ContentLength: size },
        Body: Readable.from(pieces),
      })
      const { ETag } = await s3.client.send(put)
      expect(ETag).toBe(`"${createHash('md5').update(bytes).digest('hex')}"`)
      const answer = await s3.client.send(new GetObjectCommand({ Bucket, Key }))
      expect(answer).toMatchObject({
        ContentLength: size,
        ContentEncoding: 'gzip',
        ChecksumCRC32: expect.any(String),
      })
      expect(Buffer.from(await answer.Body!.transformToByteArray()).equals(bytes)).toBe(true)
    },
  )

  it('are refused when a byte changed on the way', async () => {
    const wrong = new PutObjectCommand({ Bucket, Key: 'wrong', Body: 'body', ChecksumCRC32: crc('other') })
    expect(await failure(s3.client.send(wrong))).toMatchObject({ name: 'BadDigest', status: 400 })
    await missing('wrong')
  })
})

describe('claims about a body', () => {
  const trailing = {
    'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'content-encoding': 'aws-chunked',
    'x-amz-trailer': 'x-amz-checksum-crc32',
    'transfer-encoding': 'chunked',
  }
  const framed = (trailer: string) => `5\r\nhello\r\n0\r\n${trailer}\r\n`

  it('in a trailer are checked', async () => {
    const put = (key: string, body: string, more = {}) =>
      send('PUT', `/${Bucket}/${key}`, { ...trailing, ...more }, body)
    const right = framed(`x-amz-checksum-crc32:${crc('hello')}\r\n`)
    expect(await put('t1', right)).toMatchObject({
      status: 200,
      headers: { 'x-amz-checksum-crc32': crc('hello') },
    })
    expect((await send('GET', `/${Bucket}/t1`, {})).text).toBe('hello')
    const wrong = await put('t2', framed(`x-amz-checksum-crc32:${crc('other')}\r\n`))
    expect(wrong).toMatchObject({ status: 400, text: expect.stringContaining('<Code>BadDigest</Code>') })
    const absent = await put('t2', framed(''))
    expect(absent).toMatchObject({
      status: 400,
      text: expect.stringContaining('<Code>MalformedTrailerError</Code>'),
    })
    const short = await put('t2', right, { 'x-amz-decoded-content-length': '6' })
    expect(short).toMatchObject({ status: 400, text: expect.stringContaining('<Code>IncompleteBody</Code>') })
    const cut = await put('t2', '5\r\nhel')
    expect(cut).toMatchObject({ status: 400, text: expect.stringContaining('<Code>IncompleteBody</Code>') })
    await missing('t2')
  })

  it('with signed chunks are decoded', async () => {
    const mark = `;chunk-signature=${'a'.repeat(64)}`
    const headers = {
      'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      'x-amz-decoded-content-length': '5',
    }
    const { status } = await send(
      'PUT',
      `/${Bucket}/signed`,
      headers,
      `5${mark}\r\nhello\r\n0${mark}\r\n\r\n`,
    )
    expect(status).toBe(200)
    const stored = await send('GET', `/${Bucket}/signed`, {})
    expect(stored.text).toBe('hello')
    expect(stored.headers['content-encoding']).toBeUndefined()
  })

  it.each([
    ['Content-MD5', { 'content-md5': createHash('md5').update('other').digest('base64') }, 'BadDigest'],
    ['malformed Content-MD5', { 'content-md5': 'abc' }, 'InvalidDigest'],
    ['x-amz-content-sha256', { 'x-amz-content-sha256': '0'.repeat(64) }, 'XAmzContentSHA256Mismatch'],
    ['malformed checksum', { 'x-amz-checksum-crc32': 'AAAA' }, 'InvalidRequest'],
    ['two checksums', { 'x-amz-checksum-crc32': crc('hello'), 'x-amz-checksum-sha1': 'a' }, 'InvalidRequest'],
    ['length of 6 GB', { 'content-length': String(6 * 1024 ** 3) }, 'EntityTooLarge'],
    ['3 kB of metadata', { 'x-amz-meta-a': 'a'.repeat(3000) }, 'MetadataTooLarge'],
    ['site', { 'sec-fetch-site': 'cross-site' }, 'AccessDenied'],
  ])('that are wrong are refused: %s', async (_what, headers, code) => {
    if ('content-length' in headers) {
      const answer = await new Promise<string>((resolve) => {
        const sent = request(`${s3.endpoint}/${Bucket}/refused`, { method: 'PUT', headers }, (response) => {
          response.setEncoding('utf8').on('data', (text) => {
            resolve(text)
            sent.destroy()
          })
        })
        sent.on('error', () => {})
        sent.write('begin')
      })
      expect(answer).toContain(`<Code>${code}</Code>`)
    } else {
      expect((await send('PUT', `/${Bucket}/refused`, headers, 'hello')).text).toContain(
        `<Code>${code}</Code>`,
      )
    }
    await missing('refused')
  })
})
