import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { dataset } from '@cupel/core/dataset'
import { decimal, integer, text, timestamp } from '@cupel/core/kinds'
import { objectCreatedEvent } from '@cupel/core/s3-event'
import { openEngine } from '@cupel/duckdb/engine'
import { openForeign } from '@cupel/duckdb/foreign-parquet'
import fc from 'fast-check'
import parquet from 'parquetjs-lite'
import { describe, expect, it } from 'vitest'
import { makeLandFile } from '#functions/bronze/land-file/land.ts'
import { memoryObjectStore } from '../../../support/memory-object-store.ts'

const orders = dataset({
  name: 'orders',
  description: 'Orders.',
  landing: { columns: { 'Order No': 'id' } },
  bronzeFolder: 'order-folder',
  silverFolder: 'processed-orders',
  table: 'orders',
  version: 1,
  key: 'id',
  orderBy: 'at',
  fields: {
    id: integer('The order.'),
    name: text('What.'),
    price: decimal('How much.', { precision: 20, scale: 2, optional: true }),
    at: timestamp('When.'),
  },
})
const uploadedMs = Date.UTC(2026, 0, 5)
const header = 'id,name,price,at\n'
const csv = `${header}1,Tea,1.10,2026-01-05T00:00:00Z\n2,Köln,,2026-01-05T00:00:00Z\n`
const rows = [
  { id: '1', name: 'Tea', price: '1.10', at: '2026-01-05T00:00:00Z' },
  { id: '2', name: 'Köln', price: '', at: '2026-01-05T00:00:00Z' },
]

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

/** A lake whose files are landed by the real function. */
function makeLanding(landing = orders.landing) {
  const lake: Mutable<ReturnType<typeof memoryObjectStore>> = memoryObjectStore(() => uploadedMs)
  const lines: string[] = []
  const land = makeLandFile({
    lake,
    datasets: [
      { ...orders, landing },
      { ...orders, name: 'others', landing: undefined },
    ],
    openParquet: async (file) => openForeign(await openEngine(), file),
    warn: (line) => lines.push(line),
  })
  const created = (key: string) => objectCreatedEvent('lake', [{ key, eTag: '', size: 0 }])
  return {
    lake,
    lines,
    land: (key: string) => land(created(key)),
    async upload(name: string, content: string | Uint8Array, folder = 'orders') {
      await lake.put(`landing/${folder}/${name}`, Buffer.from(content))
      return land(created(`landing/${folder}/${name}`))
    },
    async bronze() {
      const keys = lake.keys().filter((key) => key.startsWith('bronze/'))
      const bodies = await Promise.all(keys.map(async (key) => (await lake.get(key))!.body))
      const written = bodies.flatMap((body) => Buffer.from(body).toString().trimEnd().split('\n'))
      return written.map((line) => JSON.parse(line))
    },
  }
}
const values = async ({ bronze }: ReturnType<typeof makeLanding>) =>
  (await bronze()).map(({ format, value }) => {
    if (format === 'json') return value
    return format === 'text' ? JSON.parse(Buffer.from(value, 'base64').toString()) : { format, ...value }
  })

