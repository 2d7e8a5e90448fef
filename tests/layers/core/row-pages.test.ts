import { RowPages } from '@cupel/core/row-pages'
import { expect, it } from 'vitest'

/** The row that is written. */
const rowOf = ({ page, start, end }: RowPages): string => page.toString('utf8', start, end)

it.each([0, 7, 9, 10, 99, 100, 1_767_225_600_123, Number.MAX_SAFE_INTEGER, -1, Number.MIN_SAFE_INTEGER])(
  'writes the integer %d',
  (value) => {
    const pages = new RowPages()
    pages.integer(value)
    expect(rowOf(pages)).toBe(String(value))
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
  expect(rowOf(pages)).toBe(cell)
})

it('copies cells', () => {
  const pages = new RowPages()
  const bytes = Buffer.from('...é 👍.1.5.')
  pages.copyCell(bytes, 3, 10, true)
  pages.copyCell(bytes, 11, 14, false)
  pages.copyCell(bytes, 3, 3, true)
  expect(rowOf(pages)).toBe('"é 👍"1.5""')
})

it('keeps rows over many pages, and writes them anew once cleared', () => {
  const pages = new RowPages()
  const used = ['x', 'y'].map((letter) => {
    const rows = Array.from({ length: 5_000 }, (_, index) => `${letter}${index},${'é'.repeat(index % 90)}\n`)
    rows[4_999] = letter.repeat(600_000)
    const places = rows.map((row) => {
      pages.text('dropped')
      pages.restart()
      pages.text(row)
      const { page, start, end } = pages
      pages.keep()
      return { page, start, end }
    })
    expect(places.map(({ page, start, end }) => page.toString('utf8', start, end))).toEqual(rows)
    pages.clear()
    expect(rowOf(pages)).toBe('')
    return new Set(places.map(({ page }) => page))
  })
  const again = [...used[1]!].filter((page) => used[0]!.has(page))
  expect(used[0]!.size).toBeGreaterThan(2)
  expect(again.length).toBe(used[0]!.size - 1) // but for the long row's
})
