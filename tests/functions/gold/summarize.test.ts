import { type Dataset, dataset } from '@cupel/core/dataset'
import { currency, integer, money, oneOf, text, timestamp } from '@cupel/core/kinds'
import { count, distinct, lookUp, sum, summary } from '@cupel/core/summary'
import { copyColumns, upsertStatement } from '@cupel/core/warehouse-sql'
import type { Transaction } from '@cupel/io/postgres'
import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeSummarize } from '#functions/gold/summarize/summarize.ts'
import { migrate } from '#operations/migrate.ts'
import { problemsOfSummaries } from '#operations/reconcile.ts'
import { changesToSummarize, takeStockOfSummaries } from '#operations/summary-stock.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

const common = { description: 'Of a test.', version: 1, tombstones: 'mark' } as const
const shops = dataset({
  ...common,
  name: 'shops',
  topic: 'shops',
  bronzeFolder: 'shops',
  silverFolder: 'shops',
  table: 'shops',
  key: 'shop',
  orderBy: 'updated_at',
  fields: {
    shop: text('The shop.'),
    trade: text('What it sells.', { optional: true }),
    updated_at: timestamp('When.'),
  },
})
const sales = dataset({
  ...common,
  name: 'sales',
  topic: 'sales',
  bronzeFolder: 'sales',
  silverFolder: 'sales',
  table: 'sales',
  key: 'sale',
  orderBy: 'updated_at',
  fields: {
    sale: integer('The sale.'),
    buyer: text('Who buys.', { optional: true }),
    shop: text('Where.'),
    quantity: integer('How many.'),
    price: money('Of one, in `currency`.'),
    currency: currency('Of the price.'),
    kind: oneOf('What it is.', ['sale', 'return']),
    sold_at: timestamp('When it was sold.'),
    updated_at: timestamp('When this became so.'),
  },
})
const byTrade = summary({
  name: 'sales_by_trade',
  description: 'Sales of a day.',
  from: sales,
  period: { day: 'sold_at' },
  by: ['currency'],
  joined: { trade: lookUp(shops, 'shop', 'trade') },
  measures: {
    sales: count('How many.'),
    buyers: distinct('Who bought.', 'buyer'),
    gross: sum('What was paid.', ['quantity', 'price'], { where: ['kind', 'sale'] }),
    returned: sum('What was paid back.', ['quantity', 'price'], { where: ['kind', 'return'] }),
  },
  derived: { net: { description: 'What was kept.', sql: 'gross - returned' } },
})
const byBuyer = summary({
  name: 'sales_by_buyer',
  description: 'Sales of a month.',
  from: sales,
  period: { month: 'sold_at' },
  by: ['buyer', 'currency'],
  measures: { sales: count('How many.'), pieces: sum('How many pieces.', 'quantity') },
})
const visits = summary({
  name: 'visits',
  description: 'Sales to a buyer with less than 12 hours between them.',
  from: sales,
  by: ['buyer'],
  rows: {
    columns: {
      visit: { type: 'bigint', description: 'Of the buyer, from 1.' },
      sales: { type: 'bigint', description: 'How many.' },
    },
    sql: (source) => `SELECT buyer, visit, count(*) AS sales FROM (
      SELECT buyer, 1 + count(*) FILTER (WHERE gap >= interval '12 hours') OVER (PARTITION BY buyer ORDER BY sold_at, sale) AS visit
        FROM (SELECT buyer, sale, sold_at, sold_at - lag(sold_at) OVER (PARTITION BY buyer ORDER BY sold_at, sale) AS gap FROM ${source}) AS gaps
      ) AS numbered GROUP BY buyer, visit`,
  },
})
const summaries = [byTrade, byBuyer, visits]

const hour = 3_600_000
const start = Date.UTC(2026, 0, 31) // the last day of a month
const aSale = fc.record({
  sale: fc.integer({ min: 1, max: 12 }), // few, so that many are corrections
  buyer: fc.constantFrom('ann', 'bob', null),
  shop: fc.constantFrom('a', 'b', 'c'),
  quantity: fc.integer({ min: 1, max: 3 }),
  price: fc.constantFrom('0.1000', '0.2000', '99999999999999.9999'),
  currency: fc.constantFrom('EUR', 'USD'),
  kind: fc.constantFrom('sale', 'return'),
  sold_at: fc.integer({ min: -30, max: 30 }).map((hours) => new Date(start + hours * hour).toISOString()),
  updated_at: fc.integer({ min: 0, max: 5 }).map((hours) => new Date(start + hours * hour).toISOString()),
})
const aShop = fc.record({
  shop: fc.constantFrom('a', 'b', 'c'),
  trade: fc.constantFrom('food', 'books', null),
  updated_at: fc.integer({ min: 0, max: 5 }).map((hours) => new Date(start + hours * hour).toISOString()),
})
type Row = Readonly<Record<string, unknown>>
type Step =
  | { readonly do: 'load'; readonly dataset: Dataset; readonly rows: readonly Row[] }
  | { readonly do: 'sql'; readonly sql: string }
