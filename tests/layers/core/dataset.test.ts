import { type DatasetDefinition, dataset, type Fields, type RowOf } from '@cupel/core/dataset'
import { boolean, decimal, integer, list, object, oneOf, text, timestamp, uuid } from '@cupel/core/kinds'
import { describe, expect, expectTypeOf, it } from 'vitest'

const fields = {
  order_id: uuid('The order.'),
  state: oneOf('How far it is.', ['open', 'sent']),
  items: integer('How many.', { optional: true }),
  gift: boolean('Whether to wrap it.'),
  placed_at: timestamp('When it was placed.'),
}
const definition = {
  name: 'orders',
  description: 'Orders.',
  topic: 'orders',
  bronzeFolder: 'orders-folder',
  silverFolder: 'processed-orders',
  table: 'orders',
  version: 1,
  key: 'order_id',
  orderBy: 'placed_at',
  fields,
} as const
const orders = dataset(definition)

describe('dataset', () => {
  it('takes one field as key, or several', () => {
    expect(orders.key).toEqual(['order_id'])
    expect(dataset({ ...definition, key: ['order_id', 'state'] }).key).toEqual(['order_id', 'state'])
  })

  it('infers what a row is', () => {
    expectTypeOf<RowOf<typeof orders>>().toEqualTypeOf<{
      readonly order_id: string
      readonly state: 'open' | 'sent'
      readonly items: number | null
      readonly gift: boolean
      readonly placed_at: string
    }>()
  })

  it('makes most misuses type errors', () => {
    const note = text('A note.', { optional: true })
    // @ts-expect-error: ordered by a field that may be missing
    expect(() => dataset({ ...definition, fields: { ...fields, note }, orderBy: 'note' })).toThrow()
    // @ts-expect-error: a key that is no field
    expect(() => dataset({ ...definition, key: 'nothing' })).toThrow()
    const late = { dataset: 'x', late: 'defer' } as const
    // @ts-expect-error: a reference of a field that is none
    expect(() => dataset({ ...definition, references: { nothing: late } })).toThrow()
    // @ts-expect-error: a default of another type
    expect(() => integer('', { default: 'many' })).toThrow()
    // @ts-expect-error: a default that is none of the words
    expect(() => oneOf('', ['a', 'b'], { default: 'c' })).toThrow()
    // @ts-expect-error: a default of a field that may be missing
    expect(() => integer('', { optional: true, default: 1 })).toThrow()
    // @ts-expect-error: a warning where the value cannot become null
    expect(() => integer('', { policy: 'warn' })).toThrow()
    // @ts-expect-error: an option that no kind has
    expect(integer('', { minimum: 1 }).kind.name).toBe('integer')
    // @ts-expect-error: items that may be missing
    expect(() => list('', text('', { optional: true }))).toThrow()
  })

  it('infers the rows of nested, concealed and defaulted fields', () => {
    const made = dataset({
      ...definition,
      fields: {
        ...fields,
        tags: list('Words.', text('One.'), { optional: true }),
        place: object('Where.', { city: text(''), floor: integer('', { optional: true }) }),
        hash: integer('Hidden.', { personal: 'hash' }),
        size: integer('How large.', { default: 1 }),
      },
    })
    expectTypeOf<Pick<RowOf<typeof made>, 'tags' | 'place' | 'hash' | 'size'>>().toEqualTypeOf<{
      readonly tags: readonly string[] | null
      readonly place: { readonly city: string; readonly floor: number | null }
      readonly hash: string
      readonly size: number
    }>()
  })

  const mistakes: [string, Partial<DatasetDefinition<Fields>>, string][] = [
    ['a name that is no key', { name: 'My Orders' }, 'dataset My Orders: expected a name of'],
    ['a topic that Kafka refuses', { topic: 'a/b' }, 'expected a topic of'],
    ['a folder that leads elsewhere', { bronzeFolder: '../x' }, 'expected folders of'],
    ['a table that needs quotes', { table: 'Orders' }, 'expected a table named with'],
    ['no version', { version: 0 }, 'expected a version that counts from 1, got 0'],
    ['no fields', { fields: {} }, 'expected fields, got {}'],
    [
      'a field that hides a column of lineage',
      { fields: { ...fields, _offset: text('') } },
      'expected fields named with',
    ],
    [
      'a field that is no identifier',
      { fields: { ...fields, 'a"b': text('') } },
      'expected fields named with',
    ],
    [
      'a field that PostgreSQL would cut',
      { fields: { ...fields, ['x'.repeat(64)]: text('') } },
      '63 characters at most',
    ],
    ['a key that is no field', { key: 'id' }, 'expected key and orderBy among its fields, got "id"'],
    [
      'a key from Object',
      { key: 'constructor' },
      'expected key and orderBy among its fields, got "constructor"',
    ],
    ['no key', { key: [] }, 'expected a key of one field or several'],
    ['a key twice', { key: ['state', 'state'] }, 'expected a key of one field or several'],
    ['an optional key', { key: 'items' }, 'expected key and orderBy of required fields, got "items"'],
    ['an order that is none', { orderBy: 'state' }, 'expected orderBy of a kind that has an order'],
  ]
  it.each(mistakes)('refuses %s', (_, change, message) => {
    expect(() => dataset({ ...definition, ...change } as DatasetDefinition<Fields>)).toThrow(message)
  })
})

describe('kinds', () => {
  it.each([
    [() => text('', { min: 0 }), 'text: expected whole numbers 1 <= min <= max'],
    [() => text('', { min: 3, max: 2 }), 'text: expected whole numbers'],
    [() => text('', { pattern: '\\s+' }), 'text pattern: expected literals'],
    [() => text('', { pattern: 'a.c' }), 'text pattern: expected literals'],
    [() => text('', { pattern: '^a$' }), 'text pattern: expected literals'],
    [() => text('', { pattern: '(a)\\1' }), 'text pattern: expected literals'],
    [() => text('', { pattern: 'a(?=b)' }), 'text pattern: expected literals'],
    [() => text('', { pattern: '[\\w]' }), 'text pattern: expected literals'],
    [() => oneOf('', []), 'oneOf: expected trimmed words'],
    [() => oneOf('', ['a', 'A']), 'oneOf: expected trimmed words'],
    [() => oneOf('', [' a']), 'oneOf: expected trimmed words'],
    [() => decimal('', { precision: 2, scale: 2 }), 'decimal: expected whole numbers'],
    [() => decimal('', { precision: 39, scale: 2 }), 'decimal: expected whole numbers'],
    [() => decimal('', { precision: 9, scale: 2, min: '1.234' }), 'decimal: expected digits, at most 2'],
    [() => decimal('', { precision: 9, scale: 2, max: 'much' }), 'decimal: expected digits, at most 2'],
    [() => integer('', { min: 2 ** 60 }), 'integer: expected safe integers'],
    [() => integer('', { min: 2, max: 1 }), 'integer: expected safe integers'],
  ])('refuses a definition that cannot be meant: %s', (define, message) => {
    expect(define).toThrow(message)
  })

  it.each(['[A-Z]{2}-\\d{4}', '(?:a|b)+', '[^/]*', 'x\\.y', '[\\-a]?'])('takes the pattern %s', (pattern) => {
    expect(text('', { pattern }).kind.name).toBe('text')
  })
})
