import { createHash, createHmac } from 'node:crypto'
import { access, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bronzeLine, readValue } from '@cupel/core/bronze'
import { type Dataset, dataset, type Fields } from '@cupel/core/dataset'
import type { KafkaRecord } from '@cupel/core/kafka-event'
import { integer, list, money, oneOf, phone, text, timestamp, uuid } from '@cupel/core/kinds'
import { compareNewest, type EventOrder } from '@cupel/core/newest'
import { parseRecord, type Reason, type Secrets } from '@cupel/core/record'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import fc from 'fast-check'
import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { asyncBufferFromFile } from 'hyparquet/src/node.js'
import { compressors } from 'hyparquet-compressors'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kafkaRecord } from '../../support/kafka.ts'

const orders = dataset({
  name: 'orders',
  description: "Orders, with a quote's worth of trouble.",
  topic: 'orders',
  bronzeFolder: 'orders-folder',
  silverFolder: 'processed-orders',
  table: 'orders',
  version: 7,
  key: ['shop_id', 'order_id'],
  orderBy: 'changed_at',
  fields: {
    shop_id: integer('The shop.'),
    order_id: uuid('The order in it.'),
    phone: phone('Whom to call.', { personal: true, optional: true }),
    total: money('What it costs.'),
    state: oneOf('How far it is.', ['open', 'sent']),
    note: text('What the customer says.', { optional: true }),
    changed_at: timestamp('When it last changed.'),
  },
})

const anOrder = {
  shop_id: 1,
  order_id: '6f1c1a2e-5a5b-4c5d-8e6f-0a1b2c3d4e5f',
  total: '12.50',
  state: 'open',
  changed_at: '2026-01-02T03:04:05Z',
}
const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const order = (offset: number, value: unknown = anOrder, changes: Partial<KafkaRecord> = {}): KafkaRecord =>
  kafkaRecord({ topic: 'orders', partition: 3, offset, value: bytes(value), ...changes })

let folder: string
let engine: Engine
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cupel-refine-'))
  engine = await openEngine()
})
afterAll(async () => {
  engine.close()
  await rm(folder, { recursive: true })
})

const bronzeOf = (records: readonly KafkaRecord[]): readonly Uint8Array[] => [
  bytes(records.map((record) => `${bronzeLine(record)}\n`).join('')),
]

let count = 0
async function refine(
  records: readonly KafkaRecord[],
  {
    on = engine,
    of = orders,
    secrets,
    pieces = bronzeOf(records),
  }: { on?: Engine; of?: Dataset; secrets?: Secrets; pieces?: readonly Uint8Array[] } = {},
) {
  const name = join(folder, String(count++))
  const files = {
    bronze: pieces,
    silver: `${name}.parquet`,
    quarantine: `${name}-quarantine.ndjson`,
  }
  const counts = await refineFile(on, of, files, secrets)
  const quarantine = counts.quarantined > 0 ? await readFile(files.quarantine, 'utf8') : ''
  const silver = await asyncBufferFromFile(files.silver)
  return {
    counts,
    files,
    quarantined: quarantine.split('\n').filter(Boolean),
    silver: await parquetReadObjects({ file: silver, compressors }),
    metadata: await parquetMetadataAsync(silver),
    hash: createHash('sha256')
      .update(await readFile(files.silver))
      .update(quarantine)
      .digest('hex'),
  }
}

it('writes good records to silver: fields in order, then how they were received', async () => {
  const timestampMs = 1_767_225_600_123
  const { counts, silver } = await refine([order(5, { ...anOrder, extra: 1, note: ' x ' }, { timestampMs })])
  expect(counts).toEqual({ records: 1, silver: 1, quarantined: 0, duplicates: 0, warned: 0 })
  expect(silver).toEqual([
    {
      shop_id: 1n,
      order_id: anOrder.order_id,
      phone: null,
      total: expect.closeTo(12.5, 9), // hyparquet makes a float of a decimal
      state: 'open',
      note: 'x',
      changed_at: new Date(anOrder.changed_at),
      _topic: 'orders',
      _partition: 3,
      _offset: 5n,
      _timestamp_ms: BigInt(timestampMs),
    },
  ])
  expect(Object.keys(silver[0]!)).toEqual([
    ...Object.keys(orders.fields),
    '_topic',
    '_partition',
    '_offset',
    '_timestamp_ms',
  ])
})

it('names dataset and version in the footer, and keeps exact types', async () => {
  const { metadata } = await refine([order(0)])
  const named = Object.fromEntries((metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value]))
  expect(named).toMatchObject({ dataset: 'orders', version: '7' })
  const types = Object.fromEntries(
    metadata.schema.map(({ name, logical_type, converted_type }) => [name, logical_type ?? converted_type]),
  )
  expect(types).toMatchObject({
    order_id: 'UTF8', // Spark and Athena do not know Parquet's UUID
    total: { type: 'DECIMAL', precision: 18, scale: 4 },
    changed_at: { type: 'TIMESTAMP', isAdjustedToUTC: true },
  })
})

