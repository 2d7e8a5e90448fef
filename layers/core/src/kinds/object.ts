import {
  accept,
  definitionError,
  type Field,
  type FieldOptions,
  field,
  type JsonSchema,
  type Kind,
  type KindSql,
  type Personal,
  parseField,
  reject,
  type SqlField,
} from './kind.ts'
import { innerSql, jsonTextSql, jsonValueSql, requirePlain } from './nested.ts'
import { literal } from './strings.ts'

type Members = Readonly<Record<string, Field>>
type ObjectOf<M extends Members> = {
  readonly [Name in keyof M]: M[Name] extends Field<infer Value, infer Optional>
    ? Optional extends true
      ? Value | null
      : Value
    : never
}

/** An object with fields of its own, each as a field of the dataset would be taken. Other members are left out. */
export const object = <
  const M extends Members,
  Optional extends boolean = false,
  Shown extends Personal = false,
>(
  description: string,
  members: M,
  options?: FieldOptions<ObjectOf<M>, Optional, Shown>,
) => field(objectKind(members), description, options)

function objectKind<const M extends Members>(members: M): Kind<ObjectOf<M>> {
  const names = Object.keys(members)
  if (names.length === 0 || names.some((name) => !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)))
    throw definitionError('object', 'members named with letters, digits and _', names)
  for (const member of Object.values(members)) requirePlain('object', member)
  return {
    name: 'object',
    schema: schemaOf(members),
    example: (random) =>
      Object.fromEntries(Object.entries(members).map(([name, { kind }]) => [name, kind.example(random)])),
    wrongType: 'not-an-object',
    duckdbType: 'VARCHAR',
    postgresType: 'jsonb',
    parse: () => reject('not-an-object'),
    parseNested: (value, context) => {
      if (Array.isArray(value)) return reject('not-an-object')
      const row: Record<string, unknown> = {}
      for (const [name, member] of Object.entries(members)) {
        const json = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
        const path = `${context.path}/${name}`
        const parsed = context.repeated?.has(path)
          ? reject('duplicate-field')
          : parseField(member, json, { ...context, path })
        if (!parsed.ok) return reject(parsed.reason, `.${name}${parsed.at ?? ''}`)
        row[name] = parsed.value
      }
      return accept(row as ObjectOf<M>)
    },
    sql: (field) => objectSql(field, members),
  }
}

/** The schema of an object with these fields. */
export const schemaOf = (fields: Members): JsonSchema => ({
  type: 'object',
  properties: Object.fromEntries(
    Object.entries(fields).map(([name, { kind, description, optional, default: given }]) => [
      name,
      {
        description,
        ...(optional ? { anyOf: [kind.schema, { type: 'null' }] } : kind.schema),
        ...(given !== undefined && { default: given }),
      },
    ]),
  ),
  required: Object.entries(fields).flatMap(([name, { optional, default: given }]) =>
    optional || given !== undefined ? [] : [name],
  ),
})

/** The columns of a member are steps of the object, below its name. */
function objectSql({ json, step, depth }: SqlField, members: Members): KindSql {
  const shape = JSON.stringify(Object.fromEntries(Object.keys(members).map((name) => [name, 'JSON'])))
  const isObject = `starts_with(${json}, '{')`
  const steps: (readonly [string, string])[] = [
    ['members', `CASE WHEN ${isObject} THEN json_transform(${json}, ${literal(shape)}) END`],
    ['names', `CASE WHEN ${isObject} THEN json_keys(${json}) END`],
  ]
  const inner = Object.entries(members).map(([name, member]) => {
    const at = (part: string): string => step(`${name}:${part}`)
    const sql = innerSql(member, { json: at('json'), text: at('text'), step: at, depth })
    const isTwice = `len(list_filter(${step('names')}, lambda _name${depth}: _name${depth} = ${literal(name)})) > 1`
    steps.push(
      [`${name}:json`, `CAST(${step('members')}."${name}" AS VARCHAR)`],
      [`${name}:text`, jsonTextSql(at('json'))],
      ...(sql.steps ?? []).map(([own, expression]) => [`${name}:${own}`, expression] as const),
      [`${name}:reason`, `CASE WHEN ${isTwice} THEN 'duplicate-field' ELSE ${sql.reason} END`],
    )
    const place = sql.at ? `concat('.${name}', CASE WHEN NOT (${isTwice}) THEN ${sql.at} END)` : `'.${name}'`
    return { name, kind: member.kind, sql, reason: at('reason'), text: at('text'), place }
  })
  const spellings = inner.flatMap(({ sql }) => sql.spellings ?? [])
  return {
    steps,
    ...(spellings.length > 0 && { spellings }),
    reason: `CASE WHEN NOT ${isObject} THEN 'not-an-object' ELSE coalesce(${inner.map(({ reason }) => reason).join(', ')}) END`,
    at: `CASE WHEN ${isObject} THEN CASE ${inner.map(({ reason, place }) => `WHEN ${reason} IS NOT NULL THEN ${place}`).join(' ')} END END`,
    value: `concat('{', ${inner.map(({ name, kind, sql, text }) => `'"${name}":', coalesce(CASE WHEN ${text} IS NOT NULL THEN ${jsonValueSql(kind, sql.value)} END, 'null')`).join(", ',', ")}, '}')`,
  }
}
