import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { countRows, readRows } from '#operations/cli/stream/rows.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rows-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function rowsOf(content: string | Buffer): Promise<object[]> {
  const file = join(directory, 'a.csv')
  await writeFile(file, content)
  const rows = []
  for await (const some of readRows(file)) rows.push(...some)
  expect(rows.map(({ row }) => row)).toEqual(rows.map((_, index) => index + 1))
  return rows.map(({ value }) => JSON.parse(value))
}

describe('the rows of a file', () => {
  it('are objects of strings as they stand there, with row and file', async () => {
    expect(await rowsOf('﻿title,year\r\n"a ""b"",\nc", 007 \r\n東,\r\n')).toEqual([
      { title: 'a "b",\nc', year: ' 007 ', row: 1, file: 'a.csv' },
      { title: '東', year: '', row: 2, file: 'a.csv' },
    ])
    expect(await rowsOf(gzipSync('a;b\n1;2\n'))).toEqual([{ a: '1', b: '2', row: 1, file: 'a.csv' }])
  })

  it('are kept when they are ragged, broken or not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('a,b\n1\n1,2,3\n"x,y\n'), Buffer.from([0xff, 0x2c, 0x31, 0x0a])])
    const kept = await rowsOf(bytes)
    expect(kept).toMatchObject([
      { cells: ['1'], problem: '1 cells, and the header has 2', row: 1 },
      { cells: ['1', '2', '3'], row: 2 },
      { line: '"x,y', row: 3 },
      { content: '/ywx', problem: 'no object in UTF-8', row: 4, file: 'a.csv' },
    ])
  })

  it('are the objects of JSON lines, digit by digit', async () => {
    expect(await rowsOf('{"a":{"b":[1]}} \n\n{}\n[1]\nnope\n')).toMatchObject([
      { a: { b: [1] }, row: 1, file: 'a.csv' },
      { row: 2, file: 'a.csv' },
      { content: [1], row: 3 },
      { content: Buffer.from('nope').toString('base64'), row: 4 },
    ])
    const file = join(directory, 'a.csv')
    await writeFile(file, '{"id":12345678901234567890}')
    for await (const [row] of readRows(file))
      if (row) expect(row.value).toContain('"id":12345678901234567890,"row"')
  })

  it('are those of the books, of which no line is lost', async () => {
    const file = 'datasets/books/data/best-selling-books.csv'
    expect(await countRows(file)).toBe(205)
  })
})

it.each([
  ['is empty', '', /a\.csv is empty: a CSV file with a header is needed$/],
  ['is blank', '\n\n', /a\.csv is empty/],
  ['has a header only', 'a,b\n', /a\.csv has a header and no rows$/],
  ['is not text', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 1]), /a\.csv is not text/],
  ['has a column without a name', 'a,,c\n1,2,3\n', /a column has no name/],
  ['has a column twice', 'a,b,a\n1,2,3\n', /two columns are called a/],
  ['has a column that is in the way', 'a,row\n1,2\n', /the column row is in the way/],
  [
    'changes its header',
    'a,b,c\n1,2,3\na,c,d\n4,5,6\n',
    /a\.csv:3: the header changes here.*the 1 rows before/,
  ],
  ['has its header again, longer', 'a,b\n1,2\na,b,c\n4,5,6\n', /a\.csv:3: the header changes here/],
  ['is damaged', gzipSync('a,b\n1,2\n').subarray(0, 15), /cannot read .*a\.csv: gzip/],
])('a file that %s is refused with what to do', async (_, content, message) => {
  await expect(rowsOf(content)).rejects.toThrow(message)
})

it('a file that is not there is refused', async () => {
  await expect(countRows('/nowhere/b.csv')).rejects.toThrow(/^cannot read \/nowhere\/b\.csv: ENOENT/)
})