it('writes rejected records as their bronze lines, with dataset, version and all reasons in front', async () => {
  const records = [
    order(9, '{"total": 1e5, "total":1.10,"phone":"0301234","x":99999999999999999.99 }'),
    order(7, 'no JSON'),
    order(8, '', { value: null }),
    order(6, '[\n]'),
  ]
  const { counts, quarantined } = await refine(records)
  expect(counts).toEqual({ records: 4, silver: 0, quarantined: 4, duplicates: 0, warned: 0 })
  const front = '{"dataset":"orders","version":7,"reasons":'
  const whole = (reason: string) => `${front}[{"field":null,"reason":"${reason}","value":null}],`
  const reasons = [
    { field: 'shop_id', reason: 'missing', value: null },
    { field: 'order_id', reason: 'missing', value: null },
    { field: 'phone', reason: 'no-country-code', value: '***(7 characters)' },
    { field: 'total', reason: 'duplicate-field', value: null },
    { field: 'state', reason: 'missing', value: null },
    { field: 'changed_at', reason: 'missing', value: null },
  ]
  expect(quarantined).toEqual([
    `${whole('not-an-object')}${bronzeLine(records[3]!).slice(1)}`,
    `${whole('unreadable')}${bronzeLine(records[1]!).slice(1)}`,
    `${whole('tombstone')}${bronzeLine(records[2]!).slice(1)}`,
    `${front}${JSON.stringify(reasons)},${bronzeLine(records[0]!).slice(1)}`,
  ])
})

it('writes no quarantine file when every record is good, and an empty silver file when none is', async () => {
  const good = await refine([order(0)])
  await expect(access(good.files.quarantine)).rejects.toThrow('ENOENT')
  const bad = await refine([order(0, {})])
  expect(bad.silver).toEqual([])
  const none = await refine([])
  expect(none.counts).toEqual({ records: 0, silver: 0, quarantined: 0, duplicates: 0, warned: 0 })
  expect(none.silver).toEqual([])
})

it('takes a timestamp of Kafka that no clock could show', async () => {
  const { silver } = await refine([
    order(0, anOrder, { timestampMs: 2 ** 63 }),
    order(1, { ...anOrder, shop_id: 2 }, { timestampMs: -1 }),
  ])
  expect(silver.map((row) => row._timestamp_ms)).toEqual([BigInt(Number.MAX_SAFE_INTEGER), -1n])
})

/** Orders of few keys at few times, some of them broken: every kind of tie. */
const anyRecords = fc
  .array(
    fc.record({
      shop_id: fc.constantFrom(1, 2, 'one'),
      total: fc.nat(9),
      changed_at: fc.constantFrom(
        '2026-01-02T03:04:05Z',
        '2026-01-02T04:04:05+01:00',
        1_767_323_045,
        1_767_323_046,
      ),
      timestampMs: fc.nat(2),
      partition: fc.nat(1),
    }),
    { maxLength: 30 },
  )
  .map((orders) =>
    orders.map(({ timestampMs, partition, ...value }, offset) =>
      order(offset, { ...anOrder, ...value }, { timestampMs, partition }),
    ),
  )

/** What silver should hold, by `parseRecord` and `compareNewest`: the same in TypeScript. */
function fold(records: readonly KafkaRecord[]): { silver: string[]; quarantined: number } {
  const newest = new Map<string, { at: EventOrder; address: string }>()
  let quarantined = 0
  for (const { value, timestampMs, partition, offset } of records) {
    const parsed = parseRecord(orders, readValue(value))
    if (!parsed.ok) {
      quarantined += 1
      continue
    }
    const { shop_id, order_id, changed_at } = parsed.row
    const at = { order: changed_at, timestampMs, partition, offset }
    const before = newest.get(`${shop_id} ${order_id}`)
    if (!before || compareNewest(at, before.at) > 0)
      newest.set(`${shop_id} ${order_id}`, { at, address: `${partition}+${offset}` })
  }
  return { silver: [...newest.values()].map(({ address }) => address).sort(), quarantined }
}

it('loses no record and invents none: in = silver + quarantined + duplicates, and of each key the newest', async () => {
  await fc.assert(
    fc.asyncProperty(anyRecords, async (records) => {
      const { counts, silver } = await refine(records)
      const expected = fold(records)
      expect(silver.map((row) => `${row._partition}+${row._offset}`).sort()).toEqual(expected.silver)
      expect(counts).toEqual({
        records: records.length,
        silver: expected.silver.length,
        quarantined: expected.quarantined,
        duplicates: records.length - expected.silver.length - expected.quarantined,
        warned: 0,
      })
    }),
    { numRuns: 25, seed: 7 },
  )
})

