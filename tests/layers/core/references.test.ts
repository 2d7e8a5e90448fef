import { type DatasetDefinition, dataset, type Fields } from '@cupel/core/dataset'
import { integer, text, timestamp, uuid } from '@cupel/core/kinds'
import { withReferences } from '@cupel/core/references'
import { expect, it } from 'vitest'

const fields = { id: uuid('Its name.'), number: integer('Its number.'), at: timestamp('When.') }
const of = (name: string, changes: Partial<Omit<DatasetDefinition<Fields>, 'topic'>> = {}) =>
  dataset<Fields>({
    name,
    description: `${name}.`,
    bronzeFolder: name,
    silverFolder: name,
    table: name,
    version: 1,
    key: 'id',
    orderBy: 'at',
    fields: { ...fields, parent: uuid('Its parent.') },
    ...changes,
  })
const parent = (name: string, late: 'defer' | 'backfill' = 'defer') => ({
  references: { parent: { dataset: name, late } },
})

it('takes references to datasets that are there', () => {
  const family = [of('a'), of('b', parent('a')), of('c', parent('b', 'backfill'))]
  expect(withReferences(family)).toBe(family)
  expect(withReferences([of('a', parent('a', 'backfill'))])).toHaveLength(1)
})

it.each([
  [
    'a dataset that is not there',
    [of('b', parent('a'))],
    'dataset b, field parent: expected a reference to one of the datasets, got "a"',
  ],
  [
    'a key of several fields',
    [of('a', { key: ['id', 'number'] }), of('b', parent('a'))],
    'a parent with a key of one field',
  ],
  [
    'a key of another type',
    [of('a', { key: 'number' }), of('b', parent('a'))],
    "the type of the parent's key, bigint, got",
  ],
  ['itself', [of('a', parent('a'))], 'no circle of references that are deferred'],
  [
    'a row that waits for it',
    [of('a', parent('b')), of('b', parent('a'))],
    'no circle of references that are deferred',
  ],
])('refuses a reference to %s', (_, datasets, message) => {
  expect(() => withReferences(datasets)).toThrow(message)
})

it('refuses tombstones without a time to compare with, and an append whose number has a namesake', () => {
  const integerOrder = { orderBy: 'number', tombstones: 'delete' } as const
  expect(() => of('a', integerOrder)).toThrow('with tombstones an orderBy that is a time')
  expect(() => of('a', { key: ['id', 'at'], tombstones: 'mark' })).toThrow(
    'an orderBy that is not in the key',
  )
  expect(() => of('a', { append: true })).toThrow('no field named as the number that append gives')
  expect(of('a', { append: true, key: 'name', fields: { name: text(''), at: fields.at } }).append).toBe(true)
})
