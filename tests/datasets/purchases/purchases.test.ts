import { parseRecord } from '@cupel/core/record'
import { incomingJson, upsertStatement } from '@cupel/core/warehouse-sql'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { generatePurchases } from '#datasets/purchases/generate.ts'
import { monthlyPurchases } from '#datasets/purchases/monthly.summary.ts'
import { type Purchase, purchases } from '#datasets/purchases/purchases.ts'
import { makeSummarize } from '#functions/gold/summarize/summarize.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

const startMs = Date.UTC(2026, 8, 20)
const generated = (records: number, dirt = 0, seed = 7) => [
  ...generatePurchases({ seed, run: 0, startMs, records, users: undefined, dirt, fraud: 0 }),
]
const parsed = (value: Buffer | null) =>
  parseRecord(purchases, { format: 'json', text: (value ?? '').toString() })
const rowsOf = (records: ReturnType<typeof generated>) =>
  records.flatMap(({ value }) => {
    const record = parsed(value)
    return record.ok ? [record.row as Purchase] : []
  })

describe('generated purchases', () => {
  it('are the same for a seed, and as many as asked for', () => {
    expect(generated(300)).toEqual(generated(300))
    expect(generated(300)).toHaveLength(300)
    expect(generated(300, 0, 8)).not.toEqual(generated(300))
  })

  it('are valid but for the dirt, and hold what makes sums hard', () => {
    const rows = rowsOf(generated(2_000))
    expect(rows).toHaveLength(2_000)
    const kinds = new Set(rows.map(({ kind }) => kind))
    expect(kinds).toEqual(new Set(['purchase', 'return', 'correction']))
    expect(
      rows.filter(({ purchased_at, recorded_at }) => purchased_at.slice(0, 7) < recorded_at.slice(0, 7))
        .length,
    ).toBeGreaterThan(10)
    expect(new Set(rows.map(({ record_id }) => record_id)).size).toBeLessThan(1_980)
    const dirty = generated(1_000, 0.1).filter(({ value }) => !parsed(value).ok).length
    expect(dirty).toBeGreaterThan(60)
    expect(dirty).toBeLessThan(140)
  })
})

describe('the monthly summary of purchases', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await makeDatabase()
  })
  const rows = rowsOf(generated(300)).map((row, offset) => ({
    ...row,
    _timestamp_ms: 0,
    _partition: 0,
    _offset: offset,
  }))

  /** By hand, from the records as they were sent. */
  function expected(): string[] {
    const units = (text: string | null) => BigInt((text ?? '0.0000').replace('.', ''))
    const newest = new Map<string, (typeof rows)[number]>()
    for (const row of rows) {
      const known = newest.get(row.record_id)
      if (!known || row.recorded_at >= known.recorded_at) newest.set(row.record_id, row)
    }
    const groups = new Map<string, { purchases: number; receipts: Set<string>; sums: bigint[] }>()
    for (const row of newest.values()) {
      const key = [
        `${row.purchased_at.slice(0, 7)}-01`,
        row.buyer ?? '–',
        row.category,
        row.store,
        row.currency,
      ].join('|')
      const group = groups.get(key) ?? { purchases: 0, receipts: new Set(), sums: [0n, 0n, 0n, 0n] }
      groups.set(key, group)
      const total = BigInt(row.quantity) * units(row.unit_price)
      if (row.kind === 'purchase') {
        group.purchases += 1
        group.receipts.add(row.receipt)
        group.sums[0]! += total
        group.sums[1]! += units(row.discount)
      } else group.sums[row.kind === 'return' ? 2 : 3]! += total
    }
    return [...groups]
      .map(
        ([
          key,
          {
            purchases,
            receipts,
            sums: [gross, discounts, returns, corrections],
          },
        ]) =>
          [
            key,
            purchases,
            receipts.size,
            gross,
            discounts,
            returns,
            corrections,
            gross! - discounts! - returns! + corrections!,
          ].join('|'),
      )
      .sort()
  }
  async function actual(): Promise<string[]> {
    const sums = ['gross', 'discounts', 'returns', 'corrections', 'net'].map((sum) => `trunc(${sum} * 10000)`)
    const found = await database.warehouse.query<{ line: string }>(
      `SELECT concat_ws('|', month, coalesce(buyer, '–'), category, store, currency, purchases, receipts, ${sums.join(', ')}) AS line FROM monthly_purchase_summary`,
    )
    return found.map(({ line }) => line).sort()
  }

  it('equals a full recomputation after any order of arrival, with repetitions', async () => {
    const summarize = makeSummarize({ warehouse: database.warehouse, summaries: [monthlyPurchases] })
    const arrival = fc.record({
      order: fc.shuffledSubarray(rows, { minLength: rows.length }),
      again: fc.subarray(rows, { maxLength: 40 }),
      size: fc.integer({ min: 20, max: 150 }),
      pauses: fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
    })
    await fc.assert(
      fc.asyncProperty(arrival, async ({ order, again, size, pauses }) => {
        await database.warehouse.query('TRUNCATE purchases')
        const all = [...order, ...again]
        for (let from = 0; from < all.length; from += size) {
          const { from: incoming, values } = incomingJson(
            purchases,
            JSON.stringify(all.slice(from, from + size)),
          )
          await database.warehouse.query(upsertStatement(purchases, incoming), values)
          if (pauses[from / size]) await summarize({})
        }
        await summarize({})
        expect(await actual()).toEqual(expected())
      }),
      { numRuns: 6 },
    )
  })

  it('has each month beside the one before', async () => {
    const [found] = await database.warehouse.query<{ months: string; change: string; net: string }>(
      `SELECT string_agg(DISTINCT month::text, ' ' ORDER BY month::text) AS months, sum(change) AS change, sum(net) - sum(net_before) AS net FROM monthly_purchase_change`,
    )
    expect(found?.months).toMatch(/2026-09-01 2026-10-01/)
    expect(found?.change).toBe(found?.net)
    expect(
      await database.warehouse.query(
        `SELECT FROM monthly_purchase_change AS changed WHERE net_before <> coalesce((SELECT net FROM monthly_purchase_summary AS before
          WHERE before.month = changed.month - interval '1 month' AND before.buyer IS NOT DISTINCT FROM changed.buyer
            AND (before.category, before.store, before.currency) = (changed.category, changed.store, changed.currency)), 0)`,
      ),
    ).toEqual([])
  })
})
