/** Silver files on their way to a table: CSV, COPY, and the upsert in which the newest record of a key stays. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bronzeLine } from '@cupel/core/bronze'
import { dataset } from '@cupel/core/dataset'
import type { KafkaRecord } from '@cupel/core/kafka-event'
import {
  boolean,
  country,
  currency,
  date,
  decimal,
  integer,
  json,
  list,
  money,
  object,
  oneOf,
  text,
  timestamp,
  uuid,
} from '@cupel/core/kinds'
import { createTable } from '@cupel/core/warehouse-sql'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import { foldToCsv } from '@cupel/duckdb/fold'
import { refineFile } from '@cupel/duckdb/refine'
import { silverToText } from '@cupel/duckdb/silver-text'
import { copyCsv } from '@cupel/io/postgres'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { merge } from '#functions/gold/load/merge.ts'
import { kafkaRecord } from '../../support/kafka.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

const offers = dataset({
  name: 'offers',
  description: "Offers; the shop's own.",
  topic: 'offers',
  bronzeFolder: 'offers-folder',
  silverFolder: 'processed-offers',
  table: 'offers',
  version: 1,
  key: ['shop', 'order'],
  orderBy: 'changed_at',
  fields: {
    shop: integer('The shop.'),
    order: uuid('A name that SQL reserves.'),
    note: text("What the customer's note says.", { optional: true, personal: true }),
    price: money('What it costs.'),
    weight: decimal('Kilograms.', { precision: 9, scale: 3, optional: true }),
    currency: currency('Of the price.'),
    country: country('Where it goes.', { optional: true }),
    state: oneOf('How far it is.', ['open', 'sent']),
    due: date('When it is due.', { optional: true }),
    gift: boolean('Whether to wrap it.', { optional: true }),
    tags: list('Words for it.', text('One of them.'), { optional: true }),
    to: object('Where it goes.', { street: text('Street.'), since: date('Since when.') }, { optional: true }),
    more: json('What else the shop says.', { optional: true }),
    changed_at: timestamp('When it last changed.'),
  },
})
const anOffer = {
  shop: 1,
  order: '6f1c1a2e-5a5b-4c5d-8e6f-0a1b2c3d4e5f',
  price: '12.50',
  currency: 'EUR',
  state: 'open',
  changed_at: '2026-01-02T03:04:05.678Z',
}

let folder: string
let engine: Engine
let database: TestDatabase
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cupel-silver-'))
  engine = await openEngine()
  database = await makeDatabase()
  await database.warehouse.query(createTable(offers))
})
beforeEach(() => database.warehouse.query('TRUNCATE offers'))
afterAll(async () => {
  engine.close()
  await rm(folder, { recursive: true })
})

let count = 0
const newName = (): string => join(folder, String(count++))

const offer = (offset: number, changes: object = {}, of: Partial<KafkaRecord> = {}): KafkaRecord =>
  kafkaRecord({
    topic: 'offers',
    offset,
    value: Buffer.from(JSON.stringify({ ...anOffer, ...changes })),
    ...of,
  })

async function refined(records: readonly KafkaRecord[]): Promise<string> {
  const name = newName()
  const bronze = records.map((record) => Buffer.from(`${bronzeLine(record)}\n`))
  const silver = `${name}.parquet`
  const { quarantined } = await refineFile(engine, offers, { bronze, silver, quarantine: `${name}.bad` })
  expect(quarantined).toBe(0)
  return silver
}

/** Into the table; how many rows changed. */
async function load(parquet: string, limits?: { mostRowsInJson: number }): Promise<number> {
  const file = newName()
  const silver = await silverToText(engine, offers, { parquet, text: file }, limits)
  if ('unreadable' in silver) throw new Error(silver.unreadable)
  return database.warehouse.transaction((transaction) =>
    merge(transaction, offers, { ...silver, file, isEdit: false }, [offers]),
  )
}
const ways = [
  ['copied', { mostRowsInJson: 0 }],
  ['as a parameter', { mostRowsInJson: 1_000 }],
] as const

