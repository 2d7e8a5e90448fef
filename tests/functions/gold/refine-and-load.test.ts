import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bronzeLine } from '@cupel/core/bronze'
import type { Dataset } from '@cupel/core/dataset'
import { bronzeKey, editedKey, parseBronzeKey, silverKey } from '@cupel/core/keys'
import { text } from '@cupel/core/kinds'
import { objectCreatedEvent } from '@cupel/core/s3-event'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import { silverToText } from '@cupel/duckdb/silver-text'
import parquet from 'parquetjs-lite'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { merchants } from '#datasets/finance/merchants.ts'
import { datasetByBronzeFolder, datasets } from '#datasets/index.ts'
import { makeLoad } from '#functions/gold/load/load.ts'
import { makeRefine } from '#functions/silver/refine/refine.ts'
import { kafkaRecord } from '../../support/kafka.ts'
import { memoryObjectStore } from '../../support/memory-object-store.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

const at = { topic: 'merchant_info', partition: 0 }
const merchant = (id: number, changes: object = {}) => ({
  merchant_id: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
  name: 'Corner Shop',
  category: 'grocery',
  risk: 'low',
  country: 'DE',
  city: 'Berlin',
  updated_at: '2026-01-01T00:00:00Z',
  ...changes,
})
const whatToDo = 'Take it away, or put what belongs there in its place'
const created = (...keys: string[]) =>
  objectCreatedEvent(
    'lake',
    keys.map((key) => ({ key, eTag: '', size: 0 })),
  )

