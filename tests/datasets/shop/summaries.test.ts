import { parseRecord } from '@cupel/core/record'
import { copyColumns, incomingJson, upsertStatement } from '@cupel/core/warehouse-sql'
import { beforeAll, expect, it } from 'vitest'
import { type ShopEvent, shopEvents } from '#datasets/shop/events.ts'
import { generateShop } from '#datasets/shop/generate.ts'
import { shopFunnel, shopSessions } from '#datasets/shop/shop.summary.ts'
import { makeSummarize } from '#functions/gold/summarize/summarize.ts'
import { problemsOfSummaries } from '#operations/reconcile.ts'
import { takeStockOfSummaries } from '#operations/summary-stock.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'
import { seeded } from '../../support/seeded.ts'
import { readCsv } from './read-csv.ts'

const minuteMs = 60_000
const summaries = [shopSessions, shopFunnel]
let database: TestDatabase
let events: readonly ShopEvent[]

// Files of a morning, in any order, with summarizing in between.
beforeAll(async () => {
  database = await makeDatabase()
  const random = seeded(3)
  const files = [...generateShop({ seed: 3, rows: 3_000, rowsPerFile: 300, startMs: Date.UTC(2026, 10, 1) })]
  const batches = files
    .map((file) => readCsv(file.text).flatMap((row, i) => (file.truth[i] === 'broken' ? [] : [take(row)])))
    .sort(() => random() - 0.5)
  const summarize = makeSummarize({ warehouse: database.warehouse, summaries })
  for (const [at, batch] of batches.entries()) {
    const rows = batch.map((row, i) => ({ ...row, _timestamp_ms: at, _partition: 0, _offset: i }))
    await database.warehouse.transaction(async (transaction) => {
      const { from, values } = incomingJson(shopEvents, JSON.stringify(rows))
      await transaction.query(upsertStatement(shopEvents, from), [...values])
    })
    if (at % 3 === 0) await summarize({})
  }
  await summarize({})
  events = [...new Map(batches.flat().map((row) => [keyOf(row), row])).values()]
})

const take = (row: Record<string, string>): ShopEvent => {
  const parsed = parseRecord(shopEvents, { format: 'json', text: JSON.stringify(row) })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.reasons))
  return parsed.row
}
const keyOf = (row: ShopEvent): string => shopEvents.key.map((name) => row[name as keyof ShopEvent]).join(' ')

it('is what a full computation gives, whatever the order of the files', async () => {
  expect(copyColumns(shopEvents)).toContain('"user_agent"')
  const stocks = await takeStockOfSummaries(database.warehouse, summaries)
  expect(problemsOfSummaries(stocks)).toEqual([])
  expect(stocks.every(({ rows }) => rows > 50)).toBe(true)
})

it('begins a session after half an hour without an event', async () => {
  const expected = new Map<string, number[]>() // events of each session, by visitor
  for (const visitor of new Set(events.map(({ user_id }) => user_id))) {
    const own = events.filter(({ user_id }) => user_id === visitor)
    const times = own.map(({ event_time }) => Date.parse(event_time)).sort((a, b) => a - b)
    const sessions: number[] = []
    for (const [i, time] of times.entries()) {
      if (i === 0 || time - times[i - 1]! > 30 * minuteMs) sessions.push(0)
      sessions[sessions.length - 1]! += 1
    }
    expected.set(visitor, sessions)
  }
  const rows = await database.warehouse.query<{ user_id: string; events: number[] }>(
    'SELECT user_id, array_agg((views + purchases)::int ORDER BY started_at) AS events FROM shop_sessions GROUP BY user_id',
  )
  expect(new Map(rows.map((row) => [row.user_id, row.events]))).toEqual(expected)
  const names = new Set(events.map(({ session_id }) => session_id)).size
  const sessions = [...expected.values()].flat().length
  expect(sessions).not.toBe(names) // which the tracker's own sessions are not
})

it('counts visitors, not events, from looking to buying', async () => {
  const rows = await database.warehouse.query<Record<string, string>>(
    'SELECT product_id, viewers, buyers, purchases, conversion FROM shop_funnel ORDER BY purchases DESC LIMIT 5',
  )
  for (const row of rows) {
    const of = (action: string) =>
      events.filter((event) => event.action === action && event.product_id === row.product_id)
    const visitors = (action: string) => new Set(of(action).map(({ user_id }) => user_id)).size
    expect(row).toEqual({
      product_id: row.product_id,
      viewers: String(visitors('view')),
      buyers: String(visitors('purchase')),
      purchases: String(of('purchase').length),
      conversion: ((100 * visitors('purchase')) / visitors('view')).toFixed(2),
    })
  }
})
