import { joined, RowPages } from '@cupel/core/row-pages'
import { expect, it } from 'vitest'

const textOf = (pieces: readonly Uint8Array[]): string => Buffer.concat([...pieces]).toString()

it.each([0, 7, 9, 10, 99, 100, 1_767_225_600_123, Number.MAX_SAFE_INTEGER, -1, Number.MIN_SAFE_INTEGER])(
  'writes the integer %d',
  (value) => {
    const pages = new RowPages()
    pages.integer(value)
    expect(textOf(joined([pages.place()]))).toBe(String(value))
  },
)

it.each([
  ['a', true, '"a"'],
  ['say "x"', true, '"say ""x"""'],
  ['Ünal 👍', true, '"Ünal 👍"'],
  ['', true, '""'],
  [null, true, ''],
  [null, false, ''],
  [12.5, false, '12.5'],
  [true, false, 'true'],
])('writes %j, text: %j, as %s', (value, isText, cell) => {
  const pages = new RowPages()
  pages.value(value, isText)
  expect(textOf(joined([pages.place()]))).toBe(cell)
})

it('keeps rows over many pages, and joins neighbours', () => {
  const pages = new RowPages()
  const rows = Array.from({ length: 5_000 }, (_, index) => `${index},${'é'.repeat(index % 90)}\n`)
  const places = rows.map((row) => {
    pages.text('dropped')
    pages.restart()
    pages.text(row)
    const place = pages.place()
    pages.keep()
    return place
  })
  const pieces = joined(places)
  expect(textOf(pieces)).toBe(rows.join(''))
  expect(pieces.length).toBeLessThan(10)
  expect(textOf(joined([places[2]!, places[0]!, places[1]!]))).toBe(`${rows[2]}${rows[0]}${rows[1]}`)
  expect(joined([])).toEqual([])
})
