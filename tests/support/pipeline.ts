import { bronzeLine } from '@cupel/core/bronze'
import type { Dataset } from '@cupel/core/dataset'
import { bronzeKey, parseBronzeKey, silverKey } from '@cupel/core/keys'
import { objectCreatedEvent } from '@cupel/core/s3-event'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import { silverToText } from '@cupel/duckdb/silver-text'
import type { Postgres } from '@cupel/io/postgres'
import { transactions } from '#datasets/finance/transactions.ts'
import { makeDetect } from '#functions/gold/detect-fraud/detect.ts'
import { makeLoad } from '#functions/gold/load/load.ts'
import { makeRefine } from '#functions/silver/refine/refine.ts'
import { type Answer, makeReplay } from '#functions/silver/replay/replay.ts'
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

/**
 * The transactions' way through the real functions, over a lake in memory and a database of the test's. `current` says how
 * their dataset is now, but to detect-fraud, which knows its own.
 */
export async function makePipeline(
  warehouse: Postgres,
  current: { dataset: Dataset } = { dataset: transactions },
  shared?: Engine,
) {
  const lake = memoryObjectStore()
  const engine = shared ?? (await openEngine())
  const refine = makeRefine({
    lake,
    datasetOf: () => current.dataset,
    refineFile: (dataset, files) => refineFile(engine, dataset, files),
  })
  const load = (event: unknown) =>
    makeLoad({
      lake,
      warehouse,
      datasets: [current.dataset],
      silverToText: (dataset, files) => silverToText(engine, dataset, files),
      warn: () => {},
    })(event)
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
    /** What quarantine is asked of `silver/replay`, with so much of the function's time left. */
    ask: <A extends Answer>(event: object, remainingMs: () => number = () => 900_000) =>
      makeReplay({
        bucket: 'lake',
        lake,
        warehouse,
        datasets: [current.dataset],
        refineFile: (dataset, files) => refineFile(engine, dataset, files),
        load,
        decide: () => detect({ records: {} }),
        now: () => Date.UTC(2026, 5, 1),
      })(event, remainingMs) as Promise<A>,
    close: () => engine.close(),
  }
}
