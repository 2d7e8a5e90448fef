/** Hostile records: members left out, put in, twice, in any order, with white space anywhere; and what is no object. */
import { country, money, oneOf, text } from '@cupel/core/kinds'
import fc from 'fast-check'
import { datasetOf } from './every-kind.ts'
import { hostile } from './hostile.ts'

/** A dataset of few kinds, about whose records as a whole there is much to say. */
export const records = datasetOf({
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

/** Values of records: mostly objects, whole and broken. */
export const hostileRecord = fc.oneof(
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
