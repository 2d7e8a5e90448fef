import { bronzeLine } from '@cupel/core/bronze'
import { bronzeKey, parseBronzeKey, silverKey } from '@cupel/core/keys'
import { objectCreatedEvent } from '@cupel/core/s3-event'
import { openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import { silverToText } from '@cupel/duckdb/silver-text'
import type { Postgres } from '@cupel/io/postgres'
import { transactions } from '#datasets/finance/transactions.ts'
import { datasetByBronzeFolder, datasetBySilverFolder } from '#datasets/index.ts'
import { makeDetect } from '#functions/gold/detect-fraud/detect.ts'
import { makeLoad } from '#functions/gold/load/load.ts'
import { makeRefine } from '#functions/silver/refine/refine.ts'
import { kafkaRecord, mskEvent } from './kafka.ts'
import { memoryObjectStore } from './memory-object-store.ts'

export const transaction = (id: number, changes: object = {}) => ({
  transaction_id: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
  account_id: '00000000-0000-4000-a000-000000000001',
  user_id: '00000000-0000-4000-b000-000000000001',
  merchant_id: '00000000-0000-4000-9000-000000000001',
  amount: '10.00',
  currency: 'EUR',
  country: 'DE',
  city: 'Berlin',
  channel: 'online',
  event_time: '2026-01-05T00:00:00Z',
  ...changes,
})

/** The transactions' way through the real functions, over a lake in memory and a database of the test's. */
export async function makePipeline(warehouse: Postgres) {
  const lake = memoryObjectStore()
  const engine = await openEngine()
  const refine = makeRefine({
    lake,
    datasetOf: datasetByBronzeFolder,
    refineFile: (dataset, files) => refineFile(engine, dataset, files),
  })
  const load = makeLoad({
    lake,
    warehouse,
    datasetOf: datasetBySilverFolder,
    silverToText: (dataset, files) => silverToText(engine, dataset, files),
    warn: () => {},
  })
  const detect = makeDetect({ warehouse, alerts: { send: async () => {} }, now: Date.now })
  const created = (key: string) => objectCreatedEvent('lake', [{ key, eTag: '', size: 0 }])
  let end = 0
  let committed: number | undefined
  return {
    lake,
    kafka: {
      offsets: async () => ({ records: end, partitions: [{ partition: 0, start: 0, end }] }),
      groups: async () => ['cupel-local-ingest-transactions'],
      committed: async () => new Map(committed === undefined ? [] : [[0, committed]]),
    },
    /** Appends records that nobody reads; the consumer groups go on from `next`. */
    append(records: number, next = end): void {
      committed = next
      end += records
    },
    /** Records of partition 0 that come now, as one bronze object, through all stages; objects become JSON. Its key. */
    async receive(values: readonly (object | string | null)[]): Promise<string> {
      const records = values.map((value, i) =>
        kafkaRecord({
          offset: end + i,
          value:
            value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
        }),
      )
      const key = bronzeKey(transactions.bronzeFolder, { topic: 'transactions', partition: 0 }, end)
      const metadata = {
        'first-offset': String(end),
        'last-offset': String(end + records.length - 1),
        records: String(records.length),
      }
      end += records.length
      await lake.put(key, Buffer.from(records.map((record) => `${bronzeLine(record)}\n`).join('')), {
        metadata,
      })
      await detect(mskEvent(records))
      await refine(created(key))
      await load(created(silverKey(transactions.silverFolder, parseBronzeKey(key)!.name)))
      return key
    },
    close: () => engine.close(),
  }
}