describe('land-file', () => {
  it('takes a file into bronze, each record with its line, and the time, name and SHA-256 of the file', async () => {
    const landing = makeLanding()
    expect(await landing.upload('2026/a b.csv', csv)).toEqual({
      files: 1,
      records: 2,
      rejected: 0,
      skipped: 0,
    })
    const [key, ...marks] = landing.lake.keys().filter((each) => !each.startsWith('landing/'))
    const { sha256 } = (await landing.lake.head(marks[0]!))!.metadata
    expect(key).toBe(`bronze/order-folder/file=${sha256?.slice(0, 32)}/00000000000000000002.ndjson`)
    expect((await landing.lake.head(key!))?.metadata).toMatchObject({
      'first-offset': '2',
      'last-offset': '3',
      records: '2',
      'file-sha256': sha256,
    })
    const base64 = (written: string) => Buffer.from(written).toString('base64')
    const common = {
      topic: 'landing/orders',
      partition: 0,
      timestamp: uploadedMs,
      key: null,
      headers: [
        ['file', base64('2026/a b.csv')],
        ['sha256', Buffer.from(sha256!, 'hex').toString('base64')], // as S3 writes checksums
      ],
      format: 'json',
    }
    expect(await landing.bronze()).toEqual([
      { ...common, offset: 2, value: rows[0] },
      { ...common, offset: 3, value: rows[1] },
    ])
    expect(landing.lines).toEqual([])
  })

  it.each([
    ['CSV', 'a.csv', csv],
    ['CSV of another name', 'a.dat', csv],
    ['CSV with semicolons', 'a.csv', csv.replaceAll(',', ';')],
    ['TSV', 'a.tsv', csv.replaceAll(',', '\t')],
    ['gzip, whatever it is called', 'a.csv', gzipSync(csv)],
    [
      'gzip in several parts',
      'a.csv.gz',
      Buffer.concat([gzipSync(csv.slice(0, 30)), gzipSync(csv.slice(30))]),
    ],
    ['a BOM', 'a.csv', `\ufeff${csv}`],
    ['UTF-16, little end first', 'a.csv', Buffer.from(`\ufeff${csv}`, 'utf16le')],
    ['UTF-16, big end first', 'a.csv', Buffer.from(`\ufeff${csv}`, 'utf16le').swap16()],
    [
      'columns in another order, and renamed',
      'a.csv',
      'at,price,name,Order No\n2026-01-05T00:00:00Z,1.10,Tea,1\n2026-01-05T00:00:00Z,,Köln,2\n',
    ],
    ['white space around the names of columns', 'a.csv', csv.replace('id,name', ' id ,\tname ')],
    ['JSON lines', 'a.ndjson', rows.map((row) => JSON.stringify(row)).join('\n')],
    ['a JSON array', 'a.json', JSON.stringify(rows)],
    [
      'JSON objects as people read them',
      'a.json',
      rows.map((row) => JSON.stringify(row, null, 2)).join('\n'),
    ],
    [
      'JSON objects that begin on their first line',
      'a.json',
      rows.map((row) => JSON.stringify(row).replaceAll(',"', ',\n "')).join('\n'),
    ],
  ])('reads %s', async (_, name, content) => {
    const landing = makeLanding()
    await landing.upload(name, content)
    expect(await values(landing)).toEqual(rows)
    expect(landing.lines).toEqual([])
  })

  it('reads JSON lines line by line though the first one is cut off', async () => {
    const landing = makeLanding()
    const lines = rows.map((row) => JSON.stringify(row))
    await landing.upload('a.ndjson', [lines[0]!.slice(0, -5), ...lines].join('\n'))
    const [cut, ...whole] = await values(landing)
    expect(cut).toMatchObject({ format: 'bytes' })
    expect(whole).toEqual(rows)
  })

  it('reads Parquet of somebody else, with every digit', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'land-'))
    const schema = new parquet.ParquetSchema({
      id: { type: 'INT64' },
      name: { type: 'UTF8', optional: true },
      price: { type: 'DOUBLE' },
      at: { type: 'TIMESTAMP_MILLIS' },
      raw: { type: 'BYTE_ARRAY' },
      good: { type: 'BOOLEAN' },
    })
    const writer = await parquet.ParquetWriter.openFile(schema, join(folder, 'a.parquet'))
    const at = new Date(uploadedMs)
    await writer.appendRow({
      id: 9007199254740991,
      name: 'Köln "x"\n',
      price: 1.1,
      at,
      raw: Buffer.from('é'),
      good: true,
    })
    await writer.appendRow({ id: 2, price: 1e22, at, raw: Buffer.from([0xff]), good: false })
    await writer.close()
    const file = await readFile(join(folder, 'a.parquet'))
    await rm(folder, { recursive: true })

    const landing = makeLanding()
    await landing.upload('a.parquet', file)
    const expected = [
      {
        id: '9007199254740991',
        name: 'Köln "x"\n',
        price: '1.1',
        at: '2026-01-05T00:00:00.000000Z',
        raw: 'é',
        good: true,
      },
      { id: '2', name: null, price: '1e+22', at: '2026-01-05T00:00:00.000000Z', raw: '/w==', good: false },
    ]
    expect(await values(landing)).toEqual(expected)
    expect((await landing.bronze()).map(({ offset }) => offset)).toEqual([1, 2])

    const packed = makeLanding()
    await packed.upload('a.parquet.gz', gzipSync(file))
    expect(await values(packed)).toEqual(expected)

    const damaged = makeLanding()
    await damaged.upload('a.parquet', file.subarray(0, file.length - 40))
    expect(await values(damaged)).toEqual([
      { format: 'unreadable-file', problem: expect.stringMatching(/^Parquet: /), file: 'a.parquet' },
    ])
  })

  it('keeps every digit of Parquet', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'land-'))
    const engine = await openEngine()
    const path = join(folder, 'a.parquet')
    await engine.run(
      `COPY (SELECT 9007199254740993 + range AS "Order No", 123456789012345678.90::DECIMAL(20, 2) AS price, DATE '2026-01-05' AS name,
                    TIMESTAMPTZ '2026-01-05 01:02:03.000004+01' AS at, [{n: 9007199254740993}] AS nested FROM range(5000))
         TO '${path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)`,
    )
    engine.close()
    const file = await readFile(path)
    await rm(folder, { recursive: true })
    const damaged = makeLanding()
    const bytes = Buffer.from(file)
    bytes.fill(0xff, Math.round(file.length * 0.1), Math.round(file.length * 0.5))
    await damaged.upload('a.parquet', bytes)
    expect(await values(damaged)).toMatchObject([{ problem: expect.stringMatching(/^Parquet: /) }])

    const landing = makeLanding()
    await landing.upload('a.parquet', file)
    const found = (await landing.lake.get(landing.lake.keys()[0]!))!
    const lines = Buffer.from(found.body).toString().trimEnd().split('\n')
    expect(lines).toHaveLength(5000)
    expect(lines[4999]).toContain(
      '"value":{"id":"9007199254745992","price":"123456789012345678.90","name":"2026-01-05","at":"2026-01-05T00:02:03.000004Z","nested":[{"n":9007199254740993}]}',
    )
  })

  describe('what cannot be read is kept, with why', () => {
    const broken = gzipSync(Buffer.from(header + csv.slice(header.length).repeat(20_000)), { level: 1 })
    it.each([
      ['bytes that are no text', 'a.csv', Buffer.from([0x89, 0x50, 0, 1, 2]), 'not text'],
      [
        'Excel',
        'a.xlsx',
        Buffer.from('PK\x03\x04 …'),
        'a zip archive or an Excel file: unpack it, or save it as CSV',
      ],
      ['columns of something else', 'a.csv', 'x,y\n1,2\n', 'none of its columns is a field of orders'],
      [
        'what only says that it is gzip',
        'a.gz',
        Buffer.from([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        'gzip: unknown compression method',
      ],
      [
        'half a character of UTF-16',
        'a.csv',
        Buffer.from([0xff, 0xfe, 0x00, 0xd8, 0x41, 0x00]),
        'not UTF-16LE, as its byte order mark says',
      ],
      ['a header without an end', 'a.csv', `id,${'x'.repeat(70_000)}`, 'no header in its first 64 kB'],
    ])('%s', async (_, name, content, problem) => {
      const landing = makeLanding()
      expect(await landing.upload(name, content)).toMatchObject({ files: 1, records: 1, rejected: 1 })
      expect(await values(landing)).toEqual([{ format: 'unreadable-file', problem, file: name }])
      expect(landing.lines).toEqual([`landing/orders/${name} cannot be read: ${problem}`])
    })

    it('gzip that is damaged in the middle: the rows before, and then why it ends', async () => {
      const landing = makeLanding()
      const { records } = await landing.upload('a.csv.gz', broken.subarray(0, broken.length / 2))
      const found = await values(landing)
      expect(found.length).toBe(records)
      expect(found.slice(0, 2)).toEqual(rows)
      expect(new Set(found.slice(0, -1).map(({ name }) => name))).toEqual(new Set(['Tea', 'Köln']))
      expect(found.at(-1)).toEqual({
        format: 'unreadable-file',
        problem: 'gzip: unexpected end of file',
        file: 'a.csv.gz',
      })
      expect(landing.lines).toEqual([expect.stringMatching(/cannot be read from \d+ on: gzip: unexpected/)])
    })

    it('a format that the dataset does not take', async () => {
      const landing = makeLanding({ formats: ['parquet', 'ndjson'] })
      await landing.upload('a.csv', csv)
      expect(await values(landing)).toMatchObject([
        { problem: 'it is csv, and orders takes parquet, ndjson' },
      ])
    })
  })

  it('warns in one line of required columns that a header lacks', async () => {
    const landing = makeLanding()
    await landing.upload('a.csv', 'name,price\nTea,1\nTea,2\n')
    expect(await values(landing)).toEqual([
      { name: 'Tea', price: '1' },
      { name: 'Tea', price: '2' },
    ])
    expect(landing.lines).toEqual([
      'landing/orders/a.csv lacks id, at: its rows go into quarantine as missing that',
    ])
  })

  it.each([
    ['nothing', ''],
    ['white space', ' \n'],
    ['a header only', header],
    ['an empty list', '[]'],
  ])('tells of a file with %s, and marks it as landed', async (_, content) => {
    const landing = makeLanding({ formats: ['csv', 'json'] })
    expect(await landing.upload('a.csv', content)).toEqual({ files: 1, records: 0, rejected: 0, skipped: 0 })
    expect(landing.lines).toEqual(['landing/orders/a.csv holds no records'])
    expect(await landing.bronze()).toEqual([])
    expect(landing.lake.keys().filter((key) => key.startsWith('landed/orders/'))).toHaveLength(2)
  })

  it.each(['nobody', 'others'])(
    'names the datasets that take files where one is put elsewhere: %s',
    async (folder) => {
      const landing = makeLanding()
      expect(await landing.upload('a.csv', csv, folder)).toMatchObject({ files: 0, skipped: 1 })
      expect(landing.lines).toEqual([
        `landing/${folder}/a.csv is not read: files go under landing/<dataset>/, and those that take any are orders`,
      ])
      await landing.land('landing/orders/') // a folder, as consoles make it
      expect(landing.lines).toHaveLength(1)
    },
  )

  it('changes nothing when the same content comes again, under any name', async () => {
    const landing = makeLanding()
    await landing.upload('a.csv', csv)
    const before = await landing.bronze()
    expect(await landing.land('landing/orders/a.csv')).toMatchObject({ files: 0, skipped: 1 })
    expect(await landing.upload('renamed.csv', csv)).toMatchObject({ files: 0, records: 0, skipped: 1 })
    expect(await landing.bronze()).toEqual(before)
    expect(await landing.upload('a.csv', csv.replace('Tea', 'Pie'))).toMatchObject({ files: 1, records: 2 })
    expect(await landing.bronze()).toHaveLength(4)
  })

  it('goes on after a crash anywhere, and ends with the same objects', async () => {
    const many =
      header + Array.from({ length: 25_000 }, (_, i) => `${i},Tea ${i},,2026-01-05T00:00:00Z\n`).join('')
    const whole = makeLanding()
    await whole.upload('a.csv', many)
    const objects = async ({ lake }: ReturnType<typeof makeLanding>) =>
      Promise.all(lake.keys().map(async (key) => [key, (await lake.head(key))!.eTag]))
    const expected = await objects(whole)
    expect(expected).toHaveLength(3 + 1 + 2)

    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }), async (crashes) => {
        const landing = makeLanding()
        const { put } = landing.lake
        for (const writes of crashes) {
          let left = writes + 1 // the upload itself
          landing.lake.put = async (...object) => {
            if (left-- <= 0) throw new Error('the power went out')
            return put(...object)
          }
          await landing.upload('a.csv', many).catch(() => {})
        }
        landing.lake.put = put
        await landing.upload('a.csv', many)
        expect(await objects(landing)).toEqual(expected)
      }),
      { numRuns: 4 },
    )
  })

  it('throws when the store fails half-way, and when another object takes the place of the one it reads', async () => {
    const landing = makeLanding()
    await landing.lake.put('landing/orders/a.csv', Buffer.from(csv))
    const { stream } = landing.lake
    landing.lake.stream = async (key, options) => {
      const object = await stream(key, options)
      await landing.lake.put(key, Buffer.from('changed'))
      return object
    }
    await expect(landing.land('landing/orders/a.csv')).rejects.toThrow('PreconditionFailed')
    landing.lake.stream = async (key, options) => ({
      ...(await stream(key, options))!,
      body: (async function* () {
        yield Buffer.from(csv)
        throw new Error('ECONNRESET')
      })(),
    })
    await expect(landing.land('landing/orders/a.csv')).rejects.toThrow('could not be landed: ECONNRESET')
    expect(await landing.bronze()).toEqual([])
  })
})
