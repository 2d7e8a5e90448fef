import { bronzeKey, landedObjectKey, silverKey } from '@cupel/core/keys'
import { decodeS3Event, type ObjectCreatedEvent } from '@cupel/core/s3-event'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { merchants } from '#datasets/finance/merchants.ts'
import { makeSweep } from '#functions/sweep/sweep.ts'
import { memoryObjectStore } from '../support/memory-object-store.ts'
import { makeDatabase, type TestDatabase } from '../support/postgres.ts'

const at = { topic: 'merchant_info', partition: 0 }
const bronzeOf = (offset: number) => bronzeKey(merchants.bronzeFolder, at, offset)
const silverOf = (offset: number) =>
  silverKey(merchants.silverFolder, bronzeOf(offset).replace(/^bronze\/[^/]+\/|\.ndjson$/g, ''))

describe('sweep', () => {
  let database: TestDatabase
  let lake: ReturnType<typeof memoryObjectStore>
  let toLandFile: string[][] // by event
  let toRefine: string[]
  let toLoad: string[]
  let toDetectFraud: object[]
  let nowMs: number
  beforeAll(async () => {
    database = await makeDatabase()
  })
  beforeEach(async () => {
    nowMs = 1_000_000
    lake = memoryObjectStore(() => nowMs)
    toLandFile = []
    toRefine = []
    toLoad = []
    toDetectFraud = []
    await database.warehouse.query('TRUNCATE ledger')
  })

  const sweep = (event: object = {}) => {
    const keep = (into: string[]) => async (sent: ObjectCreatedEvent) => {
      into.push(...decodeS3Event(sent).map(({ key }) => key))
    }
    return makeSweep({
      bucket: 'lake',
      lake,
      warehouse: database.warehouse,
      datasets: [merchants],
      sendToLandFile: async (sent) => void toLandFile.push(decodeS3Event(sent).map(({ key }) => key)),
      sendToRefine: keep(toRefine),
      sendToLoad: keep(toLoad),
      sendToDetectFraud: async (sent) => void toDetectFraud.push(sent),
      now: () => nowMs,
      graceMs: 1_000,
    })(event)
  }
  const put = (key: string) => lake.put(key, Buffer.from(key))
  async function enter(key: string) {
    const { eTag } = (await lake.head(key))!
    await database.warehouse.query(
      "INSERT INTO ledger VALUES ($1, $2, 'merchants', '1', null, 0, 0, 0, 0, null)",
      [key, eTag],
    )
  }

  it('sends on bronze without silver and silver without gold, and nothing else', async () => {
    for (const offset of [0, 5, 9]) await put(bronzeOf(offset))
    for (const offset of [5, 9]) await put(silverOf(offset))
    await enter(silverOf(9))
    nowMs += 2_000
    expect(await sweep()).toMatchObject({ bronzeWithoutSilver: 1, silverWithoutGold: 1 })
    expect(toRefine).toEqual([bronzeOf(0)])
    expect(toLoad).toEqual([silverOf(5)])
  })

  it('sends on files that have not landed, one by one, and those that changed since', async () => {
    const files = ['landing/merchants/a.csv', 'landing/merchants/2026/b c.csv', 'landing/merchants/c.csv']
    for (const file of files) await put(file)
    for (const other of ['landing/merchants/folder/', 'landing/nobody/d.csv']) await put(other)
    for (const file of files)
      await put(landedObjectKey('merchants', { key: file, eTag: (await lake.head(file))!.eTag }))
    await lake.put(files[2]!, Buffer.from('changed'))
    await put('landing/merchants/e.csv')
    expect(await sweep()).toMatchObject({ filesNotLanded: 0 })
    nowMs += 2_000
    expect(await sweep()).toMatchObject({ filesNotLanded: 2 })
    expect(toLandFile).toEqual([['landing/merchants/c.csv'], ['landing/merchants/e.csv']])
  })

  it('leaves objects alone that may still be on their way, unless told otherwise', async () => {
    await put(bronzeOf(0))
    await put(silverOf(5))
    expect(await sweep()).toMatchObject({ bronzeWithoutSilver: 0, silverWithoutGold: 0 })
    expect(await sweep({ graceMs: 0 })).toMatchObject({ bronzeWithoutSilver: 1, silverWithoutGold: 1 })
  })

  it('takes an object from the future for due: a clock was set back, and its time may be years away', async () => {
    nowMs += 3_600_000
    await put(bronzeOf(0))
    await put(silverOf(5))
    nowMs -= 3_600_000
    expect(await sweep()).toMatchObject({ bronzeWithoutSilver: 1, silverWithoutGold: 1 })
  })

  it('sends silver on again when it is not what the ledger knows', async () => {
    await put(silverOf(0))
    await enter(silverOf(0))
    await lake.put(silverOf(0), Buffer.from('refined again'))
    await sweep({ graceMs: 0 })
    expect(toLoad).toEqual([silverOf(0)])
  })

  it('has alerts sent that a crash left behind', async () => {
    nowMs = Date.now()
    const id = '00000000-0000-4000-8000-000000000001'
    await database.warehouse.query(
      `WITH decision AS (
         INSERT INTO fraud_decisions VALUES ($1, 1, $1, $1, $1, 1, 'USD', 1, 'DE', 'Berlin', 'pos', now(), 'fraud',
           '[{}]', '', 0, '', 'transactions', 0, 0, now(), now(), 0) RETURNING transaction_id, version)
       INSERT INTO alerts (transaction_id, version, line, created_at)
       SELECT transaction_id, version, 'ALERT', now() - interval '1 minute' FROM decision`,
      [id],
    )
    expect(await sweep()).toMatchObject({ alertsNotSent: 1 })
    expect(toDetectFraud).toEqual([{ records: {} }])
    await database.warehouse.query('UPDATE alerts SET sent_at = now()')
    expect(await sweep()).toMatchObject({ alertsNotSent: 0 })
    expect(toDetectFraud).toHaveLength(1)
  })

  it('has what gold holds undecided looked for when objects of any age are', async () => {
    await sweep()
    expect(toDetectFraud).toEqual([])
    await sweep({ graceMs: 0 })
    expect(toDetectFraud).toEqual([{ records: {} }])
  })

  it('does nothing in an empty lake', async () => {
    expect(await sweep({ graceMs: 0 })).toMatchObject({ bronzeWithoutSilver: 0, silverWithoutGold: 0 })
  })

  it('finds every missing object among many, over the ends of groups and pages', async () => {
    const offsets = Array.from({ length: 130 }, (_, i) => i * 7)
    for (const offset of offsets) await put(bronzeOf(offset))
    for (const offset of offsets.filter((_, i) => i % 3 === 0)) await put(silverOf(offset))
    await sweep({ graceMs: 0 })
    expect(toRefine).toEqual(offsets.filter((_, i) => i % 3 !== 0).map(bronzeOf))
    expect(toLoad).toEqual(offsets.filter((_, i) => i % 3 === 0).map(silverOf))
  })
})
