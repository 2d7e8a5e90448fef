import { parseRecord } from '@cupel/core/record'
import { expect, it } from 'vitest'
import { generateShopFiles } from '#datasets/shop/generate.ts'
import { shopEvents } from '#datasets/shop/shop-events.ts'
import { csvReader, firstRow } from '#functions/bronze/land-file/csv.ts'

const options = {
  seed: 7,
  run: 0,
  startMs: Date.UTC(2026, 0, 1),
  records: 3_000,
  recordsInFile: 250,
  dirt: 0.02,
}
const files = (more: Partial<typeof options> = {}) => [...generateShopFiles({ ...options, ...more })]

function rowsOf(content: Buffer) {
  const text = content.toString('latin1')
  const reader = csvReader({ delimiter: ',', columns: firstRow(text, ',', true)! })
  return [...reader.read(text), ...reader.end()]
}

it('is the same for the same options, goes on in the next run, and makes as many records as were asked for', () => {
  const texts = (made: ReturnType<typeof files>) =>
    made.map(({ content, ...rest }) => `${JSON.stringify(rest)} ${content}`)
  expect(texts(files())).toEqual(texts(files()))
  expect(files({ run: 1 }).map(({ name }) => name)).not.toContain(files()[0]!.name)
  const made = files()
  expect(made.reduce((sum, { records }) => sum + records, 0)).toBe(3_000)
  for (const { content, records } of made) expect(rowsOf(content).length).toBe(records)
  const times = made.map(({ timestampMs }) => timestampMs)
  expect(times).toEqual([...times].sort((a, b) => a - b))
})

it('plants broken rows and repetitions in their shares, and takes every other one with all digits', () => {
  const rows = files().flatMap(({ content }) => rowsOf(content))
  const parsed = rows.map(({ format, value }) =>
    parseRecord(shopEvents, { format, text: Buffer.from(value, 'latin1').toString() }),
  )
  const good = parsed.flatMap((each) => (each.ok ? [each.row] : []))
  expect(rows.length - good.length).toBeGreaterThan(30)
  expect(rows.length - good.length).toBeLessThan(100)
  const keys = new Set(
    good.map((row) => JSON.stringify(shopEvents.key.map((field) => row[field as 'action']))),
  )
  expect(good.length - keys.size).toBeGreaterThan(10)
  expect(good.every(({ user_id }) => BigInt(user_id) > 2n ** 53n)).toBe(true)
  expect(good.every(({ action, price }) => (action === 'purchase') === (price !== null))).toBe(true)
  expect(new Set(good.map(({ session_id }) => session_id)).size).toBeGreaterThan(100)
})
