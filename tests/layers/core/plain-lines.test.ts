import { bronzeLine, readBronzeLine } from '@cupel/core/bronze'
import type { Dataset } from '@cupel/core/dataset'
import { storedFields } from '@cupel/core/dataset'
import { currency, json, money, text } from '@cupel/core/kinds'
import { derived } from '@cupel/core/kinds/derived'
import type { Field } from '@cupel/core/kinds/kind'
import { PlainLines } from '@cupel/core/plain-lines'
import { judgeRecord } from '@cupel/core/record'
import { RowPages } from '@cupel/core/row-pages'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { kafkaRecord } from '../../support/kafka.ts'
import { datasetOf, everyKind } from './kinds/every-kind.ts'
import { hostile, type spellings } from './kinds/hostile.ts'
import { hostileRecord, records } from './kinds/hostile-records.ts'

const seed = Number(process.env.CUPEL_SEED ?? 20_260_101)
const secrets = { personalDataKey: 'sixteen or more bytes' }
const at = { topic: 'shop.orders', partition: 3, offset: 7, timestampMs: 1_767_225_600_123 }
const lineOf = (value: string, more = {}): string =>
  bronzeLine(kafkaRecord({ ...at, value: Buffer.from(value), ...more }))

/** Reads one line after the other: its address and its row; undefined when it is not plain. */
function makeReader(dataset: Dataset) {
  const pages = new RowPages()
  const lines = new PlainLines(dataset, pages, secrets)
  lines.expect(at.topic, at.partition)
  return (line: string) => {
    pages.restart()
    const bytes = Buffer.from(`before\n${line}\nbehind`)
    const record = lines.read(bytes, 7, bytes.length - 7)
    if (!record) return undefined
    const { page, start, end } = pages
    pages.keep()
    return { ...record, row: page.toString('utf8', start, end) }
  }
}
const readPlain = (dataset: Dataset, line: string) => makeReader(dataset)(line)

/** The same, as the judge sees it; undefined unless all of the record is good. */
function judge(dataset: Dataset, line: string) {
  const { topic, partition, offset, timestampMs, value } = readBronzeLine(line)!
  const { values, isGood, reasons } = judgeRecord(dataset, value, secrets)
  if (!isGood || reasons.length > 0) return undefined
  const cells = Object.values(storedFields(dataset)).map(({ kind }, index) => {
    const value = values[index]
    if (value === null) return ''
    return kind.duckdbType === 'VARCHAR' ? `"${String(value).replaceAll('"', '""')}"` : String(value)
  })
  const row = cells.map((cell) => `${cell},`).join('')
  return { topic, partition, offset, timestampMs, row }
}
const rowOf = (dataset: Dataset, value: string): string | undefined => judge(dataset, lineOf(value))?.row

const good = {
  record_id: 1,
  record_time: '2026-01-02T03:04:05.678Z',
  total: '1,234.50',
  country: 'Deutschland',
  state: 'OPEN',
  value: ' Ünal, "x" ',
}
const plain = JSON.stringify({ ...good, value: 'Ünal, x ' })

describe('a plain line', () => {
  it('becomes its row', () => {
    expect(readPlain(records, lineOf(plain))).toMatchObject({
      ...at,
      row: '1,2026-01-02T03:04:05.678Z,1234.5000,"DE","open","Ünal, x",,',
    })
  })

  it.each([
    ['with white space', plain.replaceAll(':', ' : ').replaceAll(',"', ' ,\t"')],
    [
      'in another order',
      JSON.stringify(Object.fromEntries(Object.entries({ ...good, value: 'x' }).reverse())),
    ],
    ['with members that nobody knows', plain.replace('{', '{"new":1,"at":"","new":null,')],
    ['without what is optional', JSON.stringify({ ...good, country: undefined, value: null })],
  ])('%s', (_, value) => {
    expect(readPlain(records, lineOf(value))?.row).toBe(rowOf(records, value))
  })

  it.each([
    ['a key', { key: Buffer.from('k') }],
    ['a header', { headers: [['trace', Buffer.from('x')]] }],
    [
      'headers',
      {
        headers: [
          ['größe', null],
          ['', Buffer.from('')],
          ['[],', Buffer.from('x')],
        ],
      },
    ],
  ])('may have %s', (_, more) => {
    const line = lineOf(plain, more)
    expect(readPlain(records, line)).toBeDefined()
    expect(readPlain(records, line)).toEqual(judge(records, line))
  })
})

it('becomes UTF-8 where it is none, as the judge reads it', () => {
  const bytes = Buffer.from(lineOf(JSON.stringify({ ...good, value: 'Ünal' })), 'latin1') // `Ü` is one byte
  const pages = new RowPages()
  const lines = new PlainLines(records, pages, secrets)
  lines.expect(at.topic, at.partition)
  expect(lines.read(bytes, 0, bytes.length)).toEqual(at)
  const { page, start, end } = pages
  const row = judge(records, bytes.toString('utf8'))?.row
  expect(row).toContain('"\ufffdnal"')
  expect(page.subarray(start, end)).toEqual(Buffer.from(row!))
})

