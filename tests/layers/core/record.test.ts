import { noRecords, readValue } from '@cupel/core/bronze'
import { dataset } from '@cupel/core/dataset'
import { integer, money, oneOf, phone, text, timestamp, uuid } from '@cupel/core/kinds'
import { parseRecord } from '@cupel/core/record'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { datasetOf, everyKind } from './kinds/every-kind.ts'

const orders = dataset({
  name: 'orders',
  description: 'Orders.',
  topic: 'orders',
  bronzeFolder: 'orders',
  silverFolder: 'processed-orders',
  table: 'orders',
  version: 3,
  key: 'order_id',
  orderBy: 'placed_at',
  fields: {
    order_id: uuid('The order.'),
    phone: phone('Whom to call.', { personal: true }),
    total: money('What it costs.', { positive: true }),
    items: integer('How many.', { min: 1, max: 100 }),
    state: oneOf('How far it is.', ['open', 'sent']),
    note: text('What the customer says.', { optional: true, max: 10 }),
    placed_at: timestamp('When it was placed.'),
  },
})

const anOrder = {
  order_id: '6F1C1A2E-5A5B-4C5D-8E6F-0A1B2C3D4E5F',
  phone: '+49 (0) 30 123-4567',
  total: '$1,234.50',
  items: 3,
  state: ' OPEN ',
  placed_at: '2026-01-02 03:04:05+01:00',
}
const parse = (value: unknown) => parseRecord(orders, { format: 'json', text: JSON.stringify(value) })
const parseText = (text: string) => parseRecord(orders, { format: 'json', text })

describe('parseRecord', () => {
  it('gives the row with every value in its canonical form', () => {
    expect(parse(anOrder)).toEqual({
      ok: true,
      row: {
        order_id: '6f1c1a2e-5a5b-4c5d-8e6f-0a1b2c3d4e5f',
        phone: '+49301234567',
        total: '1234.5000',
        items: 3,
        state: 'open',
        note: null,
        placed_at: '2026-01-02T02:04:05.000Z',
      },
    })
  })

  it.each(noRecords)('takes what a file has in place of a record for the reason: %s', (format) => {
    const reason = { field: null, reason: format, value: null }
    expect(parseRecord(orders, { format })).toEqual({ ok: false, reasons: [reason] })
  })

  it('lists every violated rule, in the order of the fields', () => {
    const bad = {
      placed_at: 'soon',
      note: 'x'.repeat(300),
      items: 101,
      phone: '030 1234',
      total: -1,
      state: {},
    }
    expect(parse(bad)).toEqual({
      ok: false,
      reasons: [
        { field: 'order_id', reason: 'missing', value: null },
        { field: 'phone', reason: 'no-country-code', value: '***(8 characters)' },
        { field: 'total', reason: 'not-positive', value: '-1' },
        { field: 'items', reason: 'out-of-range', value: '101' },
        { field: 'state', reason: 'not-one-of', value: '{…}' },
        { field: 'note', reason: 'too-long', value: 'x'.repeat(200) },
        { field: 'placed_at', reason: 'not-a-timestamp', value: 'soon' },
      ],
    })
  })

  it.each([undefined, null, '', ' \t\u00a0\n'])('takes %j for a value that is not there', (nothing) => {
    expect(parse({ ...anOrder, note: nothing })).toMatchObject({ ok: true, row: { note: null } })
    expect(parse({ ...anOrder, state: nothing })).toEqual({
      ok: false,
      reasons: [{ field: 'state', reason: 'missing', value: null }],
    })
  })

  it.each(['[]', '"text"', '1', 'null', 'true'])('refuses %s, which is no object', (text) => {
    expect(parseText(text)).toEqual({
      ok: false,
      reasons: [{ field: null, reason: 'not-an-object', value: null }],
    })
  })

  it('refuses what is not JSON, and what is not there', () => {
    const reason = (reason: string) => ({ ok: false, reasons: [{ field: null, reason, value: null }] })
    expect(parseText('{"a":')).toEqual(reason('unreadable'))
    expect(parseRecord(orders, { format: 'bytes' })).toEqual(reason('unreadable'))
    expect(parseRecord(orders, { format: 'tombstone' })).toEqual(reason('tombstone'))
  })

  it('refuses a field that stands twice, however it is spelled, and only that', () => {
    const text = JSON.stringify(anOrder)
    const twice = (extra: string) => parseText(`{${extra},${text.slice(1)}`)
    const duplicate = { ok: false, reasons: [{ field: 'items', reason: 'duplicate-field', value: null }] }
    expect(twice('"items":3')).toEqual(duplicate)
    expect(twice('"\\u0069tems" : [{"items":1},"]}\\\\\\""]')).toEqual(duplicate)
    expect(twice('"other":{"items":3,"state":"}"}')).toMatchObject({ ok: true })
    expect(twice('"other":1,"other":2')).toMatchObject({ ok: true })
  })

  it('does not take what every object inherits for a field', () => {
    const named = dataset({
      ...orders,
      orderBy: 'placed_at',
      key: 'order_id',
      references: {},
      fields: { ...orders.fields, constructor: text('A word.') },
    })
    expect(parseRecord(named, { format: 'json', text: JSON.stringify(anOrder) })).toMatchObject({
      reasons: [{ field: 'constructor', reason: 'missing' }],
    })
  })
})

it('says something of any bytes and any JSON, and throws for none', () => {
  const everything = datasetOf(
    Object.fromEntries(Object.entries(everyKind).map(([name, [, field]]) => [name, field])),
  )
  const names = fc.constantFrom(...Object.keys(everything.fields))
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((json) => Buffer.from(json)),
    fc
      .dictionary(names, fc.jsonValue(), { maxKeys: 20 })
      .map((record) => Buffer.from(JSON.stringify(record))),
    fc.dictionary(names, fc.string({ unit: 'binary' })).map((record) => Buffer.from(JSON.stringify(record))),
  )
  for (const unknownFields of ['ignore', 'keep', 'reject'] as const)
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const secrets = { personalDataKey: 'a key that only tests have' }
        const parsed = parseRecord({ ...everything, unknownFields }, readValue(bytes), secrets)
        expect(parsed.ok || parsed.reasons.length > 0).toBe(true)
      }),
      { numRuns: 500, seed: 7 },
    )
})