it('gives the same bytes for the same records, on one thread and on two, in any order of lines', async () => {
  const records = Array.from({ length: 6000 }, (_, offset) =>
    order(offset, {
      ...anOrder,
      order_id: createHash('md5')
        .update(String(offset % 5500))
        .digest('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
      total: offset % 97 === 0 ? 'much' : offset,
      note: `note ${offset % 13}`,
    }),
  )
  const two = await openEngine({ threads: 2 })
  try {
    const first = await refine(records)
    expect(first.counts).toMatchObject({ records: 6000, quarantined: 62 })
    expect((await refine(records)).hash).toBe(first.hash)
    expect((await refine(records, { on: two })).hash).toBe(first.hash)
    expect((await refine([...records].reverse(), { on: two })).hash).toBe(first.hash)
  } finally {
    two.close()
  }
})

it('takes an object in pieces of any length', async () => {
  const records = Array.from({ length: 40 }, (_, offset) =>
    order(
      offset,
      offset % 7 === 0 ? 'no JSON' : { ...anOrder, shop_id: offset % 30, note: `Größe ${offset}` },
    ),
  )
  const whole = (await refine(records)).hash
  for (const length of [1, 7, 500, 4096]) {
    const [body] = bronzeOf(records)
    const pieces = Array.from({ length: Math.ceil(body!.length / length) }, (_, at) =>
      body!.subarray(at * length, (at + 1) * length),
    )
    expect([length, (await refine(records, { pieces })).hash]).toEqual([length, whole])
  }
})

it('takes a field of any name, also one that its own columns might have', async () => {
  const names = [
    'line',
    'envelope',
    'written',
    'object',
    'names',
    'whole',
    'repeated',
    'escapes_nul',
    'one',
    'strange',
    'warnings',
    'failed',
    'name',
    'other',
  ]
  const added = names.map((name) => [name, text('A word.', { max: 20 })])
  const named: Dataset = { ...orders, fields: { ...orders.fields, ...Object.fromEntries(added) } }
  const words = Object.fromEntries(names.map((name) => [name, `word ${name}`]))
  const { silver, counts, quarantined } = await refine(
    [order(0, { ...anOrder, ...words }), order(1, { ...anOrder, ...words, one: 1 })],
    { of: named },
  )
  expect(counts).toEqual({ records: 2, silver: 1, quarantined: 1, duplicates: 0, warned: 0 })
  expect(silver).toMatchObject([words])
  expect(JSON.parse(quarantined[0]!).reasons).toEqual([{ field: 'one', reason: 'not-text', value: '1' }])
})

const withFields = (fields: Fields, options: Partial<Dataset> = {}): Dataset => ({
  ...orders,
  ...options,
  fields: { ...orders.fields, ...fields },
})

it('makes null what a field may lack, and counts and keeps what stood there instead', async () => {
  const of = withFields({
    weight: integer('Grams.', { min: 1, optional: true, policy: 'warn' }),
    tags: list('Words.', text('One.'), { optional: true, policy: 'warn' }),
  })
  const { counts, silver, quarantined } = await refine(
    [
      order(0, { ...anOrder, weight: -5, tags: ['a', 7] }),
      order(1, { ...anOrder, shop_id: 2, weight: 5, tags: ['a'] }),
      order(2, { ...anOrder, shop_id: 'x', weight: -5 }),
    ],
    { of },
  )
  expect(counts).toEqual({ records: 3, silver: 2, quarantined: 1, duplicates: 0, warned: 1 })
  expect(silver[0]).toMatchObject({ weight: null, tags: null })
  expect(JSON.parse(String(silver[0]!._warnings))).toEqual([
    { field: 'weight', reason: 'out-of-range', value: '-5' },
    { field: 'tags[1]', reason: 'not-text', value: '[…]' },
  ])
  expect(silver[1]).toMatchObject({ weight: 5n, tags: '["a"]', _warnings: null })
  expect(JSON.parse(quarantined[0]!).reasons.map(({ field }: Reason) => field)).toEqual(['shop_id', 'weight'])
})

it('refuses an object as a whole when a rule is broken that must not be, and says which and where', async () => {
  const of = withFields({ state: oneOf('How far it is.', ['open', 'sent'], { policy: 'fail' }) })
  const records = [
    order(6, { ...anOrder, state: 'lost' }),
    order(5, { ...anOrder, state: 'stolen' }),
    order(4),
  ]
  const refused = refine(records, { of })
  await expect(refused).rejects.toThrow('orders-3 offset 5: state is not-one-of. Nothing of it was refined')
  await expect(refused).rejects.toMatchObject({ code: 'OBJECT_REFUSED', retryable: false })
  expect((await refine([order(4)], { of })).counts.silver).toBe(1)
})

it('refuses an object of which too large a share would be quarantined', async () => {
  const records = [order(0), order(1, { ...anOrder, shop_id: 2 }), order(2, {}), order(3, 'no JSON')]
  expect((await refine(records, { of: { ...orders, maxQuarantined: 0.5 } })).counts.quarantined).toBe(2)
  const strict = refine(records, { of: { ...orders, maxQuarantined: 0.49 } })
  await expect(strict).rejects.toThrow('2 of 4 records would be quarantined, maxQuarantined is 0.49')
})

it('keeps what no field names in a column of its own, or takes it for a reason', async () => {
  const record = order(0, `{"b":{"c":[1e5,null]},"a":"x",${JSON.stringify(anOrder).slice(1)}`)
  const { silver } = await refine([record, order(1, { ...anOrder, shop_id: 2 })], {
    of: { ...orders, unknownFields: 'keep' },
  })
  expect(silver.map(({ _unknown }) => _unknown)).toEqual(['{"b":{"c":[100000,null]},"a":"x"}', null])
  const { quarantined } = await refine([record], { of: { ...orders, unknownFields: 'reject' } })
  expect(JSON.parse(quarantined[0]!).reasons).toEqual([
    { field: null, reason: 'unknown-field', value: 'a, b' },
  ])
})

it('writes the hash of personal data by a key that nobody sees, or what a mask leaves', async () => {
  const of = withFields({
    phone: phone('Whom to call.', { personal: 'hash' }),
    note: text('Card number.', { personal: 'mask' }),
  })
  const records = [order(0, { ...anOrder, phone: '+49 30 1234567', note: '4111 1111 1111 1234' })]
  await expect(refine(records, { of })).rejects.toThrow('PERSONAL_DATA_KEY is not a secret of 16 to 64 bytes')
  const personalDataKey = 'sixteen or more bytes'
  const { silver } = await refine(records, { of, secrets: { personalDataKey } })
  const hash = createHmac('sha256', personalDataKey).update('+49301234567').digest('hex')
  expect(silver[0]).toMatchObject({ phone: hash, note: '***1234' })
  const rotated = await refine(records, { of, secrets: { personalDataKey: 'another, as long as that' } })
  expect(rotated.silver[0]).toMatchObject({ phone: expect.stringMatching(/^[0-9a-f]{64}$/), note: '***1234' })
  expect(rotated.silver[0]!.phone).not.toBe(hash)
})

it('puts a default where a field is missing, and nowhere else', async () => {
  const of = withFields({ state: oneOf('How far it is.', ['open', 'sent'], { default: 'sent' }) })
  const { state, ...others } = anOrder
  const records = [
    others,
    { ...anOrder, state: ' ' },
    { ...anOrder, state: null },
    anOrder,
    { ...anOrder, state: 'x' },
  ]
  const { silver, counts } = await refine(
    records.map((value, at) => order(at, { ...value, shop_id: at })),
    { of },
  )
  expect(silver.map((row) => row.state)).toEqual(['sent', 'sent', 'sent', state])
  expect(counts.quarantined).toBe(1)
})

it('refines files that are asked for at once, each for itself', async () => {
  const all = await Promise.all(
    [1, 2, 3].map((size) =>
      refine(Array.from({ length: size }, (_, at) => order(at, { ...anOrder, shop_id: at }))),
    ),
  )
  expect(all.map(({ counts }) => counts.silver)).toEqual([1, 2, 3])
})

it('throws when the world fails, and refines the next file as if nothing had been', async () => {
  const files = { silver: join(folder, 's'), quarantine: join(folder, 'q') }
  const broken = [bytes(`${bronzeLine(order(0))}\n{"topic":\n`)]
  await expect(refineFile(engine, orders, { ...files, bronze: broken })).rejects.toThrow(
    'line 2 is no bronze line',
  )
  const zeros = [Buffer.alloc(4096)] // what a disk may leave of a file when the power fails
  await expect(refineFile(engine, orders, { ...files, bronze: zeros })).rejects.toThrow(
    'line 1 is no bronze line',
  )
  const bronze = bronzeOf([order(0)])
  const nowhere = join(folder, 'no such folder', 'silver.parquet')
  await expect(refineFile(engine, orders, { ...files, bronze, silver: nowhere })).rejects.toThrow(
    'no such folder',
  )
  expect((await refine([order(0)])).counts.silver).toBe(1)
})
