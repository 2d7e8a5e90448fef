import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csvReader } from '#functions/bronze/land-file/csv.ts'
import { jsonArrayReader, jsonObjectsReader } from '#functions/bronze/land-file/json.ts'
import { lineReader } from '#functions/bronze/land-file/lines.ts'
import { byteString, maxRecordBytes, type Reader } from '#functions/bronze/land-file/record.ts'

/** What a reader makes of a text in pieces of these lengths, the last of them again and again. */
function readIn(reader: Reader, written: string | Uint8Array, lengths: readonly number[] = [1_000_000]) {
  const bytes = byteString(Buffer.from(written))
  const records = []
  for (let from = 0, i = 0; from < bytes.length; i += 1) {
    const length = lengths[Math.min(i, lengths.length - 1)]!
    records.push(reader.read(bytes.slice(from, from + length)))
    from += length
  }
  records.push(reader.end())
  return records
    .flat()
    .map(({ at, format, value }) => [at, format, JSON.parse(Buffer.from(value, 'latin1').toString())])
}
const pieces = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 10 })

describe('delimited text', () => {
  const csv = (delimiter = ',') => csvReader({ delimiter, columns: ['a', 'b'] })
  const read = (text: string | Uint8Array, delimiter?: string) => readIn(csv(delimiter), text)
  const row = (at: number, a: string, b: string) => [at, 'json', { a, b }]

  it.each([
    ['LF', 'a,b\n1,2\n3,4\n', [row(2, '1', '2'), row(3, '3', '4')]],
    ['CRLF', 'a,b\r\n1,2\r\n3,4\r\n', [row(2, '1', '2'), row(3, '3', '4')]],
    ['CR', 'a,b\r1,2\r3,4\r', [row(2, '1', '2'), row(3, '3', '4')]],
    ['mixed line ends', 'a,b\r\n1,2\n3,4\r5,6', [row(2, '1', '2'), row(3, '3', '4'), row(4, '5', '6')]],
    ['blank lines, which are none', '\na,b\n\n1,2\n\n\r\n3,4\n\n', [row(4, '1', '2'), row(7, '3', '4')]],
    ['no line end at the end', 'a,b\n1,2', [row(2, '1', '2')]],
    ['a header only', 'a,b\n', []],
    ['nothing', '', []],
    ['quotes', 'a,b\n"1","2 ""x"", y"\n', [row(2, '1', '2 "x", y')]],
    ['line breaks in quotes', 'a,b\n"1\r\n2","x\ny"\n3,4', [row(2, '1\r\n2', 'x\ny'), row(5, '3', '4')]],
    ['empty cells', 'a,b\n,\n"",""\n', [row(2, '', ''), row(3, '', '')]],
    ['a quote within a cell, which is one', 'a,b\n6" pipe,5\'\n', [row(2, '6" pipe', "5'")]],
    ['white space, as it is', 'a,b\n 1 ,\t2\n', [row(2, ' 1 ', '\t2')]],
    ['digits beyond 2^53', 'a,b\n9007199254740993,1.10\n', [row(2, '9007199254740993', '1.10')]],
    ['what JSON escapes', 'a,b\n\\n,\u0001\0\n', [row(2, '\\n', '\u0001\0')]],
    ['letters of any kind', 'a,b\nKöln,"大阪 ""👍"""\n', [row(2, 'Köln', '大阪 "👍"')]],
  ])('reads %s', (_, text, records) => {
    expect(read(text)).toEqual(records)
  })

  it.each([';', '\t', '|', ']', '^', '\\', '-'])('reads cells between %j', (delimiter) => {
    const text = `a${delimiter}b\n1${delimiter}"x${delimiter}y"\n"2"${delimiter}3,4\n`
    expect(read(text, delimiter)).toEqual([row(2, '1', `x${delimiter}y`), row(3, '2', '3,4')])
  })

  it('keeps a row with too many cells or too few, says so, and goes on', () => {
    const problem = (cells: number) => `${cells} cells, and the header has 2`
    expect(read('a,b\n1\n1,"2\nx",Köln\n3,4\n')).toEqual([
      [2, 'ragged-row', { problem: problem(1), cells: ['1'] }],
      [3, 'ragged-row', { problem: problem(3), cells: ['1', '2\nx', 'Köln'] }],
      row(5, '3', '4'),
    ])
  })

  it.each([
    ['is not closed', '1,"2'],
    ['is closed before the cell ends', '1,"2" x'],
    ['was not doubled', '"He said "hello", twice",2'],
  ])('a quote that %s costs its line, not the file', (_, line) => {
    const broken = [2, 'broken-row', { problem: expect.stringContaining('a quote is not closed'), line }]
    expect(read(`a,b\n${line}\n3,4\n5,6\n`)).toEqual([broken, row(3, '3', '4'), row(4, '5', '6')])
    expect(read(`a,b\n${line}`)).toEqual([broken])
  })

  it('keeps the bytes of a row that is not UTF-8', () => {
    const latin1 = Buffer.from('a,b\nK\u00f6ln,2\n3,4\n', 'latin1')
    expect(read(latin1)).toEqual([[2, 'bytes', latin1.subarray(4, 10).toString('base64')], row(3, '3', '4')])
  })

  it('a column that stands twice in the header stands twice in the record', () => {
    const reader = csvReader({ delimiter: ',', columns: ['a', 'a'] })
    expect([...reader.read('a,a\n1,2\n')].map(({ value }) => value)).toEqual(['{"a":"1","a":"2"}'])
  })

  it('reads the same records wherever the text is cut', () => {
    const text = fc
      .array(
        fc.constantFrom('"', '""', ',', '\n', '\r\n', '\r', 'x', ' ', 'ö', '\\', '1,2\n', '"a"', ',"b\n"'),
        {
          maxLength: 40,
        },
      )
      .map((parts) => `a,b\n${parts.join('')}`)
    fc.assert(
      fc.property(text, pieces, (written, lengths) => {
        expect(readIn(csv(), written, lengths)).toEqual(read(written))
      }),
      { numRuns: 500 },
    )
  })

  it('reads back what was written with every cell quoted, and gives each row the line where it begins', () => {
    const cell = fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'x', 'é', ' ') })
    const rows = fc.array(fc.tuple(cell, cell))
    fc.assert(
      fc.property(rows, pieces, (written, lengths) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
        let line = 2
        const expected = written.map(([a, b]) => {
          const at = line
          line += 1 + (`${a},${b}`.match(/\r\n|\r|\n/g)?.length ?? 0)
          return row(at, a, b)
        })
        const text = ['a,b', ...written.map((cells) => cells.map(quoted).join(','))].join('\n')
        expect(readIn(csv(), text, lengths)).toEqual(expected)
      }),
    )
  })
})