const aWrite: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.array(aSale, { minLength: 1, maxLength: 6 }).map((rows) => load(sales, rows)) },
  { weight: 2, arbitrary: fc.array(aShop, { minLength: 1, maxLength: 2 }).map((rows) => load(shops, rows)) },
  fc.constantFrom(
    { do: 'sql', sql: 'DELETE FROM sales WHERE sale % 3 = 0' },
    {
      do: 'sql',
      sql: "UPDATE sales SET buyer = 'bob', sold_at = sold_at - interval '1 month' WHERE sale < 4",
    },
    {
      do: 'sql',
      sql: 'UPDATE sales SET sale = sale - 20 WHERE sale = 5 AND NOT EXISTS (SELECT FROM sales WHERE sale < 0)',
    },
    { do: 'sql', sql: 'UPDATE sales SET _deleted = NOT _deleted WHERE sale % 4 = 0' },
    { do: 'sql', sql: "UPDATE shops SET _deleted = NOT _deleted WHERE shop = 'c'" },
    { do: 'sql', sql: "DELETE FROM shops WHERE shop = 'a'" },
    {
      do: 'sql',
      sql: "UPDATE shops SET shop = 'd' WHERE shop = 'b' AND NOT EXISTS (SELECT FROM shops WHERE shop = 'd')",
    },
    { do: 'sql', sql: 'TRUNCATE sales' },
    { do: 'sql', sql: 'TRUNCATE shops' },
  ),
)
/** Writes one after the other, each with what happens before it commits. */
const aHistory = fc.array(
  fc.record({ write: aWrite, meanwhile: fc.constantFrom('nothing', 'nothing', 'summarize') }),
  { maxLength: 12 },
)
const load = (dataset: Dataset, rows: readonly Row[]): Step => ({ do: 'load', dataset, rows })

