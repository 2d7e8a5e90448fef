import { writtenFields } from '@cupel/core/dataset'
import { generate } from '@cupel/core/generate'
import { text } from '@cupel/core/kinds'
import { examplePattern } from '@cupel/core/kinds/example-text'
import { parseRecord } from '@cupel/core/record'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { datasets } from '#datasets/index.ts'
import { jsonSchema } from '#operations/datasets/json-schema.ts'
import { datasetOf, everyKind } from './kinds/every-kind.ts'
import { randomOf } from './kinds/random.ts'

const all = datasetOf(Object.fromEntries(Object.entries(everyKind).map(([name, [, field]]) => [name, field])))
const personalDataKey = 'a key that only tests have'

describe.each([...datasets, all].map((dataset) => [dataset.name, dataset] as const))(
  'generate %s',
  (_, dataset) => {
    it('makes records that the dataset accepts, the same for the same random numbers', () => {
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const record = generate(dataset, randomOf(seed))
          expect(generate(dataset, randomOf(seed))).toEqual(record)
          const parsed = parseRecord(
            dataset,
            { format: 'json', text: JSON.stringify(record) },
            { personalDataKey },
          )
          expect(parsed.ok ? [] : parsed.reasons).toEqual([])
        }),
        { numRuns: 50, seed: 7 },
      )
    })

    it('makes what the JSON schema asks for', () => {
      const { properties, required } = JSON.parse(jsonSchema(dataset)) as Schema
      expect(Object.keys(properties!)).toEqual(Object.keys(writtenFields(dataset)))
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const record = generate(dataset, randomOf(seed))
          for (const name of required!) expect(record).toHaveProperty(name)
          for (const [name, value] of Object.entries(record))
            expect([name, fits(properties![name]!, value)]).toEqual([name, true])
        }),
        { numRuns: 50, seed: 7 },
      )
    })
  },
)

it.each([
  String.raw`[A-Z]{2}-\d{4}`,
  '(?:ab|c)+x?',
  '[^a]*',
  String.raw`a{2,}\.\d*`,
  '[-+]?',
  '(x|y{3}){1,2}',
])('makes texts of the pattern %s', (pattern) => {
  const { kind } = text('', { pattern })
  for (let seed = 0; seed < 200; seed += 1) {
    const made = examplePattern(randomOf(seed), pattern)
    if (made !== '') expect(kind.parse(made, {})).toEqual({ ok: true, value: made })
  }
})

type Schema = {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

/** As much of JSON Schema as the schemas use; formats aside. */
function fits(schema: Schema, value: unknown): boolean {
  if (schema.anyOf) return schema.anyOf.some((one) => fits(one, value))
  if (schema.enum) return schema.enum.includes(value)
  switch (schema.type) {
    case 'string':
      return (
        typeof value === 'string' &&
        new RegExp(schema.pattern ?? '', 'u').test(value) &&
        value.length >= (schema.minLength ?? 0) &&
        value.length <= (schema.maxLength ?? Number.POSITIVE_INFINITY)
      )
    case 'integer':
      return Number.isInteger(value) && Number(value) >= schema.minimum! && Number(value) <= schema.maximum!
    case 'array':
      return (
        Array.isArray(value) &&
        value.length <= schema.maxItems! &&
        value.every((one) => fits(schema.items!, one))
      )
    case 'object':
      return Object.entries(value as object).every(([name, one]) => fits(schema.properties![name]!, one))
    case 'null':
      return value === null
    case undefined:
      return true
    default:
      return typeof value === schema.type
  }
}
