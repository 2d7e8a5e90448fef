import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ErrorCode } from '#localstack/kafka/error-codes.ts'
import { PartitionLog } from '#localstack/kafka/partition-log.ts'
import { BATCH_HEADER_BYTES, readBatchHeader } from '#localstack/kafka/record-batch.ts'
import { temporaryDirectory } from './harness.ts'
import { makeBatch } from './record-batches.ts'

const settings = { segmentBytes: 100_000, maxBatchBytes: 1_000_000, logAppendTime: false }

async function openLog(overrides: Partial<typeof settings> = {}) {
  const directory = await temporaryDirectory()
  const lines: string[] = []
  const open = () => {
    const log = new PartitionLog(directory, { ...settings, ...overrides }, (line) => lines.push(line))
    onTestFinished(() => log.close())
    return log
  }
  return { directory, lines, open, log: open() }
}

const headersIn = (batches: Buffer) => {
  const headers = []
  for (let at = 0; at < batches.length; at += headers.at(-1)!.sizeBytes)
    headers.push(readBatchHeader(batches, at))
  return headers
}

/** Base offsets of everything from `offset` to the end, read in steps of `maxBytes`. */
function readThrough(log: PartitionLog, offset: number, maxBytes: number): number[] {
  const offsets: number[] = []
  for (let next = offset; next < log.endOffset; ) {
    const headers = headersIn(log.read(next, maxBytes, true))
    offsets.push(...headers.map(({ baseOffset }) => baseOffset))
    next = headers.at(-1)!.lastOffset + 1
  }
  return offsets
}

describe('reading', () => {
  it('gives every batch once, in order, from any offset, in steps of any size, before and after a restart', async () => {
    const { log, open } = await openLog({ segmentBytes: 50_000 })
    const bases: number[] = []
    for (let i = 0; i < 200; i++) {
      const values = Array.from({ length: (i % 7) + 1 }, () => '.'.repeat((i * 37) % 900))
      bases.push(log.append(makeBatch(values)).baseOffset)
    }
    log.close()
    const again = open()
    expect(again.endOffset).toBe(log.endOffset)
    fc.assert(
      fc.property(fc.nat(again.endOffset - 1), fc.integer({ min: 1, max: 60_000 }), (offset, maxBytes) => {
        const first = bases.findLastIndex((base) => base <= offset)
        expect(readThrough(again, offset, maxBytes)).toEqual(bases.slice(first))
      }),
      { numRuns: 40 },
    )
  })

  it('keeps to the limit with whole batches, but gives a first one that is larger', async () => {
    const { log } = await openLog()
    const batch = makeBatch(['x'.repeat(500)])
    for (let i = 0; i < 5; i++) log.append(Buffer.from(batch))
    expect(log.read(0, batch.length * 3 + 1, true)).toHaveLength(batch.length * 3)
    expect(log.read(0, 10, true)).toHaveLength(batch.length)
    expect(log.read(0, 10, false)).toHaveLength(0)
    expect(log.read(5, 10_000, true)).toHaveLength(0)
  })

  it('refuses an offset outside of the log', async () => {
    const { log } = await openLog()
    log.append(makeBatch(['a']))
    expect(() => log.read(2, 100, true)).toThrow(
      expect.objectContaining({ code: ErrorCode.OFFSET_OUT_OF_RANGE }),
    )
    expect(() => log.read(-1, 100, true)).toThrow(
      expect.objectContaining({ code: ErrorCode.OFFSET_OUT_OF_RANGE }),
    )
  })
})

describe('times', () => {
  it('finds the first record at or after a time as a plain search would', async () => {
    const { log, open } = await openLog({ segmentBytes: 3000 })
    const all: number[] = []
    for (let i = 0; i < 100; i++) {
      const timestamps = [0, 1, 2].map((j) => 1000 + ((i * 53 + j * 17) % 700)) // not in order
      all.push(...timestamps)
      log.append(makeBatch(['a', 'b', 'c'], { timestamps, gzip: i % 2 === 0 }))
    }
    log.close()
    const again = open()
    for (let timestampMs = 990; timestampMs <= 1701; timestampMs += 3) {
      const offset = all.findIndex((time) => time >= timestampMs)
      const expected = offset === -1 ? undefined : { offset, timestampMs: all[offset] }
      expect(again.findByTime(timestampMs)).toEqual(expected)
    }
  })
})

