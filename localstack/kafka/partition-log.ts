import fs from 'node:fs'
import path from 'node:path'
import { messageOf } from '../errors.ts'
import { type WriteWatch, watchWrites } from '../write-watch.ts'
import { ErrorCode, Refusal } from './error-codes.ts'
import { appendAt, readAt, syncDirectory } from './files.ts'
import { ProducerStates } from './producer-states.ts'
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  checkProducedBatch,
  checksumFits,
  findRecordByTime,
  readBatchHeader,
  stampBatch,
} from './record-batch.ts'

export type LogSettings = {
  readonly segmentBytes: number // a new segment starts before a batch that would not fit
  readonly maxBatchBytes: number
  readonly logAppendTime: boolean
}

export type Appended = {
  readonly baseOffset: number
  readonly logAppendTimeMs: number // -1: the producer's timestamps stand
}

/** One index entry for at least this many bytes, so 1 GB of log costs about 1.5 MB of memory. */
const INDEX_INTERVAL_BYTES = 16 * 1024
const SCAN_BYTES = 1024 * 1024

/**
 * The records of one partition: a directory of segment files, each named by its first offset and holding record
 * batches exactly as they are sent to consumers. Only a sparse index is kept in memory, rebuilt from the files at
 * start together with the state of idempotent producers.
 *
 * Delivery guarantees: `append` returns after the operating system has the batch, so whatever was acknowledged
 * outlives `kill -9` of this process, in order. It does not wait for the disk: a power cut may take the records of the
 * seconds since the last `flush`. A tail that a kill tore apart is cut off at the last whole batch when the log is
 * opened.
 *
 * Reads and writes are synchronous on purpose: they end in the page cache within microseconds, where a trip through
 * the thread pool costs more than the work, and nothing can come between an offset and its bytes.
 */
export class PartitionLog {
  settings: LogSettings
  readonly #directory: string
  readonly #segments: Segment[] = [] // by base offset; the last one is appended to
  readonly #producers = new ProducerStates()
  readonly #listeners = new Set<(sizeBytes: number) => void>()
  #activeFd = -1
  #startOffset: number
  #endOffset = 0
  readonly #log: (line: string) => void
  #tornTail = false
  readonly #writes: WriteWatch
  #dirty = false

