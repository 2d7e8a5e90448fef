import { gzipSync } from 'node:zlib'
import { parseBronzeKey, silverKey } from '@cupel/core/keys'
import { objectCreatedEvent } from '@cupel/core/s3-event'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import { openForeign } from '@cupel/duckdb/foreign-parquet'
import { refineFile } from '@cupel/duckdb/refine'
import { silverToText } from '@cupel/duckdb/silver-text'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { merchants } from '#datasets/finance/merchants.ts'
import { makeLandFile } from '#functions/bronze/land-file/land.ts'
import { makeLoad } from '#functions/gold/load/load.ts'
import { makeRefine } from '#functions/silver/refine/refine.ts'
import { traceRecord } from '#operations/cli/look-back/trace.ts'
import { measureProgress } from '#operations/cli/settle.ts'
import { noOffsets, reconcile } from '#operations/reconcile.ts'
import { takeStock } from '#operations/stock.ts'
import { memoryObjectStore } from '../support/memory-object-store.ts'
import { makeDatabase, type TestDatabase } from '../support/postgres.ts'

const id = (n: number): string => `00000000-0000-4000-9000-${String(n).padStart(12, '0')}`
const header = 'merchant_id,name,category,risk,country,city,updated_at'
const row = (n: number, name: string, day = 1): string =>
  `${id(n)},"${name}",grocery,low,Deutschland,Köln,2026-01-0${day}T00:00:00Z`

