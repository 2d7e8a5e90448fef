import fc from 'fast-check'
// @ts-expect-error: kafkajs has no types for its inner modules
import Record from 'kafkajs/src/protocol/recordBatch/record/v0/index.js'
// @ts-expect-error: as above
import { RecordBatch } from 'kafkajs/src/protocol/recordBatch/v0/index.js'
// @ts-expect-error: as above
import response from 'kafkajs/src/protocol/requests/fetch/v11/response.js'
// @ts-expect-error: as above
import Long from 'kafkajs/src/utils/long.js'
import { expect, it } from 'vitest'
import { quickKafkajs, readFetch } from '#localstack/event-sources/kafka/quick-kafkajs.ts'
import { fetchResponse } from '#localstack/kafka/apis/fetch.ts'
import { Writer } from '#localstack/kafka/wire.ts'

type Batch = {
  readonly compression?: 0 | 1
  readonly firstOffset: number
  readonly flags: number // attributes beside compression: 8 log append time, 16 transactional, 32 control
  readonly records: readonly {
    readonly timestampMs: number
    readonly key: Buffer | null
    readonly value: Buffer | null
    readonly headers: { readonly [name: string]: Buffer | Buffer[] }
  }[]
}

/** As a producer of kafkajs writes it. */
async function bytesOf({ compression = 0, firstOffset, flags, records }: Batch): Promise<Buffer> {
  const firstTimestamp = records[0]!.timestampMs
  const batch = await RecordBatch({
    compression,
    firstOffset: Long.fromValue(firstOffset),
    firstTimestamp,
    maxTimestamp: Math.max(...records.map(({ timestampMs }) => timestampMs)),
    lastOffsetDelta: records.length - 1,
    producerId: Long.fromValue(7),
    records: records.map(({ timestampMs, ...record }, offsetDelta) =>
      Record({ ...record, offsetDelta, timestampDelta: timestampMs - firstTimestamp }),
    ),
  })
  const { buffer } = batch as { buffer: Buffer }
  buffer[22]! |= flags
  return buffer
}

/** A fetch response of version 11 with a partition for each list of batches, of which the last bytes are cut off. */
async function answer(partitions: readonly (readonly Batch[])[], cut = 0): Promise<Buffer> {
  const to = new Writer()
  to.version = 11
  const records = await Promise.all(
    partitions.map(async (batches) => Buffer.concat(await Promise.all(batches.map(bytesOf)))),
  )
  fetchResponse.write(to, {
    throttleTimeMs: 3,
    topics: [
      {
        name: 'orders',
        partitions: records.map((bytes, index) => ({
          ...{ index, errorCode: 0, highWatermark: 100, lastStableOffset: 99, logStartOffset: 1 },
          abortedTransactions: index === 0 ? null : [{ producerId: 7, firstOffset: 5 }],
          records: bytes.subarray(0, Math.max(0, bytes.length - cut)),
        })),
      },
    ],
  })
  return Buffer.concat(to.finish())
}

const one: Batch = {
  firstOffset: 5,
  flags: 0,
  records: [{ timestampMs: 1_000, key: null, value: Buffer.from('v'), headers: {} }],
}
const bytes = fc.uint8Array({ maxLength: 300 }).map((all) => Buffer.from(all))
const name = fc.string({ unit: 'grapheme' }).filter((each) => !(each in {}))
const anyBatch: fc.Arbitrary<Batch> = fc.record({
  firstOffset: fc.nat(),
  flags: fc.integer({ min: 0, max: 7 }).map((bits) => bits << 3),
  records: fc.array(
    fc.record({
      timestampMs: fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
      key: fc.option(bytes),
      value: fc.option(bytes),
      headers: fc.dictionary(name, fc.oneof(bytes, fc.array(bytes, { minLength: 2, maxLength: 3 })), {
        maxKeys: 3,
      }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
})
const { decode } = response

it('reads what kafkajs reads, whatever is fetched', async () => {
  const partitions = fc.array(fc.array(anyBatch, { maxLength: 3 }), { maxLength: 2 })
  await fc.assert(
    fc.asyncProperty(partitions, fc.nat(50), async (batches, cut) => {
      const fetched = await answer(batches, cut)
      expect(await decode(fetched)).toMatchObject(readFetch(fetched)!)
    }),
  )
})

it('leaves an answer with compressed records to kafkajs, and reads all others for it', async () => {
  quickKafkajs()
  quickKafkajs() // twice is once
  const zipped = await answer([[one], [one, { ...one, compression: 1 }]])
  expect(readFetch(zipped)).toBe(undefined)
  expect(await response.decode(zipped)).toEqual(await decode(zipped))
  const plain = await answer([[one]])
  expect(await response.decode(plain)).toEqual(readFetch(plain))
})
