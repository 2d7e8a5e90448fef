import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { UnreadableFileError } from '@cupel/core/errors'

type Chunks = AsyncIterable<Uint8Array>

/** The first bytes of a file, up to `headBytes`, and all of it. */
export type OpenFile = { readonly head: Buffer; readonly chunks: Chunks }
export const headBytes = 64 * 1024

/**
 * What a file holds, as bytes: unpacked where it is gzip, and text as UTF-8 without BOM. What it is, its first bytes
 * say, not its name. Chunk by chunk.
 *
 * Throws an UnreadableFileError, here or when the chunks are read, where the file is damaged; any other error is that of
 * who gives the chunks.
 */
export async function decodeFile(stored: Chunks): Promise<OpenFile> {
  let file = await peek(stored)
  if (startsWith(file.head, 0x1f, 0x8b)) file = await peek(gunzip(file.chunks))
  if (startsWith(file.head, 0xff, 0xfe) && !startsWith(file.head, 0xff, 0xfe, 0, 0))
    return peek(transcode(file.chunks, 'utf-16le'))
  if (startsWith(file.head, 0xfe, 0xff)) return peek(transcode(file.chunks, 'utf-16be'))
  if (startsWith(file.head, 0xef, 0xbb, 0xbf)) return peek(skip(file.chunks, 3))
  return file
}

const startsWith = (head: Buffer, ...bytes: readonly number[]): boolean =>
  bytes.every((byte, i) => head[i] === byte)

async function peek(chunks: Chunks): Promise<OpenFile> {
  const iterator = chunks[Symbol.asyncIterator]()
  const first: Uint8Array[] = []
  let length = 0
  while (length < headBytes) {
    const { done, value } = await iterator.next()
    if (done) break
    first.push(value)
    length += value.byteLength
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      yield* first.splice(0)
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
    } finally {
      await iterator.return?.()
    }
  }
  return { head: Buffer.concat(first).subarray(0, headBytes), chunks: all() }
}

async function* gunzip(chunks: Chunks): AsyncGenerator<Uint8Array> {
  const unpacked = createGunzip()
  pipeline(Readable.from(chunks), unpacked).catch(() => {}) // what fails comes out of `unpacked`
  try {
    yield* unpacked
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    throw code.startsWith('Z_') ? new UnreadableFileError(`gzip: ${message}`) : error
  }
}

async function* transcode(chunks: Chunks, encoding: 'utf-16le' | 'utf-16be'): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder(encoding, { fatal: true })
  const decode = (chunk?: Uint8Array): Uint8Array => {
    try {
      return Buffer.from(decoder.decode(chunk, { stream: chunk !== undefined }))
    } catch {
      throw new UnreadableFileError(`not ${encoding.toUpperCase()}, as its byte order mark says`)
    }
  }
  for await (const chunk of chunks) yield decode(chunk)
  yield decode()
}

async function* skip(chunks: Chunks, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes
  for await (const chunk of chunks) {
    yield chunk.subarray(Math.min(left, chunk.byteLength))
    left -= Math.min(left, chunk.byteLength)
  }
}
