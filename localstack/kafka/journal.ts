import fs from 'node:fs'
import path from 'node:path'
import { crc32c } from '../crc32c.ts'
import { appendAt, syncDirectory } from './files.ts'

/** Below this size a journal is not rewritten while it is in use. */
const COMPACT_ABOVE_BYTES = 1024 * 1024

/**
 * A small durable state as a file of changes, one a line: the CRC-32C of the JSON text in 8 hex digits, a space, the
 * JSON text. An entry is safe from `kill -9` once `append` returns. A torn last line is cut off at start; the file is
 * rewritten from `snapshot` at start and whenever it has grown to four times the state it holds.
 */
export class Journal<Entry> {
  readonly #path: string
  readonly #snapshot: () => Iterable<Entry>
  #fd = -1
  #size = 0
  #compactAt = 0

  /** Apply every entry of the file in order, then compact it. Throws when a line other than the last is damaged. */
  constructor(file: string, apply: (entry: Entry) => void, snapshot: () => Iterable<Entry>) {
    this.#path = file
    this.#snapshot = snapshot
    if (fs.existsSync(file)) {
      for (const entry of readEntries<Entry>(file)) apply(entry)
    }
    this.#compact()
  }

  /** Throws, leaving the journal as it was, when the entry cannot be written. */
  append(entry: Entry): void {
    const line = toLine(entry)
    appendAt(this.#fd, line, this.#size)
    this.#size += line.length
  }

  /** To be called after the change was applied to the state that `snapshot` reads. */
  compactIfLarge(): void {
    if (this.#size < this.#compactAt) return
    try {
      this.#compact()
    } catch {
      this.#compactAt = this.#size * 2 // no room for a second copy: go on with the long one, try again later
    }
  }

  async flush(): Promise<void> {
    await new Promise<void>((resolve) => fs.fdatasync(this.#fd, () => resolve()))
  }

  close(): void {
    fs.fsyncSync(this.#fd)
    fs.closeSync(this.#fd)
    this.#fd = -1
  }

  #compact(): void {
    const next = `${this.#path}.new`
    const fd = fs.openSync(next, 'w')
    let size = 0
    try {
      for (const entry of this.#snapshot()) {
        const line = toLine(entry)
        appendAt(fd, line, size)
        size += line.length
      }
      fs.fsyncSync(fd)
      fs.renameSync(next, this.#path)
    } catch (error) {
      fs.closeSync(fd)
      throw error
    }
    syncDirectory(path.dirname(this.#path))
    if (this.#fd !== -1) fs.closeSync(this.#fd)
    this.#fd = fd
    this.#size = size
    this.#compactAt = Math.max(COMPACT_ABOVE_BYTES, size * 4)
  }
}

function toLine(entry: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(entry))
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.from('\n')])
}

const checksum = (json: Buffer) => crc32c(json).toString(16).padStart(8, '0')

function* readEntries<Entry>(file: string): Iterable<Entry> {
  const bytes = fs.readFileSync(file)
  let line = 1
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf('\n', start)
    if (end === -1) return
    const json = bytes.subarray(start + 9, end)
    if (bytes.toString('latin1', start, start + 9) !== `${checksum(json)} `) {
      if (end === bytes.length - 1) return
      throw new Error(`line ${line} of ${file} is damaged: restore the file, or delete the whole directory`)
    }
    yield JSON.parse(json.toString('utf8')) as Entry
    start = end + 1
  }
}