// One story: files go from landing/ to gold through the real functions, over a lake in memory.
describe('files put under landing/', () => {
  const lake = memoryObjectStore()
  let database: TestDatabase
  let engine: Engine
  beforeAll(async () => {
    database = await makeDatabase()
    engine = await openEngine()
  })
  afterAll(() => engine.close())

  const created = (key: string) => objectCreatedEvent('lake', [{ key, eTag: '', size: 0 }])
  const datasetOf = () => merchants
  const land = makeLandFile({
    lake,
    datasets: [merchants],
    openParquet: async (file) => openForeign(await openEngine(), file),
    warn: () => {},
  })
  const refine = makeRefine({
    lake,
    datasetOf,
    refineFile: (dataset, files) => refineFile(engine, dataset, files),
  })

  /** Uploads a file, and lets each function do its part as S3's events would; what refine counted. */
  async function upload(name: string, content: string | Uint8Array) {
    const before = new Set(lake.keys())
    await lake.put(`landing/merchants/${name}`, Buffer.from(content))
    await land(created(`landing/merchants/${name}`))
    const load = makeLoad({
      lake,
      warehouse: database.warehouse,
      datasets: [merchants],
      silverToText: (dataset, files) => silverToText(engine, dataset, files),
      warn: () => {},
    })
    const counts = { records: 0, silver: 0, quarantined: 0, duplicates: 0 }
    for (const key of lake.keys().filter((each) => each.startsWith('bronze/') && !before.has(each))) {
      const refined = await refine(created(key))
      for (const name of Object.keys(counts) as (keyof typeof counts)[]) counts[name] += refined[name]
      await load(created(silverKey(merchants.silverFolder, parseBronzeKey(key)!.name)))
    }
    return counts
  }
  const gold = () =>
    database.warehouse.query('SELECT merchant_id AS id, name, _offset AS line FROM merchants ORDER BY 1')
  async function quarantined() {
    const keys = lake.keys().filter((key) => key.startsWith('quarantine/'))
    const bodies = await Promise.all(keys.map(async (key) => (await lake.get(key))!.body))
    const lines = bodies.flatMap((body) => Buffer.from(body).toString().trimEnd().split('\n'))
    return lines.map((line) => JSON.parse(line))
  }

  it('become rows, and bad rows go into quarantine with their lines and reasons', async () => {
    const file = [
      header,
      row(1, 'Café ""Zürich"", two\nlines'), // lines 2 and 3
      row(1, 'newer', 2),
      row(2, 'x').replace('low', 'none'),
      `${row(2, 'x')},more`,
      `${id(2)},"never closed`,
      row(2, 'K?ln'),
      row(3, 'Good'),
    ]
    const bytes = Buffer.from(file.join('\r\n'))
    bytes[bytes.indexOf('?')] = 0xf6 // ö in Latin-1
    expect(await upload('a.csv.gz', gzipSync(bytes))).toEqual({
      records: 7,
      silver: 2,
      quarantined: 4,
      duplicates: 1,
    })
    expect(await gold()).toEqual([
      { id: id(1), name: 'newer', line: '4' },
      { id: id(3), name: 'Good', line: '9' },
    ])
    const found = await quarantined()
    expect(found.map(({ topic, offset, reasons }) => [topic, offset, reasons])).toEqual([
      ['landing/merchants', 5, [{ field: 'risk', reason: 'not-one-of', value: 'none' }]],
      ['landing/merchants', 6, [{ field: null, reason: 'ragged-row', value: null }]],
      ['landing/merchants', 7, [{ field: null, reason: 'broken-row', value: null }]],
      ['landing/merchants', 8, [{ field: null, reason: 'unreadable', value: null }]],
    ])
    expect(found[1].value).toMatchObject({ problem: '8 cells, and the header has 7' })
  })

  it('come again, renamed or in another order of columns, and change nothing', async () => {
    const before = await gold()
    const content = `${header}\n${row(4, 'Four')}\n`
    expect(await upload('b.csv', content)).toMatchObject({ silver: 1 })
    expect(await upload('c.csv', content)).toMatchObject({ records: 0 })
    const other = `city,${header.replace(',city', '')}\nKöln,${row(4, 'Four').replace(',Köln', '')}\n`
    expect(await upload('d.csv', other)).toMatchObject({ silver: 1 })
    expect(await gold()).toEqual([...before, { id: id(4), name: 'Four', line: '2' }])
  })

  it('that cannot be read are in quarantine as a whole', async () => {
    expect(await upload('a.xlsx', 'PK\x03\x04')).toMatchObject({ records: 1, quarantined: 1 })
    const [whole] = (await quarantined()).filter(({ format }) => format === 'unreadable-file')
    expect(whole).toMatchObject({
      offset: 1,
      reasons: [{ field: null, reason: 'unreadable-file', value: null }],
      value: { problem: 'a zip archive or an Excel file: unpack it, or save it as CSV', file: 'a.xlsx' },
    })
  })

  const nothing = {
    kafka: { offsets: async () => noOffsets, groups: async () => [], committed: async () => new Map() },
    failures: memoryObjectStore(),
  }
  const problems = async (seen = lake) =>
    reconcile(
      await takeStock({ ...nothing, lake: seen, warehouse: database.warehouse }, [merchants]),
      undefined,
    )
  const progress = () =>
    measureProgress({ ...nothing, lake, warehouse: database.warehouse } as never, [merchants])

  it('reconcile, and so do the layers behind them', async () => {
    expect(await problems()).toEqual([])
    const bronze = lake.keys().filter((key) => key.startsWith('bronze/'))
    const heads = await Promise.all(bronze.map((key) => lake.head(key)))
    const missing = bronze[heads.findIndex((head) => head?.metadata.records === '7')]
    const list: typeof lake.list = async function* (prefix, options) {
      for await (const object of lake.list(prefix, options)) if (object.key !== missing) yield object
    }
    expect(await problems({ ...lake, list })).toEqual([
      expect.stringMatching(/^merchants: landing\/merchants\/a\.csv\.gz has 7 records, bronze\/.* holds 0$/),
    ])
    const gold = 'merchants of files in gold'
    expect(await progress()).toContainEqual({ what: gold, done: 10, of: 10 })
    await lake.put('landing/merchants/new.csv', Buffer.from('not yet'))
    expect(await problems()).toEqual(['merchants: landing/merchants/new.csv has not landed'])
    expect(await progress()).toContainEqual({ what: gold, done: 10, of: 11 })
  })

  it('are found by the key of a record, without a look at all of bronze', async () => {
    const ports = { lake, warehouse: database.warehouse }
    const { records } = await traceRecord(ports, merchants, id(3), { scanUpToBytes: 0 })
    expect(records).toMatchObject([
      { topic: 'landing/merchants', offset: 9, outcome: { kind: 'silver', problem: null } },
    ])
  })
})
