import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { completeMapping, mapRow, parseMapping } from '#operations/cli/purchases/mapping.ts'
import { type Trial, tryFile } from '#operations/cli/purchases/trial.ts'
import { showAmount, showRefusals, showSums } from '#operations/cli/purchases/trial-command.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

const retail = join(import.meta.dirname, '../../fixtures/purchases/retail-lines.csv')
const retailColumns = `
  receipt=Invoice, item=Description, quantity=Quantity, unit_price=Price, purchased_at=InvoiceDate,
  buyer=Customer ID, store=Country, category='all', currency='GBP'`

describe('a trial of a file of retail lines', () => {
  let database: TestDatabase
  let directory: string
  beforeAll(async () => {
    database = await makeDatabase()
    directory = await mkdtemp(join(tmpdir(), 'trial-'))
  })
  afterAll(() => rm(directory, { recursive: true }))

  const tryRetail = (columns = retailColumns, order: { dates?: 'month-first' } = { dates: 'month-first' }) =>
    tryFile(database.warehouse, retail, { mapping: parseMapping(columns), ...order })
  async function tryLines(lines: readonly string[], columns: string): Promise<Trial> {
    const file = join(directory, 'lines.csv')
    await writeFile(file, `${lines.join('\n')}\n`)
    return tryFile(database.warehouse, file, { mapping: parseMapping(columns) })
  }
  // The amounts were added up by another program, in another language.
  it('has the same monthly sums from the summary and from the cells, and says what it refuses', async () => {
    const trial = await tryRetail()
    const { rows, refused, replaced, months } = trial
    expect({ rows, refused, replaced }).toEqual({ rows: 40, refused: 5, replaced: 0 })
    const sums = (purchases: bigint, gross: bigint, returns: bigint, net: bigint) => ({
      ...{ purchases, gross, returns, net, discounts: 0n, corrections: 0n },
    })
    const expected = [
      ['2010-11 GBP', sums(11n, 1_765_100n, 249_500n, 1_515_600n)],
      ['2010-12 GBP', sums(16n, 3_476_500n, 262_500n, 3_214_000n)],
      ['2011-01 GBP', sums(3n, 288_000n, 111_000n, 177_000n)],
    ]
    expect(months.map(({ of, summary }) => [of, summary])).toEqual(expected)
    expect(months.map(({ of, file }) => [of, file])).toEqual(expected)
    expect(showRefusals(trial).split('\n')).toEqual([
      '40 rows: 35 taken, 5 refused, by reason:',
      expect.stringMatching(/^ {2}1 {2}item: missing, first in row 18/),
      '  1  quantity: not-a-number, first in row 28 ("two")',
      expect.stringMatching(/^ {2}1 {2}purchased_at: no-such-date, first in row 30 /),
      expect.stringMatching(/^ {2}1 {2}recorded_at: no-such-date, first in row 30 /),
      expect.stringMatching(/^ {2}1 {2}unit_price: missing, first in row 31/),
      '  1  ragged-row, first in row 32',
    ])
    expect(showSums(trial)).toMatch(
      /\n2010-11 GBP, file +11 +176\.51 +0\.00 +24\.95 +0\.00 +151\.56 +equal\n/,
    )
  })

  it('leaves the warehouse as it was, whether it ends well or not', async () => {
    const { warehouse } = database
    const stored = () =>
      warehouse.query(`SELECT (SELECT count(*) FROM purchases) AS gold, (SELECT count(*) FROM purchases_touched) AS notes,
        (SELECT count(*) FROM monthly_purchase_summary) AS summary, (SELECT count(*) FROM pg_class WHERE relname = 'purchases') AS tables`)
    await warehouse.query(`INSERT INTO purchases (record_id, kind, receipt, store, category, item, quantity, unit_price, currency, purchased_at, recorded_at, _timestamp_ms, _partition, _offset)
      VALUES ('1', 'purchase', 'r', 's', 'c', 'i', 1, 1000, 'GBP', '2010-12-01', '2010-12-01', 0, 0, 0)`)
    const before = await stored()
    expect(before).toEqual([{ gold: '1', notes: '1', summary: '0', tables: '1' }])
    const { months } = await tryRetail()
    expect(months[1]!.summary.gross).toBe(3_476_500n)
    await expect(tryLines(['receipt', '"1"', '2', 'receipt'], '')).rejects.toThrow(
      /where does store, .* come from/,
    )
    for (let connection = 0; connection < 4; connection += 1) expect(await stored()).toEqual(before)
  })

  it('differs, and says why, where rows share their record_id', async () => {
    const trial = await tryRetail(`${retailColumns}, record_id=Invoice`)
    expect(trial.replaced).toBeGreaterThan(0)
    expect(showSums(trial)).toMatch(/2010-12 GBP, file .* NOT equal\n/)
    expect(showSums(trial)).toContain(`${trial.replaced} rows have the record_id of another one`)
  })

  it('refuses days of which nothing says the order', async () => {
    const { months, refused, reasons } = await tryRetail(retailColumns, {})
    expect({ months, refused }).toEqual({ months: [], refused: 40 })
    expect(reasons.get('purchased_at: ambiguous-date')).toMatchObject({ first: 1, rows: 39 })
  })

  it('finds columns by the names of fields, and is exact of any quantities, prices and discounts', async () => {
    const digits = (max: number) => fc.integer({ min: 0, max }).map((units) => (units / 10_000).toFixed(4))
    const line = fc.record({
      kind: fc.constantFrom('purchase', 'return', 'correction'),
      quantity: fc.integer({ min: -1_000_000, max: 1_000_000 }),
      price: digits(10_000_000_000),
      discount: fc.oneof(fc.constant(''), digits(1_000_000)),
      currency: fc.constantFrom('GBP', 'EUR'),
      day: fc.constantFrom('2026-10-31T23:59:59Z', '2026-11-01T00:30:00+01:00', '2026-11-01'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 60 }), async (lines) => {
        const { months, replaced, refused, rows } = await tryLines(
          [
            'kind,receipt,store,category,item,quantity,unit_price,discount,currency,purchased_at',
            ...lines.map(({ kind, quantity, price, discount, currency, day }, i) =>
              [kind, i, 's', 'c', 'i', quantity, price, discount, currency, day].join(','),
            ),
          ],
          '',
        )
        const ofDay = lines.filter(({ day }) => day === '2026-11-01').length // no instant
        expect({ rows, refused, replaced }).toEqual({ rows: lines.length, refused: ofDay, replaced: 0 })
        for (const { summary, file } of months) expect(summary).toEqual(file)
      }),
      { numRuns: 15, seed: 7 },
    )
  })
})

