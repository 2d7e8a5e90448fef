import zlib from 'node:zlib'
import { crc32c } from '../crc32c.ts'
import { ErrorCode, Refusal } from './error-codes.ts'
import { Reader, readInt64, varint, writeInt64 } from './wire.ts'

/** Bytes before the first record of a batch. */
export const BATCH_HEADER_BYTES = 61

/**
 * The header of a record batch v2, https://kafka.apache.org/documentation/#recordbatch:
 *
 *     batch => base_offset (int64) batch_length (int32) partition_leader_epoch (int32) magic (int8) crc (uint32)
 *              attributes (int16) last_offset_delta (int32) base_timestamp (int64) max_timestamp (int64)
 *              producer_id (int64) producer_epoch (int16) base_sequence (int32) record_count (int32) [record]
 *
 * The checksum covers everything from `attributes` on, so base offset and leader epoch can be set without it.
 */
export type BatchHeader = {
  readonly baseOffset: number
  readonly sizeBytes: number // of the whole batch, header included
  readonly magic: number
  readonly crc: number
  readonly compression: number // 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd
  readonly logAppendTime: boolean
  readonly transactional: boolean
  readonly control: boolean
  readonly lastOffset: number // inclusive
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  readonly producerId: number // -1: not idempotent
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

/** `bytes` must hold at least `BATCH_HEADER_BYTES` from `at`; nothing is checked. */
export function readBatchHeader(bytes: Buffer, at: number): BatchHeader {
  const baseOffset = readInt64(bytes, at)
  const attributes = bytes.readInt16BE(at + 21)
  return {
    baseOffset,
    sizeBytes: bytes.readInt32BE(at + 8) + 12,
    magic: bytes.readInt8(at + 16),
    crc: bytes.readUInt32BE(at + 17),
    compression: attributes & 7,
    logAppendTime: (attributes & 8) !== 0,
    transactional: (attributes & 16) !== 0,
    control: (attributes & 32) !== 0,
    lastOffset: baseOffset + bytes.readInt32BE(at + 23),
    baseTimestampMs: readInt64(bytes, at + 27),
    maxTimestampMs: readInt64(bytes, at + 35),
    producerId: readInt64(bytes, at + 43),
    producerEpoch: bytes.readInt16BE(at + 51),
    baseSequence: bytes.readInt32BE(at + 53),
    recordCount: bytes.readInt32BE(at + 57),
  }
}

/** Whether the checksum in the header fits the bytes of the whole batch. */
export const checksumFits = (batch: Buffer, header: BatchHeader): boolean =>
  crc32c(batch.subarray(21, header.sizeBytes)) === header.crc

/** The header of the one batch that a producer sent. Throws a `Refusal` that says what is wrong with it. */
export function checkProducedBatch(batch: Buffer | null, maxBytes: number): BatchHeader {
  if (batch === null || batch.length < BATCH_HEADER_BYTES) {
    throw new Refusal(ErrorCode.CORRUPT_MESSAGE, `a record batch has at least ${BATCH_HEADER_BYTES} bytes`)
  }
  const header = readBatchHeader(batch, 0)
  if (header.magic !== 2) {
    throw new Refusal(ErrorCode.INVALID_RECORD, `record batches have magic 2, got ${header.magic}`)
  }
  if (batch.length > maxBytes) {
    throw new Refusal(
      ErrorCode.MESSAGE_TOO_LARGE,
      `the batch has ${batch.length} bytes, max.message.bytes is ${maxBytes}`,
    )
  }
  if (header.sizeBytes < BATCH_HEADER_BYTES || header.sizeBytes > batch.length) {
    throw new Refusal(ErrorCode.CORRUPT_MESSAGE, 'the length in the batch is not its length')
  }
  if (header.sizeBytes !== batch.length) {
    throw new Refusal(ErrorCode.INVALID_RECORD, 'a produce request carries exactly one batch a partition')
  }
  if (!checksumFits(batch, header)) throw new Refusal(ErrorCode.CORRUPT_MESSAGE, 'the CRC-32C does not fit')
  if (header.recordCount < 1 || header.lastOffset - header.baseOffset !== header.recordCount - 1) {
    throw new Refusal(ErrorCode.INVALID_RECORD, 'the number of records does not fit the last offset')
  }
  if (header.compression > 4) {
    throw new Refusal(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, `unknown compression ${header.compression}`)
  }
  if (header.control) throw new Refusal(ErrorCode.INVALID_RECORD, 'clients do not write control batches')
  if (header.transactional) throw new Refusal(ErrorCode.INVALID_TXN_STATE, 'transactions are not supported')
  if (header.logAppendTime)
    throw new Refusal(ErrorCode.INVALID_TIMESTAMP, 'only the broker sets log append time')
  if (header.producerId >= 0 && (header.producerEpoch < 0 || header.baseSequence < 0)) {
    throw new Refusal(ErrorCode.INVALID_RECORD, 'an idempotent batch has an epoch and a sequence')
  }
  return header
}

/** Give a checked batch its place in the log, and the broker's time where the topic asks for it. Changes `batch`. */
export function stampBatch(batch: Buffer, baseOffset: number, logAppendTimeMs?: number): void {
  writeInt64(batch, baseOffset, 0)
  batch.writeInt32BE(0, 12)
  if (logAppendTimeMs === undefined) return
  batch.writeInt16BE(batch.readInt16BE(21) | 8, 21)
  writeInt64(batch, logAppendTimeMs, 35)
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
}

/**
 * The first record of a whole batch with a timestamp at or after `timestampMs`.
 *
 *     record => length (varint) attributes (int8) timestamp_delta (varint) offset_delta (varint) …
 *
 * Compression that node:zlib cannot undo gives the first offset of the batch: early, never late.
 */
export function findRecordByTime(
  batch: Buffer,
  timestampMs: number,
): { offset: number; timestampMs: number } | undefined {
  const header = readBatchHeader(batch, 0)
  if (header.maxTimestampMs < timestampMs) return undefined
  const first = { offset: header.baseOffset, timestampMs: header.maxTimestampMs }
  if (header.logAppendTime || header.compression > 1) return first
  try {
    const body = batch.subarray(BATCH_HEADER_BYTES, header.sizeBytes)
    const records = new Reader(
      header.compression === 1 ? zlib.gunzipSync(body, { maxOutputLength: 256 * 1024 * 1024 }) : body,
    )
    while (records.remaining > 0) {
      const length = varint.read(records)
      const end = records.position + length
      records.skip(1)
      const recordTimeMs = header.baseTimestampMs + varint.read(records)
      const offset = header.baseOffset + varint.read(records)
      if (recordTimeMs >= timestampMs) return { offset, timestampMs: recordTimeMs }
      records.skip(end - records.position)
    }
    return undefined
  } catch {
    return first // the producer's bytes inside the batch are not ours to judge
  }
}
