import type { KafkaRecord } from '@cupel/core/kafka-event'
import { bronzeKey } from '@cupel/core/keys'
import type { ObjectStore } from '@cupel/io/object-store'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { makeIngest } from '#functions/bronze/ingest-stream/ingest.ts'
import { kafkaRecord, kafkaRecords, mskEvent } from '../../support/kafka.ts'
import { memoryObjectStore } from '../../support/memory-object-store.ts'

const folderOf = (topic: string) => (topic === 'transactions' ? 'transactions-folder' : undefined)
const keyOf = (firstOffset: number, partition = 0) =>
  bronzeKey('transactions-folder', { topic: 'transactions', partition }, firstOffset)

/** Every environment of the function has a memory of its own; the lake is what they share. */
const environment = (lake: ObjectStore) => makeIngest({ lake, folderOf })

async function storedOffsets(lake: ReturnType<typeof memoryObjectStore>): Promise<number[]> {
  const bodies = await Promise.all(lake.keys().map(async (key) => (await lake.get(key))!.body))
  const lines = bodies.flatMap((body) => Buffer.from(body).toString().trimEnd().split('\n'))
  return lines.map((line) => JSON.parse(line).offset)
}

describe('ingest', () => {
  it('writes one object for each topic-partition of a batch', async () => {
    const lake = memoryObjectStore()
    const records = [...kafkaRecords(0, 3), ...kafkaRecords(7, 9, { partition: 1 })]
    expect(await environment(lake)(mskEvent(records))).toEqual({ objects: 2, records: 5, redelivered: 0 })
    expect(lake.keys()).toEqual([keyOf(0), keyOf(7, 1)])
    expect((await lake.head(keyOf(7, 1)))?.metadata).toMatchObject({
      'first-offset': '7',
      'last-offset': '8',
      records: '2',
    })
  })

  it('does nothing for an empty batch', async () => {
    const lake = memoryObjectStore()
    expect(await environment(lake)(mskEvent([]))).toEqual({ objects: 0, records: 0, redelivered: 0 })
    expect(lake.keys()).toEqual([])
  })

  it('keeps records of a topic that no dataset claims', async () => {
    const lake = memoryObjectStore()
    await environment(lake)(mskEvent(kafkaRecords(0, 2, { topic: 'strange.topic' })))
    expect(lake.keys()).toEqual([
      bronzeKey('unclaimed-strange.topic', { topic: 'strange.topic', partition: 0 }, 0),
    ])
  })

  it('keeps a null key, a tombstone and header bytes that are not UTF-8', async () => {
    const lake = memoryObjectStore()
    const odd = kafkaRecord({ key: null, value: null, headers: [['h', Uint8Array.of(0xff, 0x00)]] })
    await environment(lake)(mskEvent([odd]))
    const line = JSON.parse(Buffer.from((await lake.get(keyOf(0)))!.body).toString())
    expect(line).toMatchObject({ key: null, format: 'tombstone', value: null, headers: [['h', '/wA=']] })
  })

  it('stores a redelivered batch once, in an environment that knows nothing of the first attempt', async () => {
    const lake = memoryObjectStore()
    await environment(lake)(mskEvent(kafkaRecords(0, 5)))
    expect(await environment(lake)(mskEvent(kafkaRecords(0, 5)))).toEqual({
      objects: 0,
      records: 0,
      redelivered: 5,
    })
  })

  it('starts after the end of what a redelivery with other boundaries finds', async () => {
    const lake = memoryObjectStore()
    await environment(lake)(mskEvent(kafkaRecords(0, 5)))
    expect(await environment(lake)(mskEvent(kafkaRecords(0, 8)))).toMatchObject({
      records: 3,
      redelivered: 5,
    })
    expect(lake.keys()).toEqual([keyOf(0), keyOf(5)])
  })

  it('finds a predecessor that begins far before the batch', async () => {
    const lake = memoryObjectStore()
    const sparse = [
      kafkaRecord({ offset: 3 }),
      kafkaRecord({ offset: 40_000 }),
      kafkaRecord({ offset: 50_000 }),
    ]
    await environment(lake)(mskEvent(sparse))
    expect(await environment(lake)(mskEvent(sparse.slice(2)))).toMatchObject({ records: 0, redelivered: 1 })
  })

  it('does not look up the predecessor of a batch that goes on where its own last one ended', async () => {
    const lake = memoryObjectStore()
    let lists = 0
    const counting: ObjectStore = {
      ...lake,
      list: (...of) => {
        lists++
        return lake.list(...of)
      },
    }
    const ingest = environment(counting)
    await ingest(mskEvent(kafkaRecords(0, 5)))
    lists = 0
    await ingest(mskEvent(kafkaRecords(5, 9)))
    expect(lists).toBe(0)
  })

  it('says that a topic was made anew when a stored offset holds other bytes', async () => {
    const lake = memoryObjectStore()
    await environment(lake)(mskEvent(kafkaRecords(0, 5)))
    const other = kafkaRecords(0, 5, { value: Buffer.from('"other"') })
    await expect(environment(lake)(mskEvent(other))).rejects.toMatchObject({ code: 'TOPIC_REPLACED' })
  })

  it('passes over an object without the metadata of bronze, and says so when it takes the place of a batch', async () => {
    const lake = memoryObjectStore()
    await environment(lake)(mskEvent(kafkaRecords(0, 5)))
    await lake.put(keyOf(3), Buffer.from('put there by hand'))
    expect(await environment(lake)(mskEvent(kafkaRecords(4, 6)))).toMatchObject({
      records: 1,
      redelivered: 1,
    })
    await lake.put(keyOf(6), Buffer.from('put there by hand'))
    await expect(environment(lake)(mskEvent(kafkaRecords(6, 8)))).rejects.toMatchObject({
      code: 'OBJECT',
      message: expect.stringContaining(keyOf(6)),
    })
  })

  it('stores each offset in exactly one object, whatever batches are redelivered to whatever environments', async () => {
    // A partition's batches begin at the committed offset; a zombie may still be writing when its successor starts.
    const attempt = fc.record({
      environment: fc.nat(2),
      records: fc.integer({ min: 1, max: 6 }),
      commits: fc.boolean(),
      waits: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(attempt, { maxLength: 12 }), async (attempts) => {
        const lake = memoryObjectStore()
        const environments = [0, 1, 2].map(() => environment(lake))
        const busy: Promise<unknown>[] = []
        let committed = 0
        let end = 0
        for (const { environment, records, commits, waits } of attempts) {
          const batch: KafkaRecord[] = kafkaRecords(committed, committed + records)
          end = Math.max(end, committed + records)
          // An environment serves one invocation at a time.
          const run = (busy[environment] ?? Promise.resolve()).then(() =>
            environments[environment]!(mskEvent(batch)),
          )
          busy[environment] = run
          if (commits || waits) await run
          if (commits) committed += records
        }
        await Promise.all(busy)
        expect((await storedOffsets(lake)).sort((a, b) => a - b)).toEqual(
          Array.from({ length: end }, (_, i) => i),
        )
      }),
    )
  })
})