describe('JSON lines', () => {
  it('stand in bronze as they are, broken ones as bytes, blank ones not at all', () => {
    const lines = ['{"id": 9007199254740993, "x":1.10}', '{"id":', ' ', '', '[1]\r', '"ö"']
    expect(lineReader().read(byteString(Buffer.from(`${lines.join('\n')}\n`)))).toEqual([
      { at: 1, format: 'json', value: lines[0] },
      { at: 2, format: 'bytes', value: JSON.stringify(Buffer.from(lines[1]!).toString('base64')) },
      { at: 5, format: 'json', value: '[1]' },
      { at: 6, format: 'json', value: byteString(Buffer.from('"ö"')) },
    ])
  })

  it('are the same wherever the text is cut', () => {
    const text = fc.string({ unit: fc.constantFrom('{"a":1}', '\n', '\r\n', '\r', ' ', '{', '1', '"ö"') })
    fc.assert(
      fc.property(text, pieces, (written, lengths) => {
        expect(readIn(lineReader(), written, lengths)).toEqual(readIn(lineReader(), written))
      }),
    )
  })
})

describe('a JSON array', () => {
  const read = (text: string, lengths?: readonly number[]) => readIn(jsonArrayReader(), text, lengths)
  const base64 = (text: string) => Buffer.from(text).toString('base64')

  it.each([
    [
      'one line',
      '[{"a":1},{"a":"]},[\\"{"}]',
      [
        [1, 'json', { a: 1 }],
        [2, 'json', { a: ']},["{' }],
      ],
    ],
    [
      'many lines',
      '[\n  {"a": [1, 2]} ,\r\n\t{"b":{}}\n]\n',
      [
        [1, 'json', { a: [1, 2] }],
        [2, 'json', { b: {} }],
      ],
    ],
    ['elements over many lines', '[{\n"a":1\n}]', [[1, 'text', base64('{\n"a":1\n}')]]],
    ['nothing in it', ' [ ] ', []],
    ['a comma behind the last', '[1,]', [[1, 'json', 1]]],
    [
      'an element that is no JSON',
      '[{a:1},{"a":à},{"b":2}]',
      [
        [1, 'bytes', base64('{a:1}')],
        [2, 'bytes', base64('{"a":à}')],
        [3, 'json', { b: 2 }],
      ],
    ],
    [
      'an end that is cut off',
      '[{"a":1},{"b":',
      [
        [1, 'json', { a: 1 }],
        [2, 'bytes', base64('{"b":')],
      ],
    ],
    [
      'more behind it',
      '[{"a":1}] x',
      [
        [1, 'json', { a: 1 }],
        [2, 'bytes', base64('x')],
      ],
    ],
  ])('reads one with %s', (_, text, records) => {
    expect(read(text)).toEqual(records)
  })

  it('keeps every digit of its elements', () => {
    const elements = ['{"id":9007199254740993}', '1.10', '"\\u00e9"']
    expect(
      jsonArrayReader()
        .read(`[${elements.join(' , ')}]`)
        .map(({ value }) => value),
    ).toEqual(elements)
  })

  it('is the same wherever the text is cut', () => {
    const text = fc.string({
      unit: fc.constantFrom('{', '}', '[', ']', ',', '"', '\\', '\n', '1', '{"a":"x"}', 'à'),
    })
    fc.assert(
      fc.property(text, pieces, (written, lengths) => {
        expect(read(`[${written}`, lengths)).toEqual(read(`[${written}`))
      }),
      { numRuns: 300 },
    )
  })
})