describe('is not plain:', () => {
  it.each([
    ['escapes', lineOf(JSON.stringify(good))],
    ['a bad field', lineOf(plain.replace('Deutschland', 'Atlantis'))],
    ['a member twice', lineOf(plain.replace('{', '{"state":"open",'))],
    ['no object', lineOf('[]')],
    ['text with line breaks', lineOf(plain.replace('{', '{\n'))],
    ['a tombstone', lineOf(plain, { value: null })],
    ['another topic', lineOf(plain, { topic: 'shop.orders2' })],
    ['another partition', lineOf(plain, { partition: 31 })],
    ['a time before 1970', lineOf(plain, { timestampMs: -1 })],
    ['more than a double holds', lineOf(plain, { offset: 1e15 })],
    ['an offset that begins with nothing', lineOf(plain).replace('"offset":7', '"offset":07')],
    ['a header with escapes', lineOf(plain, { headers: [['"format":"json","value":', null]] })],
    ['a key that is none', lineOf(plain).replace(/"key":"\w*=*"/, '"key":@@ }{')],
    ['no key', lineOf(plain).replace(/"key":"\w*=*"/, '"key":')],
    ['a header that is none', lineOf(plain).replace('"headers":[]', '"headers":[{"a":1]')],
    ['a header without a value', lineOf(plain).replace('"headers":[]', '"headers":[["a"]]')],
    ['a comma behind the last header', lineOf(plain).replace('"headers":[]', '"headers":[["a",null],]')],
    ['another address behind its own', lineOf(plain).replace('"headers":[]', '"headers":[],"offset":99')],
    ['something behind the record', lineOf(plain).replace(/}$/, ' }')],
    ['no brace at its end', lineOf(plain).slice(0, -1)],
    ['no envelope', plain],
    ['an offset that is none', lineOf(plain).replace('"offset":7', '"offset":')],
    ['a time that is none', lineOf(plain).replace(',"key"', '.5,"key"')],
  ])('%s', (_, line) => {
    expect(readPlain(records, line)).toBeUndefined()
  })

  it('what a dataset does not ignore', () => {
    const unknown = plain.replace('{', '{"new":1,')
    for (const unknownFields of ['keep', 'reject'] as const) {
      expect(readPlain({ ...records, unknownFields }, lineOf(unknown))).toBeUndefined()
      expect(readPlain({ ...records, unknownFields }, lineOf(plain))?.row).toBe(
        rowOf({ ...records, unknownFields }, plain),
      )
    }
    expect(
      readPlain({ ...records, unknownFields: 'keep' }, lineOf(plain.replace('{', '{"_unknown":null,'))),
    ).toBeUndefined()
  })

  it('what says itself what follows from another field', () => {
    const dataset = datasetOf({ name: text(''), initial: derived('', 'name', (name) => name.slice(0, 1)) })
    const timed = '{"record_id":1,"record_time":"2026-01-02T00:00:00Z","name":"Ada"}'
    expect(readPlain(dataset, lineOf(timed))?.row).toBe('1,2026-01-02T00:00:00.000Z,"Ada","A",')
    expect(readPlain(dataset, lineOf(timed.replace('{', '{"initial":"B",')))).toBeUndefined()
  })

  it('a nested value', () => {
    const dataset = datasetOf({ more: json('', { optional: true }) })
    const timed = '{"record_id":1,"record_time":"2026-01-02T00:00:00Z"}'
    expect(readPlain(dataset, lineOf(timed))?.row).toBe('1,2026-01-02T00:00:00.000Z,,')
    expect(readPlain(dataset, lineOf(timed.replace('}', ',"more":"text"}')))).toBeUndefined()
  })
})

/** How many of these lines are plain; each of them has to be what the judge makes of it. */
function plainAmong(dataset: Dataset, lines: fc.Arbitrary<string>, numRuns: number): number {
  const read = makeReader(dataset)
  let plain = 0
  fc.assert(
    fc.property(lines, (line) => {
      const found = read(line)
      if (!found) return
      plain += 1
      expect(found).toEqual(judge(dataset, line))
    }),
    { numRuns, seed },
  )
  return plain
}

it(`gives what the judge gives, line after line (seed ${seed})`, { timeout: 60_000 }, () => {
  const line = fc
    .tuple(hostileRecord, fc.nat())
    .filter(([value]) => value !== null)
    .map(([value, offset]) => lineOf(value!, { offset, timestampMs: offset * 1_000 }))
  expect(plainAmong(records, line, 5_000)).toBeGreaterThan(100)
})

const flatKinds = Object.entries<readonly [keyof typeof spellings, Field]>(everyKind).filter(
  ([, [, { kind }]]) => !kind.parseNested,
)
it.each(flatKinds)(`does so with %s (seed ${seed})`, { timeout: 60_000 }, (_, [about, field]) => {
  const dataset = datasetOf({ currency: currency('', { optional: true }), field })
  const line = fc
    .tuple(hostile(about), fc.nat())
    .map(([json, id]) =>
      lineOf(`{"record_id":${id},"record_time":"2026-01-02T03:04:05.678Z","currency":"KWD","field":${json}}`),
    )
  expect(plainAmong(dataset, line, 1_000)).toBeGreaterThan(0)
})

it('writes a row that is longer than a page, and the next one', () => {
  const dataset = datasetOf({ name: text(''), total: money('') })
  const read = makeReader(dataset)
  for (const name of ['é'.repeat(300_000), 'x'.repeat(300_000), 'short']) {
    const line = lineOf(
      JSON.stringify({ record_id: 1, record_time: '2026-01-02T03:04:05.678Z', name, total: 1 }),
    )
    expect(read(line)).toEqual(judge(dataset, line))
  }
})
