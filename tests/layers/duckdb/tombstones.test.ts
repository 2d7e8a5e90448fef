/** Kafka records without a value, of datasets that say what they do: from the bronze line to gold. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bronzeLine } from '@cupel/core/bronze'
import { type Dataset, dataset } from '@cupel/core/dataset'
import type { KafkaRecord } from '@cupel/core/kafka-event'
import { date, integer, text, timestamp, uuid } from '@cupel/core/kinds'
import { createTable } from '@cupel/core/warehouse-sql'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import { foldToCsv } from '@cupel/duckdb/fold'
import { refineFile } from '@cupel/duckdb/refine'
import { silverToText } from '@cupel/duckdb/silver-text'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { merge } from '#functions/gold/load/merge.ts'
import { kafkaRecord } from '../../support/kafka.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

const members = dataset({
  name: 'members',
  description: 'Members.',
  topic: 'members',
  bronzeFolder: 'members',
  silverFolder: 'members',
  table: 'members',
  version: 1,
  key: 'id',
  orderBy: 'at',
  tombstones: 'delete',
  fields: { id: uuid('Who.'), name: text('Name.'), at: timestamp('When.') },
})
const seats = dataset({
  name: 'seats',
  description: 'Seats.',
  topic: 'seats',
  bronzeFolder: 'seats',
  silverFolder: 'seats',
  version: 1,
  table: 'seats',
  key: ['hall', 'row'],
  orderBy: 'on',
  tombstones: 'mark',
  fields: { hall: text('Where.'), row: integer('Which.'), on: date('Since.') },
})
const id = '6f1c1a2e-5a5b-4c5d-8e6f-0a1b2c3d4e5f'
const sentMs = Date.parse('2026-01-02T03:04:05.678Z')

let engine: Engine
let folder: string
let database: TestDatabase
beforeAll(async () => {
  engine = await openEngine()
  folder = await mkdtemp(join(tmpdir(), 'cupel-tombstones-'))
  database = await makeDatabase()
  for (const each of [members, seats]) await database.warehouse.query(createTable(each))
})
afterAll(async () => {
  engine.close()
  await rm(folder, { recursive: true })
})

let files = 0
async function refine(of: Dataset, records: readonly Partial<KafkaRecord>[]) {
  const file = join(folder, String(files++))
  const lines = records.map((record, offset) =>
    bronzeLine(kafkaRecord({ topic: of.topic!, timestampMs: sentMs, offset, ...record })),
  )
  const bronze = lines.map((line) => Buffer.from(`${line}\n`))
  const silver = `${file}.parquet`
  const counts = await refineFile(engine, of, { bronze, silver, quarantine: `${file}.bad` })
  const rejected = counts.quarantined > 0 ? (await readFile(`${file}.bad`, 'utf8')).trim().split('\n') : []
  return { silver, counts, reasons: rejected.map((line) => JSON.parse(line).reasons) }
}
const tombstone = (key: string | Buffer | null, rest: Partial<KafkaRecord> = {}) => ({
  key: typeof key === 'string' ? Buffer.from(key) : key,
  value: null,
  ...rest,
})
const rows = (file: string, columns: string) =>
  engine.rows(`SELECT ${columns} FROM read_parquet('${file}') ORDER BY _offset`)

it('reads the key as text, as a JSON string, or as an object of the key fields, by the kind of each', async () => {
  const { silver, counts } = await refine(members, [
    tombstone(id),
    tombstone(JSON.stringify(id.toUpperCase().replace('6F1C', '6F1D'))),
    tombstone(JSON.stringify({ id: id.replace('6f1c', '6f1e'), name: 'Ann' })),
  ])
  expect(counts).toMatchObject({ records: 3, silver: 3, quarantined: 0, duplicates: 0 })
  expect(await rows(silver, 'id::VARCHAR AS id, name, epoch_ms("at") AS sent, _deleted')).toEqual(
    ['6f1c', '6f1d', '6f1e'].map((start) => ({
      id: id.replace('6f1c', start),
      name: null,
      sent: BigInt(sentMs),
      _deleted: true,
    })),
  )
  const compound = await refine(seats, [tombstone('{"hall":"A","row":"7","on":"1999-01-01"}')])
  expect(await rows(compound.silver, 'hall, "row", "on"::VARCHAR AS since')).toEqual([
    { hall: 'A', row: 7n, since: '2026-01-02' },
  ])
})

it('quarantines one whose key is no business key, whatever its bytes, and one of no time', async () => {
  const bytes = [
    Buffer.from([0xff, 0xfe]),
    Buffer.from([0]),
    Buffer.from('{"id":'),
    Buffer.from('[1]'),
    Buffer.alloc(0),
  ]
  const { counts, reasons } = await refine(members, [
    tombstone(null),
    ...bytes.map((key) => tombstone(key)),
    tombstone('jane'),
    tombstone('{"name":"jane"}'),
    tombstone(`{"id":"${id}","id":"${id}"}`),
    tombstone(id, { timestampMs: 2 ** 60 }),
  ])
  expect(counts).toMatchObject({ records: 10, quarantined: 10 })
  expect(reasons.map(([first]: { reason: string }[]) => first!.reason)).toEqual([
    'tombstone',
    'tombstone',
    'contains-nul',
    'not-a-uuid',
    'not-a-uuid',
    'missing',
    'not-a-uuid',
    'missing',
    'duplicate-field',
    'tombstone',
  ])
  const compound = await refine(seats, [tombstone('A'), tombstone('{"hall":"A"}')])
  expect(compound.reasons).toMatchObject([[{ reason: 'tombstone' }], [{ field: 'row', reason: 'missing' }]])
})

it.each([
  [members, { id, name: 'Ann', at: '2026-01-01T00:00:00Z' }, { at: '2026-02-01T00:00:00Z' }, id],
  [seats, { hall: 'A', row: 7, on: '2026-01-01' }, { on: '2026-02-01' }, '{"hall":"A","row":7}'],
] as const)('comes to gold as the fold of silver says: $name', async (of, value, later, key) => {
  const record = (changes: object = {}) => ({ value: Buffer.from(JSON.stringify({ ...value, ...changes })) })
  const histories = [
    [[record()], [tombstone(key, { offset: 1 })]],
    [[tombstone(key, { offset: 1 })], [record()]],
    [[record(), tombstone(key)]],
    [[tombstone(key), record(later)]],
    [[record(), tombstone(key)], [{ ...record(later), offset: 5 }]],
  ]
  const seen: string[] = []
  for (const objects of histories) {
    await database.warehouse.query(`DELETE FROM ${of.table}`)
    await database.warehouse.query('DELETE FROM tombstones')
    const silver = []
    for (const records of objects) silver.push((await refine(of, records)).silver)
    for (const parquet of silver) {
      const file = `${parquet}.text`
      const brought = await silverToText(engine, of, { parquet, text: file }, { mostRowsInJson: files % 2 })
      if ('unreadable' in brought) throw new Error(brought.unreadable)
      await database.warehouse.transaction((transaction) =>
        merge(transaction, of, { ...brought, file, isEdit: false }, [of]),
      )
    }
    const csv = join(folder, 'fold.csv')
    await foldToCsv(engine, of, { files: silver, csv })
    const keys = [...of.key, '_partition', '_offset'].map((column) => `"${column}"`).join(', ')
    const gold = await database.warehouse.query(`SELECT concat_ws(',', ${keys}) AS row FROM ${of.table}`)
    expect((await readFile(csv, 'utf8')).trim()).toBe(gold.map(({ row }) => row).join('\n'))
    const marked = of === seats ? await database.warehouse.query('SELECT _deleted FROM seats') : gold
    seen.push(JSON.stringify(marked.map((row) => row._deleted ?? true)))
  }
  expect(seen).toEqual(
    of === members
      ? ['[]', '[]', '[]', '[true]', '[true]']
      : ['[true]', '[true]', '[true]', '[false]', '[false]'],
  )
})