const gold = (columns: string) =>
  database.warehouse.query(`SELECT ${columns} FROM offers ORDER BY shop, "order"`)

it.each(ways)('carries every kind of value over exactly, and null as null, %s', async (_, limits) => {
  const full = {
    price: '99999999999999.9999',
    weight: '-0.001',
    country: 'Germany',
    due: '0001-01-01',
    gift: 'no',
    changed_at: '9999-12-31T23:59:59.999Z',
  }
  const records = [offer(3, { shop: 9_007_199_254_740_991n.toString(), ...full }), offer(4)]
  await load(await refined(records), limits)
  const text = Object.keys(offers.fields).map((name) => `"${name}"::text`)
  const nested = { tags: null, to: null, more: null }
  const none = { note: null, weight: null, country: null, due: null, gift: null, ...nested }
  expect(await gold(`${text.join(', ')}, _timestamp_ms, _partition, _offset`)).toEqual([
    {
      ...anOffer,
      ...none,
      shop: '1',
      price: '12.5000',
      changed_at: '2026-01-02 03:04:05.678+00',
      _timestamp_ms: '1767225600000',
      _partition: 0,
      _offset: '4',
    },
    {
      ...anOffer,
      ...none,
      ...full,
      shop: '9007199254740991',
      country: 'DE',
      gift: 'false',
      changed_at: '9999-12-31 23:59:59.999+00',
      _timestamp_ms: '1767225600000',
      _partition: 0,
      _offset: '3',
    },
  ])
})

it.each(ways)('carries lists, objects and any JSON over as they are, %s', async (_, limits) => {
  const nested = {
    tags: ['a"b', 'ü,', '\\', '{}', 'a\nb'],
    to: { street: `O'Neil "St"`, since: '2026-01-02' },
    more: { a: [1, 2.5, null, true, ''], 'b c': { '': '\u2028' } },
  }
  const scalars = [0, false, 'text', '"', []].map((more, at) => offer(at + 1, { shop: at + 2, more }))
  await load(await refined([offer(0, nested), ...scalars]), limits)
  expect(await gold('tags, "to", more')).toEqual([
    nested,
    ...[0, false, 'text', '"', []].map((more) => ({ tags: null, to: null, more })),
  ])
})

it.each(ways)('carries any text over as it is, %s', async (_, limits) => {
  const hostile = [
    '\\.',
    '\\N',
    'NULL',
    '""',
    '"',
    'a,b',
    'a\nb',
    'a\r\nb',
    '\r',
    "it's",
    '\\',
    'a\tb',
    '\u0001',
    '\u2028',
    '👍',
    '--',
    '\\.\n',
  ]
  const texts = fc.sample(fc.string({ unit: 'binary', minLength: 1, maxLength: 9 }), {
    numRuns: 300,
    seed: 5,
  })
  const notes = [...hostile.map((text) => `x${text}x`), '\\.', 'NULL', '"', ',', ...texts].filter(
    (note) => note.trim() !== '' && !note.includes('\0'),
  )
  await load(await refined(notes.map((note, shop) => offer(shop, { shop, note }))), limits)
  expect((await gold('note')).map((row) => row.note)).toEqual(notes.map((note) => note.trim()))
})