describe('summarize', () => {
  let database: TestDatabase
  let summarize: ReturnType<typeof makeSummarize>
  beforeAll(async () => {
    database = await makeDatabase()
    await migrate(database.warehouse, {
      directory: import.meta.dirname, // without migrations
      datasets: [sales, shops],
      summaries,
      follow: true,
    })
    summarize = makeSummarize({ warehouse: database.warehouse, summaries, most: 20 })
  })
  beforeEach(async () => {
    await database.warehouse.query('TRUNCATE sales, shops')
    await summarize({})
  })

  let offset = 0
  async function write(transaction: Transaction, step: Step): Promise<void> {
    if (step.do === 'sql') return void (await transaction.query(step.sql))
    const { dataset, rows } = step
    await transaction.query(
      `CREATE TEMPORARY TABLE incoming (LIKE ${dataset.table} INCLUDING DEFAULTS) ON COMMIT DROP`,
    )
    const placed = rows.map((row) => ({
      ...row,
      _deleted: false,
      _timestamp_ms: 0,
      _partition: 0,
      _offset: offset++,
    }))
    const columns = copyColumns(dataset).join(', ')
    await transaction.query(
      `INSERT INTO incoming (${columns}) SELECT ${columns} FROM json_populate_recordset(NULL::${dataset.table}, $1)`,
      [JSON.stringify(placed)],
    )
    await transaction.query(upsertStatement(dataset, 'incoming'))
  }

  /** What the summaries should hold, worked out from the rows without any SQL of theirs. */
  async function recomputed() {
    const rows = await database.warehouse.query<Record<string, string>>(
      `SELECT sales.*, trade, to_char(sold_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day FROM sales LEFT JOIN shops ON sales.shop = shops.shop AND NOT shops._deleted WHERE NOT sales._deleted ORDER BY sold_at, sale`,
    )
    const units = (row: Record<string, string>) => BigInt(row.quantity!) * BigInt(row.price!.replace('.', ''))
    const groups = <T>(key: (row: Record<string, string>) => unknown[], make: (rows: Rows) => T) => {
      const found = new Map<string, Rows>()
      for (const row of rows) {
        const name = JSON.stringify(key(row))
        found.set(name, [...(found.get(name) ?? []), row])
      }
      return [...found].map(([name, all]) => `${name} ${make(all)}`).sort()
    }
    const total = (all: Rows, kind: string) =>
      all.filter((row) => row.kind === kind).reduce((sum, row) => sum + units(row), 0n)
    let visit = 0
    let before: Record<string, string> | undefined
    const byBuyer = [...rows].sort((a, b) =>
      String(a.buyer) < String(b.buyer) ? -1 : a.buyer === b.buyer ? 0 : 1,
    )
    const visitOf = new Map(
      byBuyer.map((row) => {
        const isNew = before?.buyer !== row.buyer
        if (isNew) visit = 1
        else if (Number(new Date(row.sold_at!)) - Number(new Date(before!.sold_at!)) >= 12 * hour) visit += 1
        before = row
        return [row, visit] as const
      }),
    )
    return {
      byTrade: groups(
        (row) => [row.day, row.currency, row.trade],
        (all) => {
          const buyers = new Set(all.map(({ buyer }) => buyer).filter((buyer) => buyer !== null))
          const [gross, returned] = [total(all, 'sale'), total(all, 'return')]
          return [all.length, buyers.size, gross, returned, gross - returned].join(' ')
        },
      ),
      byBuyer: groups(
        (row) => [`${row.day!.slice(0, 7)}-01`, row.buyer, row.currency],
        (all) => [all.length, all.reduce((sum, row) => sum + Number(row.quantity), 0)].join(' '),
      ),
      visits: groups(
        (row) => [row.buyer, visitOf.get(row)],
        (all) => String(all.length),
      ),
    }
  }
  type Rows = Record<string, string>[]

  async function summarized() {
    const read = async (sql: string) =>
      (await database.warehouse.query<{ line: string }>(sql)).map(({ line }) => line).sort()
    const units = (column: string) => `trunc(${column} * 10000)`
    return {
      byTrade: await read(
        `SELECT replace(json_build_array(day, currency, trade)::text, ', ', ',') || ' ' || concat_ws(' ', sales, buyers, ${['gross', 'returned', 'net'].map(units).join(', ')}) AS line FROM sales_by_trade`,
      ),
      byBuyer: await read(
        `SELECT replace(json_build_array(month, buyer, currency)::text, ', ', ',') || ' ' || concat_ws(' ', sales, pieces) AS line FROM sales_by_buyer`,
      ),
      visits: await read(
        `SELECT replace(json_build_array(buyer, visit)::text, ', ', ',') || ' ' || sales AS line FROM visits`,
      ),
    }
  }

  it('equals a full recomputation after any history of loads, corrections and deletions, also while they are under way', async () => {
    await fc.assert(
      fc.asyncProperty(aHistory, async (history) => {
        for (const { write: step, meanwhile } of history) {
          await database.warehouse.transaction(async (transaction) => {
            await write(transaction, step)
            // TRUNCATE keeps everybody out until it commits.
            if (meanwhile === 'summarize' && !(step.do === 'sql' && step.sql.startsWith('TRUNCATE')))
              await summarize({})
          })
        }
        await summarize({})
        expect(await summarized()).toEqual(await recomputed())
      }),
      { numRuns: 12 },
    )
  })
  describe('over what is there', () => {
    const sale = (changes: Row) => ({
      sale: 1,
      buyer: 'ann',
      shop: 'a',
      quantity: 2,
      price: '10.00',
      currency: 'EUR',
      kind: 'sale',
      sold_at: '2026-01-31T23:59:59.999Z',
      updated_at: '2026-02-01T00:00:00Z',
      ...changes,
    })
    const given = (...rows: readonly Row[]) =>
      database.warehouse.transaction((transaction) => write(transaction, load(sales, rows)))
    const look = () => takeStockOfSummaries(database.warehouse, summaries)
    const monthly = () =>
      database.warehouse.query('SELECT month::text, buyer, sales, pieces FROM sales_by_buyer ORDER BY 1')

    it('ends days and months at midnight UTC, and sums money exactly', async () => {
      await given(sale({ price: '99999999999999.9999' }), sale({ sale: 2, sold_at: '2026-02-01T00:00:00Z' }))
      await summarize({})
      expect(await monthly()).toEqual([
        { month: '2026-01-01', buyer: 'ann', sales: '1', pieces: '2' },
        { month: '2026-02-01', buyer: 'ann', sales: '1', pieces: '2' },
      ])
      expect(
        await database.warehouse.query('SELECT day::text, net FROM sales_by_trade ORDER BY day'),
      ).toEqual([
        { day: '2026-01-31', net: '199999999999999.9998' },
        { day: '2026-02-01', net: '20.0000' },
      ])
    })

    it('leaves notes and summaries as they were when it fails half-way', async () => {
      await given(sale({}))
      const failing = makeSummarize({
        summaries,
        warehouse: {
          transaction: (work) =>
            database.warehouse.transaction(async (transaction) => {
              await work(transaction)
              throw new Error('power cut')
            }),
        },
      })
      await expect(failing({})).rejects.toThrow('power cut')
      expect(await monthly()).toEqual([])
      expect(await changesToSummarize(database.warehouse, summaries)).toBe(1)
      expect(await summarize({})).toEqual({ changes: 1 })
      expect(await monthly()).toHaveLength(1)
    })

    it('is told apart from what somebody wrote, which computing anew puts right', async () => {
      await given(sale({}))
      await summarize({})
      await database.warehouse.query(
        "UPDATE sales_by_buyer SET pieces = 7; INSERT INTO visits VALUES ('eve', 1, 1)",
      )
      await given(sale({ sale: 2, buyer: 'bob' })) // under way, and no problem
      expect(problemsOfSummaries(await look())).toMatchObject([
        { guarantee: 'G9', subject: 'sales_by_buyer', address: '["2026-01-01", "ann", "EUR"]' },
        { guarantee: 'G9', subject: 'visits', address: '["eve"]' },
      ])
      await summarize({ anew: true })
      expect(problemsOfSummaries(await look())).toEqual([])
      expect(await monthly()).toHaveLength(2)
    })
  })
})
