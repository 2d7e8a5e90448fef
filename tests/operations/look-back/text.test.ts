import { describe, expect, it } from 'vitest'
import { formatTable, printable } from '#operations/cli/look-back/text.ts'
import { showBytes, showDifference } from '#operations/cli/numbers.ts'

describe('formatTable', () => {
  it('puts numbers to the right, and says NULL and JSON', () => {
    expect(
      formatTable(
        ['name', 'amount', 'more'],
        [
          ['a', '1.50', { x: [1] }],
          ['long', 12, null],
        ],
      ),
    ).toBe(
      ['name  amount  more', '────  ──────  ─────────', 'a       1.50  {"x":[1]}', 'long      12  NULL'].join(
        '\n',
      ),
    )
  })

  it('fits a width: the widest columns give first', () => {
    const table = formatTable(['id', 'text'], [[1, 'a'.repeat(100)]], 30)
    for (const line of table.split('\n')) expect([...line].length).toBeLessThanOrEqual(30)
    expect(table).toContain(' 1  aaa')
    expect(table).toContain('…')
  })

  it('counts characters that take two columns as two', () => {
    const table = formatTable(
      ['city', 'n'],
      [
        ['東京', 1],
        ['Roma', 2],
      ],
    )
    expect(table.split('\n').slice(2)).toEqual(['東京  1', 'Roma  2'])
  })

  it('cuts beside a character that takes two columns, never through it', () => {
    for (const width of [3, 4, 5, 6])
      expect(formatTable(['a'], [['東京東京東京']], width).split('\n')[2]).toBe(
        ['東…', '東…', '東京…', '東京…'][width - 3],
      )
    expect(formatTable(['long'], [['👍'.repeat(201)]])).toContain('👍…')
  })

  it('cuts lines that do not fit even with narrow columns', () => {
    const columns = Array.from({ length: 20 }, (_, i) => `column ${i}`)
    for (const line of formatTable(columns, [], 40).split('\n'))
      expect([...line].length).toBeLessThanOrEqual(40)
  })
})

describe('what senders wrote', () => {
  it('cannot move the cursor, break the line or turn the writing', () => {
    expect(printable('a\u001b[2Jb\nc\u202ed')).toBe('a\\u{1b}[2Jb\\nc\\u{202e}d')
  })
})

describe('differences and sizes', () => {
  it.each([
    [13, '+13 ms'],
    [-4, '−4 ms'],
    [1_240, '+1.24 s'],
    [185_000, '+3 min 5 s'],
    [7_200_000, '+2 h 0 min'],
  ])('%d ms is %s', (ms, expected) => expect(showDifference(ms)).toBe(expected))

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_234_567, '1.2 MB'],
    [98_000_000, '98 MB'],
  ])('%d bytes are %s', (bytes, expected) => expect(showBytes(bytes)).toBe(expected))
})
