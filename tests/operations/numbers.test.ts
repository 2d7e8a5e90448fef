import { expect, it } from 'vitest'
import { showClock, showDuration, showMegabytes, showRate } from '#operations/cli/numbers.ts'

it.each([
  [0, '0 ms'],
  [12.4, '12 ms'],
  [999, '999 ms'],
  [999.6, '1.00 s'],
  [9_994, '9.99 s'],
  [9_996, '10.0 s'],
  [59_949, '59.9 s'],
  [59_960, '1:00'],
  [185_000, '3:05'],
  [96_000_000, '26:40:00'],
])('%d ms is %s', (ms, text) => expect(showDuration(ms)).toBe(text))

it('a clock has minutes, and hours when there are any', () => {
  expect([0, 7_400, 61_000, 3_599_600].map(showClock)).toEqual(['0:00', '0:07', '1:01', '1:00:00'])
})

it('a trickle is no 0', () => {
  expect([0, 0.3, 9.94, 9.96, 1_234.5].map(showRate)).toEqual(['0', '0.3', '9.9', '10', '1,235'])
  expect(showMegabytes(812_345_678)).toBe('812 MB')
})
