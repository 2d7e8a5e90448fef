import {
  accept,
  between,
  definitionError,
  type FieldOptions,
  field,
  type Kind,
  type Personal,
  reject,
} from './kind.ts'
import { literal, lowerAscii } from './strings.ts'

/** One of a few words, in any ASCII letter case; the row holds it as the definition spells it. */
export function oneOf<
  const Value extends string,
  Optional extends boolean = false,
  Shown extends Personal = false,
>(description: string, values: readonly Value[], options?: FieldOptions<NoInfer<Value>, Optional, Shown>) {
  return field(oneOfKind(values), description, options)
}

function oneOfKind<Value extends string>(values: readonly Value[]): Kind<Value> {
  const byFolded = new Map(values.map((value) => [lowerAscii(value), value]))
  if (
    values.length === 0 ||
    byFolded.size < values.length ||
    values.some((value) => value.trim() !== value || !value)
  )
    throw definitionError('oneOf', 'trimmed words that differ in more than letter case', values)
  return {
    name: 'oneOf',
    schema: { enum: values },
    example: (random) => values[between(random, 0, values.length - 1)],
    wrongType: 'not-one-of',
    duckdbType: 'VARCHAR',
    postgresType: 'text',
    postgresCheck: (column) => `${column} IN (${values.map(literal).join(', ')})`,
    parse: (value) => {
      const found = typeof value === 'string' ? byFolded.get(lowerAscii(value)) : undefined
      return found === undefined ? reject('not-one-of') : accept(found)
    },
  }
}