it('keeps the newest record of a key in any order of arrival, however often it comes', async () => {
  const anyHistory = fc.array(
    fc.record({
      shop: fc.nat(2),
      changed_at: fc.constantFrom('2026-01-02T03:04:05Z', '2026-01-02T03:04:06Z'),
      timestampMs: fc.nat(1),
      partition: fc.nat(1),
      file: fc.nat(2),
    }),
    { minLength: 1, maxLength: 12 },
  )
  const address = 'shop, "order"::text, _partition, _offset'
  await fc.assert(
    fc.asyncProperty(
      anyHistory,
      fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
      async (history, arrival) => {
        await database.warehouse.query('TRUNCATE offers')
        const files = await Promise.all(
          [0, 1, 2].map((file) =>
            refined(
              history.flatMap(({ shop, changed_at, timestampMs, partition, file: own }, offset) =>
                own === file ? [offer(offset, { shop, changed_at }, { timestampMs, partition })] : [],
              ),
            ),
          ),
        )
        for (const file of arrival) await load(files[file]!, ways[file % 2]![1])
        const once = await gold(address)
        for (const file of arrival) expect(await load(files[file]!)).toBe(0)
        expect(await gold(address)).toEqual(once)

        const csv = newName()
        await foldToCsv(engine, offers, { files, csv })
        await database.warehouse.transaction(async (transaction) => {
          await transaction.query(
            `CREATE TEMPORARY TABLE fold ON COMMIT DROP AS SELECT shop, "order", _partition, _offset FROM offers LIMIT 0`,
          )
          await copyCsv(transaction, {
            table: 'fold',
            columns: ['shop', '"order"', '_partition', '_offset'],
            file: csv,
          })
          expect((await transaction.query(`SELECT ${address} FROM fold ORDER BY shop`)).rows).toEqual(once)
        })
      },
    ),
    { numRuns: 12, seed: 3 },
  )
})

it('says why a file is no silver of the dataset, and throws when there is no file', async () => {
  const ask = (parquet: string) => silverToText(engine, offers, { parquet, text: newName() })
  const text = newName()
  await writeFile(text, 'PAR1 is not enough')
  expect(await ask(text)).toEqual({ unreadable: 'not a Parquet file' })
  await writeFile(text, '')
  expect(await ask(text)).toEqual({ unreadable: 'not a Parquet file' })
  const other = newName()
  await engine.run(`COPY (SELECT 1 AS shop) TO '${other}' (FORMAT parquet)`)
  expect(await ask(other)).toEqual({ unreadable: expect.stringMatching(/^lacks "order", "note"/) })
  const silver = await refined([offer(0)])
  const changed = newName()
  await engine.run(
    `COPY (SELECT * REPLACE ('1' AS price) FROM read_parquet('${silver}')) TO '${changed}' (FORMAT parquet)`,
  )
  expect(await ask(changed)).toEqual({ unreadable: 'has another type than the dataset\'s in "price"' })
  await expect(ask(join(folder, 'absent.parquet'))).rejects.toThrow('absent.parquet')

  await foldToCsv(engine, offers, { files: [text, other], csv: newName() })
})

it('takes damaged pages for a fault of the file, and folds what other files hold', async () => {
  const records = Array.from({ length: 300 }, (_, i) => offer(i, { shop: i, note: `note ${i}` }))
  const bytes = await readFile(await refined(records))
  bytes.fill(0xa5, 8, 200) // the first pages; the footer stays
  const damaged = `${newName()}.parquet`
  await writeFile(damaged, bytes)
  const csv = newName()
  expect(await silverToText(engine, offers, { parquet: damaged, text: csv })).toEqual({
    unreadable: 'its pages are damaged',
  })
  await foldToCsv(engine, offers, { files: [damaged, await refined([offer(7)])], csv })
  expect((await readFile(csv, 'utf8')).trim()).toBe(`1,${anOffer.order},0,7`)
})

it('makes a table that says what its columns mean, and refuses what no dataset would give it', async () => {
  const comments = await database.warehouse.query(
    `SELECT attname AS name, col_description(attrelid, attnum) AS comment, attnotnull AS required
       FROM pg_attribute WHERE attrelid = 'offers'::regclass AND attnum > 0 ORDER BY attnum`,
  )
  expect(comments.slice(0, 3)).toEqual([
    { name: 'shop', comment: 'The shop.', required: true },
    { name: 'order', comment: 'A name that SQL reserves.', required: true },
    { name: 'note', comment: "What the customer's note says. Personal.", required: false },
  ])
  expect(comments.every(({ comment }) => comment)).toBe(true)
  await load(await refined([offer(0)]))
  await expect(database.warehouse.query("UPDATE offers SET state = 'lost'")).rejects.toThrow(
    'check constraint',
  )
})
