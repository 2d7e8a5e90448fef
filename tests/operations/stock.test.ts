import { bronzeLine } from '@cupel/core/bronze'
import { dataset } from '@cupel/core/dataset'
import { text, timestamp } from '@cupel/core/kinds'
import { objectCreatedEvent } from '@cupel/core/s3-event'
import { createTable } from '@cupel/core/warehouse-sql'
import { openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import { silverToText } from '@cupel/duckdb/silver-text'
import { beforeAll, describe, expect, it } from 'vitest'
import { makeLoad } from '#functions/gold/load/load.ts'
import { makeRefine } from '#functions/silver/refine/refine.ts'
import { keptFailures } from '#operations/kept-failures.ts'
import { takeStock } from '#operations/stock.ts'
import { kafkaRecord } from '../support/kafka.ts'
import { memoryObjectStore } from '../support/memory-object-store.ts'
import { makeDatabase, type TestDatabase } from '../support/postgres.ts'

const failed = (topicPartition: string, offset: number, condition = 'MaximumPayloadSizeExceeded') =>
  Buffer.from(
    JSON.stringify({
      requestContext: { condition },
      KafkaBatchInfo: {
        recordsInfo: {
          [topicPartition]: { firstRecordOffset: String(offset), lastRecordOffset: String(offset) },
        },
      },
    }),
  )

describe('keptFailures', () => {
  it('counts a record once that was kept again after a crash, no batch that failed, and no object of somebody else', async () => {
    const store = memoryObjectStore()
    await store.put('a', failed('my-topic-1', 7))
    await store.put('b', failed('my-topic-1', 7))
    await store.put('c', failed('my-topic-1', 8))
    await store.put('d', Buffer.from('no JSON'))
    await store.put('e', Buffer.from('null'))
    await store.put('f', failed('my-topic-1', 9, 'RetryAttemptsExhausted'))
    expect(await keptFailures(store)).toEqual([
      { topic: 'my-topic', partition: 1, firstOffset: 7, lastOffset: 7 },
      { topic: 'my-topic', partition: 1, firstOffset: 8, lastOffset: 8 },
    ])
  })

  it('reads an object once, however often it is asked', async () => {
    const store = memoryObjectStore()
    await store.put('a', failed('t-0', 1))
    let reads = 0
    const counting = {
      list: store.list,
      get: (key: string) => {
        reads++
        return store.get(key)
      },
    }
    const known = new Map()
    expect(await keptFailures(counting, known)).toEqual(await keptFailures(counting, known))
    expect(reads).toBe(1)
  })
})

describe('takeStock', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await makeDatabase()
  })

  it('compares gold with silver, also where SQL reserves the names of table and key', async () => {
    const orders = dataset({
      name: 'orders',
      description: 'Orders.',
      topic: 'orders',
      bronzeFolder: 'orders',
      silverFolder: 'orders',
      table: 'order',
      version: 1,
      key: 'user',
      orderBy: 'at',
      fields: { user: text('Who ordered.'), at: timestamp('When.') },
    })
    await database.warehouse.query(createTable(orders))
    const lake = memoryObjectStore()
    const value = Buffer.from('{"user":"jo","at":"2026-01-02T03:04:05Z"}')
    await lake.put('bronze/orders/x.ndjson', Buffer.from(`${bronzeLine(kafkaRecord({ value }))}\n`))
    const created = (key: string) => objectCreatedEvent('lake', [{ key, eTag: '', size: 0 }])
    const engine = await openEngine()
    await makeRefine({
      lake,
      datasetOf: () => orders,
      refineFile: (of, files) => refineFile(engine, of, files),
    })(created('bronze/orders/x.ndjson'))
    const { warehouse } = database
    await makeLoad({
      lake,
      warehouse,
      datasets: [orders],
      silverToText: (of, files) => silverToText(engine, of, files),
      warn: () => {},
    })(created('silver/orders/x.parquet'))
    engine.close()

    const kafka = {
      offsets: async () => ({ records: 1, partitions: [{ partition: 0, start: 0, end: 1 }] }),
      groups: async () => [],
      committed: async () => new Map(),
    }
    const gold = async () =>
      (await takeStock({ kafka, lake, failures: memoryObjectStore(), warehouse }, [orders]))[0]!.gold
    expect(await gold()).toEqual({ rows: 1, compared: true, notTheFoldOfSilver: [] })
    const { body } = (await lake.get('silver/orders/x.parquet'))!
    await lake.put('silver/orders/y.parquet', body) // not loaded yet
    expect(await gold()).toEqual({ rows: 1, compared: true, notTheFoldOfSilver: [] })
    await warehouse.query('UPDATE "order" SET "user" = $1', ['bo'])
    expect([...(await gold()).notTheFoldOfSilver].sort()).toEqual(['bo', 'jo'])
  })
})
