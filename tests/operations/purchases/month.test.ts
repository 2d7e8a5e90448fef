import { beforeAll, describe, expect, it } from 'vitest'
import { monthChart } from '#operations/cli/purchases/chart.ts'
import { panelsOf, readMonth, showChange } from '#operations/cli/purchases/month.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

describe('a month of purchases', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await makeDatabase()
    await database.warehouse.query(`INSERT INTO monthly_purchase_summary
      (month, buyer, category, store, currency, purchases, receipts, gross, discounts, returns, corrections) VALUES
      ('2026-09-01', 'ann', 'books', 'Leeds & Co', 'GBP', 1, 1, 100, 0, 0, 0),
      ('2026-10-01', 'ann', 'books', 'Leeds & Co', 'GBP', 3, 2, 1200.50, 0.50, 100, -50),
      ('2026-10-01', null, 'books', 'Leeds & Co', 'GBP', 1, 1, 300, 0, 0, 0),
      ('2026-10-01', 'ann', 'garden', 'Berlin', 'EUR', 0, 0, 0, 0, 20, 0)`)
  })

  it('adds up buyers, with the average basket, beside the month before', async () => {
    expect(await readMonth(database.warehouse, '2026-10')).toEqual([
      expect.objectContaining({ store: 'Berlin', net: '-20.00', basket: '–', before: '0.00' }),
      {
        currency: 'GBP',
        store: 'Leeds & Co',
        category: 'books',
        purchases: '4',
        gross: '1,500.50',
        returns: '100.00',
        net: '1,350.00',
        basket: '500.00',
        before: '100.00',
      },
    ])
    expect(await readMonth(database.warehouse, '2026-08')).toEqual([])
  })

  it('says how much more or less it is', () => {
    expect(showChange('1,350.00', '100.00')).toBe('+1250 %')
    expect(showChange('90.00', '100.00')).toBe('−10 %')
    expect(showChange('-20.00', '0.00')).toBe('new')
  })

  it('is a chart with a panel for each currency, in which no text is markup', async () => {
    const svg = monthChart('Purchases', panelsOf(await readMonth(database.warehouse, '2026-10')))
    expect(svg).toContain('Leeds &#38; Co, books')
    expect(svg.match(/font-weight="600">(EUR|GBP)/g)).toHaveLength(2)
    expect(svg).not.toMatch(/NaN|width="-/)
  })
})
