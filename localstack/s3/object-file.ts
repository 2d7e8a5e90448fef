import { closeSync, fstatSync, openSync, readSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Checksum } from './checksums.ts'

// One file holds an object and what is known about it, so that a rename replaces both at once:
//
//   file   = data LF metadata LF length " s3-object" LF
//   metadata: JSON in UTF-8; length: of the metadata, 8 hex digits
//
const magic = ' s3-object\n'
const trailerLength = 8 + magic.length
const tailLength = 4096 // bytes read at once for the metadata; they seldom exceed 1 kB
const pieceBytes = 1024 * 1024 // of data read at once

export type ObjectMetadata = {
  readonly key: string
  readonly size: number // bytes of data
  readonly eTag: string // without quotes
  readonly lastModifiedMs: number
  readonly headers: Readonly<Record<string, string>> // given back on GET: content-type, x-amz-meta-*, …
  readonly checksum?: Checksum
  readonly uploadId?: string // the multipart upload that made it
}

/** An object file that is being written, under a name that nobody reads yet. */
export class Draft {
  readonly path: string
  size = 0
  #file: FileHandle

  private constructor(path: string, file: FileHandle) {
    this.path = path
    this.#file = file
  }

  static async create(path: string): Promise<Draft> {
    return new Draft(path, await open(path, 'wx'))
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#file.writeFile(bytes) // writes at the file's position, and goes on after a short write
    this.size += bytes.length
  }

  /** Adds the metadata, brings the file to disk and closes it. */
  async seal(metadata: Omit<ObjectMetadata, 'size'>): Promise<ObjectMetadata> {
    const complete = { ...metadata, size: this.size }
    const json = Buffer.from(JSON.stringify(complete))
    const length = json.length.toString(16).padStart(8, '0')
    await this.#file.writeFile(Buffer.concat([Buffer.from('\n'), json, Buffer.from(`\n${length}${magic}`)]))
    await this.#file.datasync()
    await this.#file.close()
    return complete
  }

  /** Closes and removes the file, if it still stands under its own name. Never throws. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => {})
    rmSync(this.path, { force: true })
  }
}

/** An open object. It stays readable and unchanged when another one takes its place; `close` has to be called. */
export class StoredObject {
  readonly metadata: ObjectMetadata
  readonly #file: FileHandle
  readonly #tail: Buffer
  readonly #tailStart: number

  private constructor(metadata: ObjectMetadata, file: FileHandle, tail: Buffer, tailStart: number) {
    this.metadata = metadata
    this.#file = file
    this.#tail = tail
    this.#tailStart = tailStart
  }

  /** Throws `ENOENT` when there is no such file, and an error that names it when it is no object file. */
  static async open(path: string): Promise<StoredObject> {
    const file = await open(path, 'r')
    try {
      const { metadata, tail, start } = readTail(file.fd, path, 16 * tailLength)
      return new StoredObject(metadata, file, tail, start)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** `length` bytes of data from `start` on, in pieces. */
  async *read(start = 0, length = this.metadata.size - start): AsyncGenerator<Uint8Array> {
    if (start >= this.#tailStart) {
      yield this.#tail.subarray(start - this.#tailStart, start - this.#tailStart + length)
      return
    }
    const range = { start, end: start + length - 1, highWaterMark: pieceBytes }
    if (length > 0) yield* this.#file.createReadStream({ ...range, autoClose: false })
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** The metadata of an object file; undefined when it is none (cut short, or changed by something else). */
export function readMetadataSync(path: string): ObjectMetadata | undefined {
  const fd = openSync(path, 'r')
  try {
    return readTail(fd, path, tailLength).metadata
  } catch (error) {
    if (error instanceof DamagedFileError) return undefined
    throw error
  } finally {
    closeSync(fd)
  }
}

/** The metadata, and the end of the file from `start` on, which holds them: `length` bytes or more. */
function readTail(fd: number, path: string, length: number) {
  const { size } = fstatSync(fd)
  const read = (start: number) => {
    const bytes = Buffer.allocUnsafe(size - start)
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, start))
  }
  let start = Math.max(0, size - length)
  let tail = read(start)
  const line = metadataStart(tail, size)
  if (line < start) {
    start = line
    tail = read(start)
  }
  return { metadata: parseTail(tail, size, path), tail, start }
}

/** A file that should be an object and is not. */
class DamagedFileError extends Error {
  constructor(path: string) {
    super(`${path} is damaged: it is no complete object file`)
    this.name = 'DamagedFileError'
  }
}

/** Where in a file of `size` bytes the line of metadata begins, its line feed included; `size` when nothing says so. */
function metadataStart(tail: Buffer, size: number): number {
  const trailer = tail.subarray(-trailerLength).toString('latin1')
  if (trailer.length < trailerLength || !trailer.endsWith(magic)) return size
  const start = size - trailerLength - 2 - Number.parseInt(trailer.slice(0, 8), 16)
  return start >= 0 ? start : size
}

function parseTail(tail: Buffer, size: number, path: string): ObjectMetadata {
  const start = metadataStart(tail, size)
  const line = tail.subarray(tail.length - (size - start), -trailerLength)
  try {
    const metadata: ObjectMetadata = JSON.parse(line.toString())
    if (metadata.size === start) return metadata
  } catch {
    // not JSON: damaged as well
  }
  throw new DamagedFileError(path)
}
