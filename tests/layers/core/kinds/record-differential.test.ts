/** The law of records: `parseRecord` and the refine statement never disagree about a record as a whole. */
import { country, money, oneOf, text } from '@cupel/core/kinds'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { askBoth, datasetOf, differences } from './dialects.ts'
import { hostile } from './hostile.ts'

const runs = Number(process.env.CUPEL_DIFFERENTIAL ?? 2000)
const seed = Number(
  process.env.CUPEL_SEED ?? (process.env.CUPEL_DIFFERENTIAL ? Date.now() % 2 ** 31 : 20_260_101),
)
const batch = 5000

let engine: Engine
beforeAll(async () => {
  engine = await openEngine({ threads: 2 })
})
afterAll(() => engine.close())

const records = datasetOf({
  total: money('', { personal: true }),
  country: country('', { optional: true }),
  state: oneOf('', ['open', 'sent']),
  value: text('', { optional: true }), // as the bronze line names the record itself
  type: text('', { optional: true }),
})

const good = {
  record_id: '1',
  record_time: '"2026-01-02T03:04:05Z"',
  total: '12.5',
  country: '"DE"',
  state: '"open"',
  value: '"x"',
  type: 'null',
}

/** The name of a member, as written: of a field, nearly so, or any. */
const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...Object.keys(good)).map((field) => JSON.stringify(field)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '"t\\u0079pe"',
      '"\\u0073tate"',
      '"TOTAL"',
      '"total "',
      '""',
      '"\\u0000"',
      '"type\\u0000"',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '"__proto__"',
      '"constructor"',
      '"a.b"',
      '"/value"',
      '"value/type"',
      '"$"',
      '"\\""',
      '"\\\\"',
      '",\\"value\\":"',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 5 }).map((text) => JSON.stringify(text)) },
)
const member = fc.tuple(
  name,
  fc.oneof(
    hostile('money').map((json) => json ?? 'null'),
    fc.constantFrom(
      '"open"',
      '"DE"',
      '1',
      '{"total":1,"total":2}',
      '["},{\\"state\\":1"]',
      '"\\\\"',
      '"a\\\\\\""',
      '"\\u0000"',
    ),
  ),
)
const space = fc.constantFrom('', '', '', ' ', '\t', '\n', '\r\n')

/** A good record, with members left out, put in, twice, in any order, and white space anywhere. */
const object = fc
  .tuple(
    fc.subarray(Object.entries(good), { minLength: 4 }),
    fc.array(member, { maxLength: 3 }),
    fc.nat(20),
    space,
    space,
  )
  .map(([own, others, turn, before, after]) => {
    const members = [...own.map(([field, json]) => [JSON.stringify(field), json] as const), ...others]
    const turned = [...members.slice(turn % members.length), ...members.slice(0, turn % members.length)]
    const inner = turned.map(([name, json]) => `${before}${name}${after}:${before}${json}`).join(`${after},`)
    return `${after}{${inner}${before}}${after}`
  })

const value = fc.oneof(
  { weight: 20, arbitrary: object },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      null,
      '',
      ' ',
      '{',
      '{}',
      ' {}',
      '{ }',
      '[]',
      '[{}]',
      '[{"total":1}]',
      'null',
      ' null',
      'true',
      '1',
      '1e400',
      '"text"',
      '"{}"',
      '{"a":1}',
      '{"a":1,"a":1}',
      'NaN',
      '{"total":NaN}',
      '{"total":1,}',
      '{"a":"\ud800"}',
      '{"a":"\\ud800"}',
      '\ufeff{}',
      '{"a":1}\n{"a":2}',
      '{"__proto__":{"total":1}}',
      '{"a":"\u0001"}',
    ),
  },
  { weight: 1, arbitrary: fc.json() },
)

it(`finds no record on which the dialects disagree (${runs} records, seed ${seed})`, {
  timeout: 60_000 + runs * 10,
}, async () => {
  for (let done = 0; done < runs; done += batch) {
    const settings = { numRuns: Math.min(batch, runs - done), seed: seed + done }
    const answers = await askBoth(engine, records, fc.sample(value, settings))
    expect(answers.flatMap(differences).slice(0, 20)).toEqual([])
    const codes = new Set(answers.flatMap(({ sql }) => sql.reasons.map(({ reason }) => reason)))
    for (const code of [
      'duplicate-field',
      'not-an-object',
      'unreadable',
      'tombstone',
      'missing',
      'contains-nul',
    ])
      expect(codes).toContain(code) // the sample is hostile enough
  }
})

const longest = 4_500_000 // what fits, in base64, into Lambda's 6 MB event; engines have 512 MB

it.each([
  ['deep lists', `{"state":${'['.repeat(5000)}${']'.repeat(5000)}}`],
  ['deep objects', `{"state":${'{"state":'.repeat(1000)}1${'}'.repeat(1000)}}`],
  ['a long text', `{"value":"${'x'.repeat(longest)}"}`],
  ['a long text beyond ASCII', `{"value":"${'é'.repeat(longest / 2)}"}`],
  ['a long text with a NUL', `{"value":"x\\u0000${'x'.repeat(1_000_000)}"}`],
  ['a long text over several lines', `{\n"value":"${'x'.repeat(longest)}"}`],
  [
    'many members',
    `{${Array.from({ length: 20_000 }, (_, index) => `"f${index}":${index}`).join(',')},"state":"open"}`,
  ],
])('agrees on %s', async (_, record) => {
  const answers = await askBoth(engine, records, [record])
  expect(answers).toHaveLength(1)
  expect(answers.flatMap(differences)).toEqual([])
})