describe('JSON objects one behind the other', () => {
  const read = (text: string, lengths?: readonly number[]) => readIn(jsonObjectsReader(), text, lengths)
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const one = '{\n  "a": "}{",\n  "b": { "c": [] }\n}'

  it.each([
    ['one', `${one}\n`, [[1, 'text', base64(one)]]],
    [
      'several, on whatever lines',
      ` ${one}\r\n{"d":1} {"e":2}\n\n${one}`,
      [
        [1, 'text', base64(one)],
        [2, 'json', { d: 1 }],
        [3, 'json', { e: 2 }],
        [4, 'text', base64(one)],
      ],
    ],
    [
      'commas between them',
      '{\n},{"d":1},',
      [
        [1, 'text', base64('{\n}')],
        [2, 'json', { d: 1 }],
      ],
    ],
    [
      'an end that is cut off',
      '{"d":1}\n{\n',
      [
        [1, 'json', { d: 1 }],
        [2, 'bytes', base64('{')],
      ],
    ],
    [
      'a bracket too many',
      '{"d":1}}\n{"e":2} ]',
      [
        [1, 'json', { d: 1 }],
        [2, 'bytes', base64('}')],
        [3, 'json', { e: 2 }],
        [4, 'bytes', base64(']')],
      ],
    ],
  ])('reads %s', (_, text, records) => {
    expect(read(text)).toEqual(records)
  })

  it('is the same wherever the text is cut', () => {
    const text = fc.string({
      unit: fc.constantFrom('{', '}', '[', ']', ',', '"', '\\', '\n', '1', '{"a":"x"}', 'à'),
    })
    fc.assert(
      fc.property(text, pieces, (written, lengths) => {
        expect(read(written, lengths)).toEqual(read(written))
      }),
      { numRuns: 300 },
    )
  })
})

describe('a record that is too large', () => {
  const long = 'x'.repeat(maxRecordBytes + 1)
  const what = { problem: 'more than 4 MB', beginning: expect.stringMatching(/^.{1000}$/) }
  const lengths = [[4_000_000], [300_000]]

  it.each(lengths)('in delimited text leaves its beginning, whatever the pieces (%#)', (...cut) => {
    const read = (text: string) => readIn(csvReader({ delimiter: ',', columns: ['a', 'b'] }), text, cut)
    expect(read(`a,b\n1,${long}\r\n3,4`)).toEqual([
      [2, 'too-large', what],
      [3, 'json', { a: '3', b: '4' }],
    ])
    expect(read(`a,b\n1,${long}`)).toEqual([[2, 'too-large', what]])
    // One that a quote keeps open costs its line.
    const others = maxRecordBytes / 4096
    const records = read(`a,b\n1,"2\n${`3,${'4'.repeat(4095)}\n`.repeat(others)}`)
    expect(records.map(([, format]) => format)).toEqual(['broken-row', ...Array(others).fill('json')])
  })

  it.each(lengths)('in JSON lines and arrays too (%#)', (...cut) => {
    expect(readIn(lineReader(), `{"a":"${long}"}\n{}`, cut)).toEqual([
      [1, 'too-large', what],
      [2, 'json', {}],
    ])
    expect(readIn(jsonArrayReader(), `[{"a":"${long}"},{}]`, cut)).toEqual([
      [1, 'too-large', what],
      [2, 'json', {}],
    ])
  })
})