  /** `log` hears of damage, `writes` of writing; `startOffset` is where records were deleted up to. */
  constructor(
    directory: string,
    settings: LogSettings,
    log: (line: string) => void,
    startOffset = 0,
    writes = watchWrites('Kafka', directory, log),
  ) {
    this.#directory = directory
    this.#log = log
    this.#writes = writes
    this.settings = settings
    fs.mkdirSync(directory, { recursive: true })
    const names = fs.readdirSync(directory).filter((name) => /^\d{20}\.log$/.test(name))
    for (const name of names.sort())
      this.#segments.push(new Segment(path.join(directory, name), Number.parseInt(name, 10)))
    if (this.#segments.length === 0)
      this.#segments.push(new Segment(this.#segmentPath(startOffset), startOffset))
    for (const segment of this.#segments) this.#recover(segment)
    this.#startOffset = Math.max(startOffset, this.#segments[0]!.baseOffset)
    this.#activeFd = fs.openSync(this.#active.path, fs.constants.O_RDWR | fs.constants.O_CREAT)
  }

  /** First offset that can be read. */
  get startOffset(): number {
    return this.#startOffset
  }

  /** Next offset to be written, which is also the high watermark: there is one replica. */
  get endOffset(): number {
    return this.#endOffset
  }

  /**
   * Check one batch and append it; a batch that an idempotent producer sends again is answered with its old offset.
   * Changes `batch`. Throws a `Refusal`, and then the log is as before.
   */
  append(batch: Buffer | null): Appended {
    const header = checkProducedBatch(batch, this.settings.maxBatchBytes)
    const twin = this.#producers.check(header)
    if (twin !== undefined) return { baseOffset: twin, logAppendTimeMs: -1 }
    const baseOffset = this.#endOffset
    const logAppendTimeMs = this.settings.logAppendTime ? Date.now() : -1
    stampBatch(batch!, baseOffset, this.settings.logAppendTime ? logAppendTimeMs : undefined)
    try {
      if (this.#tornTail) this.#cutTornTail()
      if (
        this.#active.sizeBytes > 0 &&
        this.#active.sizeBytes + header.sizeBytes > this.settings.segmentBytes
      ) {
        this.#roll()
      }
      this.#tornTail = true
      appendAt(this.#activeFd, batch!, this.#active.sizeBytes)
      this.#tornTail = false
    } catch (error) {
      if (this.#tornTail) this.#tryToCutTornTail()
      const reason = `cannot write to ${this.#directory}: ${messageOf(error)}`
      this.#writes.failed(error)
      throw new Refusal(ErrorCode.KAFKA_STORAGE_ERROR, reason)
    }
    this.#writes.worked()
    this.#note(this.#active, readBatchHeader(batch!, 0))
    this.#dirty = true
    for (const listener of this.#listeners) listener(header.sizeBytes)
    return { baseOffset, logAppendTimeMs }
  }

  /**
   * Whole batches from the one that holds `offset`, as many as fit in `maxBytes` and stand in one segment; with
   * `atLeastOne`, one batch however large it is. Empty at the end of the log. Throws OFFSET_OUT_OF_RANGE outside it.
   */
  read(offset: number, maxBytes: number, atLeastOne: boolean): Buffer {
    if (offset < this.#startOffset || offset > this.#endOffset) {
      throw new Refusal(
        ErrorCode.OFFSET_OUT_OF_RANGE,
        `offset ${offset} is not in ${this.#startOffset} to ${this.#endOffset}`,
      )
    }
    if (offset === this.#endOffset) return Buffer.alloc(0)
    for (let i = this.#segmentIndex(offset); i < this.#segments.length; i++) {
      const batches = this.#readSegment(this.#segments[i]!, offset, maxBytes, atLeastOne)
      if (batches) return batches
    }
    return Buffer.alloc(0)
  }

  /** The first record with a timestamp at or after `timestampMs`, in offset order; undefined when there is none. */
  findByTime(timestampMs: number): { offset: number; timestampMs: number } | undefined {
    for (const segment of this.#segments) {
      if (segment.maxTimestampMs < timestampMs) continue
      for (const [i, entry] of segment.index.entries()) {
        if (entry.maxTimestampMs < timestampMs) continue
        const end = segment.index[i + 1]?.position ?? segment.sizeBytes
        const bytes = this.#withFile(segment, (fd) => readAt(fd, entry.position, end - entry.position))
        for (let at = 0; at < bytes.length; at += readBatchHeader(bytes, at).sizeBytes) {
          const found = findRecordByTime(bytes.subarray(at), timestampMs)
          if (found && found.offset >= this.#startOffset) return found
        }
      }
    }
    return undefined
  }

  /** Make records below `offset` unreadable and remove the segments that hold only such records. */
  deleteBefore(offset: number): void {
    this.#startOffset = Math.max(this.#startOffset, offset)
    while (this.#segments.length > 1 && this.#segments[1]!.baseOffset <= this.#startOffset) {
      fs.rmSync(this.#segments.shift()!.path, { force: true })
    }
  }

  /** Call `listener` with the size of each batch as it is appended, and once with Infinity when the log closes. */
  onAppend(listener: (sizeBytes: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Bring what was appended so far to the disk. */
  async flush(): Promise<void> {
    if (!this.#dirty || this.#activeFd === -1) return
    this.#dirty = false
    await new Promise<void>((resolve) => fs.fdatasync(this.#activeFd, () => resolve()))
  }

  close(): void {
    if (this.#activeFd === -1) return
    if (this.#dirty) fs.fdatasyncSync(this.#activeFd)
    fs.closeSync(this.#activeFd)
    this.#activeFd = -1
    for (const listener of this.#listeners) listener(Number.POSITIVE_INFINITY)
  }

  get #active(): Segment {
    return this.#segments.at(-1)!
  }

  #segmentPath(baseOffset: number): string {
    return path.join(this.#directory, `${String(baseOffset).padStart(20, '0')}.log`)
  }

  #note(segment: Segment, header: BatchHeader): void {
    segment.note(header)
    this.#producers.record(header)
    this.#endOffset = header.lastOffset + 1
  }

  #roll(): void {
    const segment = new Segment(this.#segmentPath(this.#endOffset), this.#endOffset)
    const fd = fs.openSync(segment.path, 'w+')
    const full = this.#activeFd
    fs.fdatasync(full, () => fs.close(full))
    syncDirectory(this.#directory)
    this.#activeFd = fd
    this.#segments.push(segment)
  }

  /** The position of the segment that holds `offset`, or of the last one that starts before it. */
  #segmentIndex(offset: number): number {
    return lastAtOrBefore(this.#segments, offset, (segment) => segment.baseOffset)
  }

  #readSegment(segment: Segment, offset: number, maxBytes: number, atLeastOne: boolean): Buffer | undefined {
    if (segment.index.length === 0) return undefined
    const from = segment.index[lastAtOrBefore(segment.index, offset, (entry) => entry.offset)]!.position
    return this.#withFile(segment, (fd) => {
      // The wanted batch begins less than an index interval further on, so one read finds it and what follows it.
      const wanted = INDEX_INTERVAL_BYTES + Math.max(maxBytes, BATCH_HEADER_BYTES)
      const bytes = readAt(fd, from, Math.min(segment.sizeBytes - from, wanted))
      let start = 0
      while (start + BATCH_HEADER_BYTES <= bytes.length) {
        const header = readBatchHeader(bytes, start)
        if (header.lastOffset >= offset) break
        start += header.sizeBytes
      }
      if (start + BATCH_HEADER_BYTES > bytes.length) return undefined
      const first = readBatchHeader(bytes, start).sizeBytes
      if (first > maxBytes) return atLeastOne ? readAt(fd, from + start, first) : Buffer.alloc(0)
      let end = start + first
      while (end + BATCH_HEADER_BYTES <= bytes.length) {
        const { sizeBytes } = readBatchHeader(bytes, end)
        if (end + sizeBytes > bytes.length || end + sizeBytes - start > maxBytes) break
        end += sizeBytes
      }
      return bytes.subarray(start, end)
    })
  }

  #withFile<T>(segment: Segment, use: (fd: number) => T): T {
    if (segment === this.#active) return use(this.#activeFd)
    const fd = fs.openSync(segment.path, 'r')
    try {
      return use(fd)
    } finally {
      fs.closeSync(fd)
    }
  }

  /**
   * Rebuild index and producers from the file of a segment. Checksums are verified in the last segment, which is the
   * only one that a kill can have torn. What follows the last good batch is cut off there; in an older segment, which
   * only a broken disk damages, it is left alone and not served, so that later offsets keep their place.
   */
  #recover(segment: Segment): void {
    this.#endOffset = Math.max(this.#endOffset, segment.baseOffset)
    if (!fs.existsSync(segment.path)) return
    const last = segment === this.#active
    const fd = fs.openSync(segment.path, last ? 'r+' : 'r')
    try {
      const fileBytes = fs.fstatSync(fd).size
      let window: Buffer = Buffer.alloc(0)
      let windowAt = 0
      const bytesAt = (position: number, length: number): Buffer => {
        if (position < windowAt || position + length > windowAt + window.length) {
          window = readAt(fd, position, Math.min(Math.max(length, SCAN_BYTES), fileBytes - position))
          windowAt = position
        }
        return window.subarray(position - windowAt, position - windowAt + length)
      }
      while (segment.sizeBytes + BATCH_HEADER_BYTES <= fileBytes) {
        const header = readBatchHeader(bytesAt(segment.sizeBytes, BATCH_HEADER_BYTES), 0)
        const fits =
          header.magic === 2 &&
          header.sizeBytes >= BATCH_HEADER_BYTES &&
          segment.sizeBytes + header.sizeBytes <= fileBytes &&
          header.baseOffset >= this.#endOffset &&
          header.lastOffset >= header.baseOffset
        if (!fits || (last && !checksumFits(bytesAt(segment.sizeBytes, header.sizeBytes), header))) break
        this.#note(segment, header)
      }
      if (segment.sizeBytes === fileBytes) return
      const lost = `${fileBytes - segment.sizeBytes} bytes after offset ${this.#endOffset - 1} in ${segment.path}`
      if (last) fs.ftruncateSync(fd, segment.sizeBytes)
      this.#log(last ? `kafka: cut off a torn tail: ${lost}` : `kafka: damaged, not served: ${lost}`)
    } finally {
      fs.closeSync(fd)
    }
  }

  #cutTornTail(): void {
    fs.ftruncateSync(this.#activeFd, this.#active.sizeBytes)
    this.#tornTail = false
  }

  #tryToCutTornTail(): void {
    try {
      this.#cutTornTail()
    } catch {
      // Tried again before the next append, and at the next start.
    }
  }
}

type IndexEntry = { readonly offset: number; readonly position: number; maxTimestampMs: number }

/** One file of a log: how far it is filled, and where in it offsets and times are found. */
class Segment {
  readonly path: string
  readonly baseOffset: number
  readonly index: IndexEntry[] = [] // each entry stands for the batches up to the next one
  sizeBytes = 0
  maxTimestampMs = Number.NEGATIVE_INFINITY

  constructor(file: string, baseOffset: number) {
    this.path = file
    this.baseOffset = baseOffset
  }

  /** A batch was appended, or found at start. */
  note({ baseOffset, sizeBytes, maxTimestampMs }: BatchHeader): void {
    const entry = this.index.at(-1)
    if (!entry || this.sizeBytes - entry.position >= INDEX_INTERVAL_BYTES) {
      this.index.push({ offset: baseOffset, position: this.sizeBytes, maxTimestampMs })
    } else if (maxTimestampMs > entry.maxTimestampMs) {
      entry.maxTimestampMs = maxTimestampMs
    }
    if (maxTimestampMs > this.maxTimestampMs) this.maxTimestampMs = maxTimestampMs
    this.sizeBytes += sizeBytes
  }
}

/** The index of the last item whose key is at or before `key`; 0 when there is none. Items are sorted by key. */
function lastAtOrBefore<T>(items: readonly T[], key: number, keyOf: (item: T) => number): number {
  let low = 0
  let high = items.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (keyOf(items[middle]!) <= key) low = middle
    else high = middle - 1
  }
  return low
}
