import {
  accept,
  definitionError,
  type Field,
  type FieldOptions,
  field,
  type JsonSchema,
  type Kind,
  type Personal,
  parseField,
  reject,
} from './kind.ts'
import { requirePlain } from './nested.ts'

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