describe('a mapping', () => {
  const columns = ['Customer ID', 'item', 'row', 'file']

  it('says columns and constants of fields, and the rest comes from what there is', () => {
    const mapping = parseMapping(` buyer = Customer ID,
      store='Leeds, UK',category='',receipt=row, quantity=item,unit_price=item, currency='GBP', purchased_at=item, `)
    expect(mapping).toMatchObject({
      buyer: { column: 'Customer ID' },
      store: { constant: 'Leeds, UK' },
      category: { constant: '' },
    })
    expect(completeMapping(mapping, columns)).toMatchObject({
      record_id: { column: 'row' },
      item: { column: 'item' },
      recorded_at: { column: 'item' },
    })
  })

  it.each([
    ['receipt Invoice', 'cannot read receipt Invoice'],
    ["store='Leeds", "cannot read store='Leeds"],
    ['item=row, price=row', 'purchases have no price, but record_id, '],
    ['item=row, item=file', 'item stands there twice'],
    ['item=Things', 'there is no column Things: the file has Customer ID, item'],
    ['receipt=row', 'where does store, category, quantity, unit_price, currency, purchased_at come from?'],
  ])('%s is refused: %s', (text, problem) => {
    expect(() => completeMapping(parseMapping(text), columns)).toThrow(`--columns: ${problem}`)
  })

  it('makes a return of a quantity below zero, unless the file says what it is', () => {
    const quantity = { quantity: { column: 'n' } }
    expect(mapRow(quantity, { n: ' -3' })).toEqual({ kind: 'return', quantity: ' 3' })
    expect(mapRow(quantity, { n: '3' })).toEqual({ kind: 'purchase', quantity: '3' })
    expect(mapRow(quantity, { n: '--3' })).toEqual({ kind: 'purchase', quantity: '--3' })
    const kind = { constant: 'correction' }
    expect(mapRow({ ...quantity, kind }, { n: '-3' })).toEqual({ kind: 'correction', quantity: '-3' })
  })

  it('reads days with slashes in the order that is said', () => {
    const day = (text: string, order?: 'day-first' | 'month-first') =>
      mapRow({ purchased_at: { column: 'at' } }, { at: text }, order).purchased_at
    expect(day('12/1/2010 8:26', 'month-first')).toBe('2010-12-01 08:26')
    expect(day('12/1/2010 18:26:07', 'day-first')).toBe('2010-01-12 18:26:07')
    expect(day('12/1/2010 8:26')).toBe('12/1/2010 8:26')
    expect(day('2010-12-01 08:26', 'day-first')).toBe('2010-12-01 08:26')
  })
})

it('an amount is shown with all of its decimals', () => {
  expect([0n, -5n, 10_000n, -12_345_678_900n, 10_050n].map(showAmount)).toEqual([
    ...['0.00', '-0.0005', '1.00', '-1,234,567.89', '1.005'],
  ])
})