describe('idempotent producers', () => {
  const from = (sequence: number, epoch = 0) => makeBatch(['a', 'b'], { producerId: 7, epoch, sequence })

  it('have a batch that they send again recognised, after a restart too', async () => {
    const { log, open } = await openLog()
    expect([0, 2, 4].map((sequence) => log.append(from(sequence)).baseOffset)).toEqual([0, 2, 4])
    expect(log.append(from(2)).baseOffset).toBe(2)
    expect(log.endOffset).toBe(6)
    log.close()
    const again = open()
    expect(again.append(from(4)).baseOffset).toBe(4)
    expect(again.append(from(6)).baseOffset).toBe(6)
    expect(again.endOffset).toBe(8)
  })

  it('are refused a gap, a batch of an earlier epoch, and a new epoch that does not start at 0', async () => {
    const { log } = await openLog()
    log.append(from(0))
    const code = (batch: Buffer) => {
      try {
        return log.append(batch)
      } catch (error) {
        return (error as { code: number }).code
      }
    }
    expect(code(from(4))).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    expect(code(from(2, 1))).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    expect(code(from(0, 1))).toMatchObject({ baseOffset: 2 })
    expect(code(from(2, 0))).toBe(ErrorCode.INVALID_PRODUCER_EPOCH)
    expect(log.endOffset).toBe(4)
  })

  it('go on with sequence 0 after 2^31-1', async () => {
    const { log } = await openLog()
    log.append(from(0x7fff_fffe))
    expect(log.append(from(0)).baseOffset).toBe(2)
    expect(log.append(from(0)).baseOffset).toBe(2)
  })
})

describe('what a producer sends', () => {
  const batch = makeBatch(['value'])
  const changed = (at: number, byte: number) => {
    const copy = Buffer.from(batch)
    copy[at] = byte
    return copy
  }
  it.each([
    ['nothing', null, ErrorCode.CORRUPT_MESSAGE],
    ['too few bytes', batch.subarray(0, BATCH_HEADER_BYTES - 1), ErrorCode.CORRUPT_MESSAGE],
    ['half a batch', batch.subarray(0, -1), ErrorCode.CORRUPT_MESSAGE],
    ['a changed byte', changed(batch.length - 1, 1), ErrorCode.CORRUPT_MESSAGE],
    ['an old format', changed(16, 1), ErrorCode.INVALID_RECORD],
    ['two batches', Buffer.concat([batch, batch]), ErrorCode.INVALID_RECORD],
    ['an unknown compression', makeBatch(['v'], { attributes: 5 }), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE],
    ['log append time', makeBatch(['v'], { attributes: 8 }), ErrorCode.INVALID_TIMESTAMP],
    ['a transaction', makeBatch(['v'], { attributes: 16 }), ErrorCode.INVALID_TXN_STATE],
    ['a control batch', makeBatch(['v'], { attributes: 32 }), ErrorCode.INVALID_RECORD],
    ['more than is allowed', makeBatch(['x'.repeat(1_000_000)]), ErrorCode.MESSAGE_TOO_LARGE],
  ])('is refused when it is %s', async (_, bytes, code) => {
    const { log } = await openLog()
    expect(() => log.append(bytes)).toThrow(expect.objectContaining({ code }))
    expect(log.endOffset).toBe(0)
  })
})

describe('damage', () => {
  it('in an older segment loses its rest only: later offsets keep their place and are served', async () => {
    const { directory, log, open, lines } = await openLog({ segmentBytes: 1000 })
    for (let i = 0; i < 10; i++) log.append(makeBatch(['x'.repeat(300)]))
    log.close()
    const first = path.join(directory, fs.readdirSync(directory).sort()[0]!)
    const bytes = fs.readFileSync(first)
    bytes[readBatchHeader(bytes, 0).sizeBytes + 16] = 9 // the format of the second batch
    fs.writeFileSync(first, bytes)

    const again = open()
    expect(lines).toEqual([expect.stringContaining('damaged, not served')])
    expect(again.endOffset).toBe(10)
    expect(readThrough(again, 0, 100_000)).toEqual([0, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(fs.readFileSync(first).equals(bytes)).toBe(true)
  })

  it('of any kind at the end never keeps the log from opening, nor loses what stood before', async () => {
    const { directory, log, open } = await openLog()
    for (let i = 0; i < 3; i++) log.append(makeBatch([`${i}`]))
    log.close()
    const file = path.join(directory, fs.readdirSync(directory)[0]!)
    const whole = fs.readFileSync(file)
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (garbage) => {
        fs.writeFileSync(file, Buffer.concat([whole, garbage]))
        const again = open()
        expect(again.endOffset).toBe(3)
        again.close()
        expect(fs.readFileSync(file).equals(whole)).toBe(true)
      }),
    )
  })
})