describe('refine, then load', () => {
  let database: TestDatabase
  let engine: Engine
  let lake: ReturnType<typeof memoryObjectStore>
  let refine: ReturnType<typeof makeRefine>
  let load: ReturnType<typeof makeLoad>
  let warnings: string[]
  let folder: string

  beforeAll(async () => {
    database = await makeDatabase()
    engine = await openEngine()
    folder = await mkdtemp(join(tmpdir(), 'refine-and-load-'))
  })
  afterAll(async () => {
    engine.close()
    await rm(folder, { recursive: true })
  })
  beforeEach(async () => {
    lake = memoryObjectStore()
    warnings = []
    await database.warehouse.query('TRUNCATE ledger, merchants')
    refine = makeRefine({
      lake,
      datasetOf: datasetByBronzeFolder,
      refineFile: (dataset, files) => refineFile(engine, dataset, files),
    })
    load = makeLoad({
      lake,
      warehouse: database.warehouse,
      datasets,
      silverToText: (dataset, files) => silverToText(engine, dataset, files),
      warn: (line) => warnings.push(line),
    })
  })

  async function putBronze(firstOffset: number, values: readonly (object | string)[]): Promise<string> {
    const lines = values.map((value, i) =>
      bronzeLine(
        kafkaRecord({
          ...at,
          offset: firstOffset + i,
          value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
        }),
      ),
    )
    const key = bronzeKey(merchants.bronzeFolder, at, firstOffset)
    await lake.put(key, Buffer.from(lines.map((line) => `${line}\n`).join('')))
    return key
  }
  const refineAs = (dataset: Dataset, key: string) =>
    makeRefine({
      lake,
      datasetOf: () => dataset,
      refineFile: (_, files) => refineFile(engine, dataset, files),
    })(created(key))
  async function file(body: Uint8Array): Promise<string> {
    await writeFile(`${folder}/silver.parquet`, body)
    return `'${folder}/silver.parquet'`
  }
  const silverOf = (firstOffset: number) =>
    silverKey(merchants.silverFolder, `partition=0/merchant_info+0+${String(firstOffset).padStart(20, '0')}`)
  const names = async () =>
    (await database.warehouse.query('SELECT name FROM merchants ORDER BY merchant_id')).map((row) => row.name)

  it('accounts for every record of a bronze object', async () => {
    const key = await putBronze(0, [
      merchant(1),
      merchant(1, { updated_at: '2026-01-02T00:00:00Z', name: 'Newer' }),
      merchant(2, { country: 'Nowhere', risk: 7 }),
      'not JSON',
    ])
    expect(await refine(created(key))).toMatchObject({ records: 4, silver: 1, quarantined: 2, duplicates: 1 })
    expect((await lake.head(silverOf(0)))?.metadata).toMatchObject({
      records: '4',
      silver: '1',
      'bronze-key': key,
    })

    const quarantine = lake.keys().find((name) => name.startsWith('quarantine/'))!
    const rejected = Buffer.from((await lake.get(quarantine))!.body)
      .toString()
      .trim()
      .split('\n')
    expect(rejected.map((line) => JSON.parse(line))).toMatchObject([
      {
        dataset: 'merchants',
        version: 1,
        partition: 0,
        offset: 2,
        reasons: [{ field: 'risk' }, { field: 'country', value: 'Nowhere' }],
      },
      { offset: 3, reasons: [{ field: null, reason: 'unreadable' }] },
    ])

    expect(await load(created(silverOf(0)))).toMatchObject({ objects: 1, rows: 1, skipped: 0, unreadable: 0 })
    expect(await names()).toEqual(['Newer'])
    expect(await database.warehouse.query('SELECT records, quarantined FROM ledger')).toEqual([
      { records: '4', quarantined: '2' },
    ])
  })

  it('keeps in the ledger how many good records lack a value that was not taken', async () => {
    await refine(created(await putBronze(0, [merchant(1)])))
    const { body, metadata } = (await lake.get(silverOf(0)))!
    await lake.put(silverOf(0), body, { metadata: { ...metadata, warned: '1' } })
    await load(created(silverOf(0)))
    expect(await database.warehouse.query('SELECT silver, warned FROM ledger')).toEqual([
      { silver: '1', warned: '1' },
    ])
  })

  it('does nothing the second time', async () => {
    const key = await putBronze(0, [merchant(1)])
    await refine(created(key))
    await load(created(silverOf(0)))
    expect(await refine(created(key))).toMatchObject({ objects: 0, skipped: 1 })
    expect(await load(created(silverOf(0)))).toMatchObject({ objects: 0, skipped: 1 })
    expect(await names()).toEqual(['Corner Shop'])
  })

  it('leaves silver and quarantine together as they are the second time, whatever has changed without a new version', async () => {
    const key = await putBronze(0, [merchant(1), merchant(2, { country: 'Nowhere' })])
    const objects = async () =>
      Promise.all(
        lake.keys().map(async (each) => [each, Buffer.from((await lake.get(each))!.body).toString('latin1')]),
      )
    expect(await refine(created(key))).toMatchObject({ silver: 1, quarantined: 1 })
    const before = await objects()
    const lax = { ...merchants.fields, country: text('Anything.') }
    const strict = { ...merchants.fields, city: text('Long.', { min: 50 }) }
    for (const fields of [merchants.fields, lax, strict]) {
      expect(await refineAs({ ...merchants, fields }, key)).toMatchObject({ objects: 0, skipped: 1 })
      expect(await objects()).toEqual(before)
    }
  })

  it('refines again what a new version of the dataset may see otherwise', async () => {
    const key = await putBronze(0, [merchant(1)])
    await refine(created(key))
    expect(await refineAs({ ...merchants, version: 2 }, key)).toMatchObject({ objects: 1 })
    expect((await lake.head(silverOf(0)))?.metadata['dataset-version']).toBe('2')
  })

  it('leaves nothing in quarantine that a new version accepts', async () => {
    const key = await putBronze(0, [merchant(1, { name: 'Secret Shop' }), merchant(2)])
    const { name, ...others } = merchants.fields
    const strict = { ...merchants, fields: { ...others, name: text('Short.', { max: 5 }) } }
    expect(await refineAs(strict, key)).toMatchObject({ silver: 0, quarantined: 2 })
    const quarantine = lake.keys().find((name) => name.startsWith('quarantine/'))!
    expect(await refineAs({ ...merchants, version: 2 }, key)).toMatchObject({ silver: 2, quarantined: 0 })
    expect((await lake.get(quarantine))?.body).toHaveLength(0)
  })

  it('keeps the newest row, in whatever order objects arrive', async () => {
    const older = await putBronze(0, [merchant(1, { name: 'Older' })])
    const newer = await putBronze(5, [merchant(1, { name: 'Newer', updated_at: '2026-03-01T00:00:00Z' })])
    await refine(created(older))
    await refine(created(newer))
    await load(created(silverOf(5)))
    expect(await load(created(silverOf(0)))).toMatchObject({ objects: 1, rows: 0 })
    expect(await names()).toEqual(['Newer'])
  })

  it('lets an edited record stand for the one whose address it has, in whatever order they arrive', async () => {
    const received = await putBronze(0, [merchant(1, { name: 'As sent' })])
    const edit = editedKey(merchants.bronzeFolder, parseBronzeKey(received)!.name, 0)
    const line = Buffer.from((await lake.get(received))!.body).toString()
    await lake.put(edit, Buffer.from(line.replace('As sent', 'Edited')))
    await refine(created(received, edit))
    const silver = [received, edit].map((key) => silverKey(merchants.silverFolder, parseBronzeKey(key)!.name))
    for (const order of [silver, silver.toReversed()]) {
      await database.warehouse.query('TRUNCATE ledger, merchants')
      await load(created(...order))
      expect(await names()).toEqual(['Edited'])
    }
  })

  it('loads an object once when two invocations race', async () => {
    await refine(created(await putBronze(0, [merchant(1), merchant(2)])))
    const results = await Promise.all([load(created(silverOf(0))), load(created(silverOf(0)))])
    expect(results.map(({ rows }) => rows).sort()).toEqual([0, 2])
  })

  it('notes a file in silver that is not Parquet, and goes on with the next', async () => {
    await refine(created(await putBronze(0, [merchant(1)])))
    await lake.put(silverOf(9), Buffer.from('hello'))
    const both = created(silverOf(9), silverOf(0))
    expect(await load(both)).toMatchObject({ objects: 1, rows: 1, skipped: 0, unreadable: 1 })
    expect(
      await database.warehouse.query('SELECT problem FROM ledger WHERE object_key = $1', [silverOf(9)]),
    ).toEqual([{ problem: 'not a Parquet file' }])
    expect(await load(created(silverOf(9)))).toMatchObject({ skipped: 1 })
    expect(warnings).toEqual([`${silverOf(9)} is not loaded: not a Parquet file. ${whatToDo}`])
  })

  it('notes a Parquet file of somebody else in silver', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cupel-foreign-'))
    const file = join(folder, 'foreign.parquet')
    const schema = new parquet.ParquetSchema({ merchant_id: { type: 'UTF8' }, name: { type: 'UTF8' } })
    const writer = await parquet.ParquetWriter.openFile(schema, file)
    await writer.appendRow({ merchant_id: merchant(1).merchant_id, name: 'Corner Shop' })
    await writer.close()
    await lake.put(silverOf(0), await readFile(file))
    await rm(folder, { recursive: true })
    expect(await load(created(silverOf(0)))).toMatchObject({ rows: 0, unreadable: 1 })
    expect(warnings[0]).toMatch(/is not loaded: lacks "category", "risk"/)
  })

  it('notes a silver object whose counts do not add up, or whose values its table refuses, and shows none of them', async () => {
    await refine(created(await putBronze(0, [merchant(1)])))
    const silver = (await lake.get(silverOf(0)))!
    await lake.put(silverOf(5), silver.body, { metadata: { records: 'many' } })
    await lake.put(silverOf(6), silver.body, { metadata: { records: '2', silver: '1' } })
    await engine.run(
      `COPY (SELECT * REPLACE (NULL::VARCHAR AS city, 'Secret Shop' AS name) FROM read_parquet(${await file(silver.body)})) TO '${folder}/nulls.parquet'`,
    )
    await lake.put(silverOf(7), await readFile(`${folder}/nulls.parquet`))
    const event = created(silverOf(5), silverOf(6), silverOf(7), silverOf(0))
    expect(await load(event)).toMatchObject({ objects: 1, rows: 1, skipped: 0, unreadable: 3 })
    expect(await load(event)).toMatchObject({ skipped: 4 })
    expect(warnings).toEqual([
      `${silverOf(5)} is not loaded: the counts in its metadata do not add up. ${whatToDo}`,
      `${silverOf(6)} is not loaded: the counts in its metadata do not add up. ${whatToDo}`,
      `${silverOf(7)} is not loaded: its table refuses a value (city): PostgreSQL says 23502. ${whatToDo}`,
    ])
  })

  it('goes on with the other objects of an event when one fails, and says which, but not what it holds', async () => {
    const bad = bronzeKey(merchants.bronzeFolder, at, 3)
    await lake.put(bad, Buffer.from('"jane@example.com" is no bronze line'))
    const next = await putBronze(4, [merchant(2)])
    await expect(refine(created(bad, next))).rejects.toThrow(`object ${bad}: could not be refined: `)
    await expect(refine(created(bad, next))).rejects.not.toThrow(/jane/)
    expect(await lake.head(silverOf(4))).toBeDefined()

    const failing = makeLoad({
      lake,
      warehouse: database.warehouse,
      datasets,
      silverToText: async (dataset, files) => {
        if ((await readFile(files.parquet)).length < 10) throw new Error("the disk is full at 'jane'")
        return silverToText(engine, dataset, files)
      },
      warn: (line) => warnings.push(line),
    })
    await lake.put(silverOf(3), Buffer.from('short'))
    await expect(failing(created(silverOf(3), silverOf(4)))).rejects.toThrow(
      `object ${silverOf(3)}: could not be loaded: the disk is full at …`,
    )
    expect(await names()).toEqual(['Corner Shop'])
  })

  it('keeps metadata in ASCII, whatever the key of an object that somebody put into bronze', async () => {
    const key = 'bronze/merchant-folder/東京.ndjson'
    await lake.put(key, (await lake.get(await putBronze(0, [merchant(1)])))!.body)
    await refine(created(key))
    const { metadata } = (await lake.head('silver/processed-merchants/東京.parquet'))!
    expect(metadata['bronze-key']).toBe('bronze/merchant-folder/%E6%9D%B1%E4%BA%AC.ndjson')
    expect(await load(created('silver/processed-merchants/東京.parquet'))).toMatchObject({ objects: 1 })
  })

  it('passes over objects of no dataset, and objects that are gone', async () => {
    await lake.put('bronze/unclaimed-x/partition=0/x+0+0.ndjson', Buffer.from('{}'))
    const event = created('bronze/unclaimed-x/partition=0/x+0+0.ndjson', 'bronze/merchant-folder/gone.ndjson')
    expect(await refine(event)).toMatchObject({ objects: 0, skipped: 2 })
    expect(await load(created('silver/other/x.parquet'))).toMatchObject({ skipped: 1 })
  })

  it('leaves no trace in gold of a load that fails half-way', async () => {
    await refine(created(await putBronze(0, [merchant(1)])))
    const failing = makeLoad({
      lake,
      warehouse: {
        query: database.warehouse.query,
        transaction: (work) =>
          database.warehouse.transaction(async (client) => {
            await work(client)
            throw new Error('power cut')
          }),
      },
      datasets,
      silverToText: (dataset, files) => silverToText(engine, dataset, files),
      warn: (line) => warnings.push(line),
    })
    await expect(failing(created(silverOf(0)))).rejects.toThrow('power cut')
    expect(await database.warehouse.query('SELECT FROM ledger')).toEqual([])
    expect(await names()).toEqual([])
    expect(await load(created(silverOf(0)))).toMatchObject({ rows: 1 })
  })
})
