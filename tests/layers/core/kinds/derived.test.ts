import { dataset } from '@cupel/core/dataset'
import { derived, integer, text } from '@cupel/core/kinds'
import { parseRecord } from '@cupel/core/record'
import { describe, expect, it } from 'vitest'

const asked: string[] = []
const initial = (name: string): string | null => {
  asked.push(name)
  return /^[A-Z]/.exec(name)?.[0] ?? null
}
const definition = {
  name: 'people',
  description: 'Of a test.',
  topic: 'people',
  bronzeFolder: 'people',
  silverFolder: 'people',
  table: 'people',
  version: 1,
  key: 'id',
  orderBy: 'id',
  fields: {
    id: integer('Who.'),
    name: text('Name.', { optional: true }),
    initial: derived('Initial of the name.', 'name', initial),
  },
} as const
const people = dataset(definition)
const parse = (record: object, of = people) =>
  parseRecord(of, { format: 'json', text: JSON.stringify(record) })

describe('a derived field', () => {
  it('follows from the value of another, as that was read', () => {
    expect(parse({ id: 1, name: '  Ann ' })).toEqual({ ok: true, row: { id: 1, name: 'Ann', initial: 'A' } })
    expect(parse({ id: 1, name: '5' })).toEqual({ ok: true, row: { id: 1, name: '5', initial: null } })
    expect(parse({ id: 1 })).toEqual({ ok: true, row: { id: 1, name: null, initial: null } })
  })

  it('adds no reason to those of the other', () => {
    expect(parse({ id: 1, name: {} })).toEqual({
      ok: false,
      reasons: [{ field: 'name', reason: 'not-text', value: '{…}' }],
    })
  })

  it('is not read: what a record says under its name is an unknown field', () => {
    expect(parse({ id: 1, name: 'Ann', initial: 'Z' })).toMatchObject({ ok: true, row: { initial: 'A' } })
    const strict = dataset({ ...definition, unknownFields: 'reject' })
    expect(parse({ id: 1, initial: 'Z' }, strict)).toMatchObject({ reasons: [{ reason: 'unknown-field' }] })
  })

  it('asks once for values that repeat', () => {
    asked.length = 0
    for (let i = 0; i < 5; i += 1) parse({ id: i, name: 'Zoe' })
    expect(asked).toEqual(['Zoe'])
  })

  it('follows from a field that is there and is read', () => {
    for (const from of ['nobody', 'initial'])
      expect(() =>
        dataset({
          ...definition,
          fields: { ...definition.fields, initial: derived('Initial.', from, initial) },
        }),
      ).toThrow('derived fields that follow from one that is read')
  })
})
