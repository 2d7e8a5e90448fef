import {
  accept,
  between,
  definitionError,
  type Field,
  type FieldOptions,
  field,
  type Kind,
  type Personal,
  parseField,
  reject,
} from './kind.ts'
import { requirePlain } from './nested.ts'

type ListRule = { readonly max?: number } // how many

/** A list of values of one kind, each as a field of its own would take it. Empty is a list; missing items are not. */
export const list = <Item, Optional extends boolean = false, Shown extends Personal = false>(
  description: string,
  of: Field<Item, false>,
  options?: ListRule & FieldOptions<readonly Item[], Optional, Shown>,
) => field(listKind(of, options?.max ?? anyLength), description, options)

const anyLength = 10_000

function listKind<Item>(of: Field<Item, false>, max: number): Kind<readonly Item[]> {
  requirePlain('list', of)
  if (of.optional) throw definitionError('list', 'items that are not optional', of.optional)
  if (!(Number.isInteger(max) && max > 0)) throw definitionError('list', 'a whole number max > 0', max)
  return {
    name: 'list',
    schema: { type: 'array', items: of.kind.schema, maxItems: max },
    example: (random) =>
      Array.from({ length: between(random, 0, Math.min(max, 3)) }, () => of.kind.example(random)),
    wrongType: 'not-a-list',
    duckdbType: 'VARCHAR',
    postgresType: 'jsonb',
    parse: () => reject('not-a-list'),
    parseNested: (value, context) => {
      if (!Array.isArray(value)) return reject('not-a-list')
      if (value.length > max) return reject('too-many')
      const items: Item[] = []
      for (const [index, json] of value.entries()) {
        const parsed = parseField(of, json, { ...context, path: `${context.path}/${index}` })
        if (!parsed.ok) return reject(parsed.reason, `[${index}]${parsed.at ?? ''}`)
        items.push(parsed.value!)
      }
      return accept(items)
    },
  }
}
