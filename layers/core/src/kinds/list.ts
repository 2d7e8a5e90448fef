import {
  accept,
  between,
  definitionError,
  type Field,
  type FieldOptions,
  field,
  type Kind,
  type KindSql,
  type Personal,
  parseField,
  reject,
  type SqlField,
} from './kind.ts'
import { innerSql, jsonTextSql, jsonValueSql, requirePlain } from './nested.ts'

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
    sql: (field) => listSql(field, of, max),
  }
}

/** Items are structs whose members are the columns of the field; each step adds one. */
function listSql({ json, step, depth }: SqlField, of: Field, max: number): KindSql {
  const item = `_item${depth}`
  const inner = innerSql(of, {
    json: `${item}.json`,
    text: `${item}.text`,
    step: (name) => `${item}."${name}"`,
    depth: depth + 1,
  })
  const each = (of: string, make: string): string => `list_transform(${of}, lambda ${item}: ${make})`
  const steps: [string, string][] = [
    [
      'items',
      `CASE WHEN starts_with(${json}, '[') THEN ${each(`json_transform(${json}, '["JSON"]')`, `{json: CAST(${item} AS VARCHAR)}`)} END`,
    ],
  ]
  const add = (name: string, expression: string): void => {
    const from = step(steps.at(-1)![0])
    steps.push([`items:${name}`, each(from, `struct_insert(${item}, "${name}" := ${expression})`)])
  }
  add('text', jsonTextSql(`${item}.json`))
  for (const [name, expression] of inner.steps ?? []) add(name, expression)
  add('reason', inner.reason)
  if (inner.at) add('at', inner.at)
  const items = step(steps.at(-1)![0])
  const bad = step('bad')
  steps.push(['bad', `list_position(${each(items, `${item}.reason IS NOT NULL`)}, true)`])
  return {
    steps,
    ...(inner.spellings && { spellings: inner.spellings }),
    reason: `CASE WHEN ${items} IS NULL THEN 'not-a-list' WHEN len(${items}) > ${max} THEN 'too-many' WHEN ${bad} > 0 THEN ${items}[${bad}].reason END`,
    at: `CASE WHEN len(${items}) <= ${max} AND ${bad} > 0 THEN concat('[', ${bad} - 1, ']'${inner.at ? `, ${items}[${bad}].at` : ''}) END`,
    value: `'[' || array_to_string(${each(items, jsonValueSql(of.kind, inner.value))}, ',') || ']'`,
  }
}
