import { parseRecord } from '@cupel/core/record'
import { expect, it } from 'vitest'
import { shopEvents } from '#datasets/shop/events.ts'
import { columns, generateShop } from '#datasets/shop/generate.ts'
import { readCsv } from './read-csv.ts'

const options = { seed: 7, rows: 5_000, startMs: Date.UTC(2026, 10, 1) }
const files = [...generateShop(options)]
const rows = files.flatMap(({ text, truth }) => readCsv(text).map((row, i) => ({ row, as: truth[i] })))

it('makes the same files for the same seed, and as many rows as asked for', () => {
  expect([...generateShop(options)]).toEqual(files)
  expect(rows).toHaveLength(5_000)
  for (const { text } of files) expect(text.split('\n')[0]).toBe(columns.join(','))
  expect([...generateShop({ ...options, seed: 8 })][0]!.text).not.toBe(files[0]!.text)
  expect([...generateShop({ ...options, run: 1 })][0]!.name).not.toBe(files[0]!.name)
})

it('plants rows that come twice, rows that come late and rows that nobody can read', () => {
  const count = (as: string) => rows.filter((row) => row.as === as).length
  expect(count('broken')).toBeGreaterThan(20)
  expect(count('duplicate')).toBeGreaterThan(50)
  const times = rows
    .filter(({ as }) => as === 'valid')
    .map(({ row }) => Date.parse(row.event_time!))
    .filter((time) => !Number.isNaN(time)) // but for those that count from 1970
  let latest = 0
  const late = times.filter((time) => {
    latest = Math.max(latest, time)
    return time < latest - 60_000
  })
  expect(late.length).toBeGreaterThan(50)
})

it('makes rows that the dataset takes, but for the broken ones', () => {
  for (const { row, as } of rows) {
    const parsed = parseRecord(shopEvents, { format: 'json', text: JSON.stringify(row) })
    expect({ row, ok: parsed.ok }).toEqual({ row, ok: as !== 'broken' })
  }
})

it('names visitors by numbers that a double does not hold', () => {
  const ids = new Set(rows.filter(({ as }) => as !== 'broken').map(({ row }) => row.user_id!))
  expect(ids.size).toBeGreaterThan(100)
  expect([...ids].every((id) => String(Number(id)) !== id)).toBe(true)
})
