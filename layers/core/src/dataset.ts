import { definitionError, type Field } from './kinds/kind.ts'

export type Fields = Readonly<Record<string, Field>>

/** A dataset: one kind of record, from its topic to its table. The only thing to write for a new one. */
export type Dataset<F extends Fields = Fields> = {
  readonly name: string // in quarantine keys, metrics and messages
  readonly description: string
  readonly version: number // counts up with every change of what is accepted; stored with rejected records
  readonly topic: string
  readonly bronzeFolder: string // bronze/<bronzeFolder>/…
  readonly silverFolder: string // silver/<silverFolder>/…
  readonly table: string // in PostgreSQL
  readonly key: readonly string[] // the business key: one row each in gold
  readonly orderBy: string // of two records of a key the one with the greater value is newer
  readonly unknownFields: 'ignore'
  readonly fields: F
}

/** A record that was accepted. Optional fields that are not there are null. */
export type RowOf<D extends Dataset> = {
  readonly [Name in keyof D['fields']]: D['fields'][Name] extends Field<infer Value, infer Optional>
    ? Optional extends true
      ? Value | null
      : Value
    : never
}

export type DatasetDefinition<F extends Fields> = Omit<Dataset<F>, 'key' | 'orderBy' | 'unknownFields'> & {
  readonly key: (keyof F & string) | readonly (keyof F & string)[]
  readonly orderBy: keyof F & string
  readonly unknownFields?: 'ignore'
}

/** Define a dataset. Throws a TypeError that names the mistake: it is found when the module loads. */
export function dataset<const F extends Fields>(definition: DatasetDefinition<F>): Dataset<F> {
  const { name, topic, bronzeFolder, silverFolder, table, version, orderBy, fields } = definition
  const key = typeof definition.key === 'string' ? [definition.key] : definition.key
  const where = `dataset ${name}`
  const expect = (holds: boolean, expected: string, actual: unknown): void => {
    if (!holds) throw definitionError(where, expected, actual)
  }
  expect(/^[a-z][a-z0-9_-]*$/.test(name), 'a name of a-z, 0-9, _ and -', name)
  expect(/^[a-zA-Z0-9._-]{1,249}$/.test(topic), 'a topic of letters, digits, ".", _ and -', topic)
  for (const folder of [bronzeFolder, silverFolder])
    expect(/^[a-z0-9][a-z0-9._-]*$/.test(folder), 'folders of a-z, 0-9, ".", _ and -', folder)
  expect(sqlName.test(table), `a table named ${sqlNameRule}`, table)
  expect(Number.isInteger(version) && version > 0, 'a version that counts from 1', version)
  expect(Object.keys(fields).length > 0, 'fields', fields)
  for (const field of Object.keys(fields)) expect(sqlName.test(field), `fields named ${sqlNameRule}`, field)
  expect(key.length > 0 && new Set(key).size === key.length, 'a key of one field or several', key)
  for (const field of [...key, orderBy])
    expect(Object.hasOwn(fields, field), 'key and orderBy among its fields', field)
  for (const field of [...key, orderBy])
    expect(!fields[field]!.optional, 'key and orderBy of required fields', field)
  expect(
    ordered.has(fields[orderBy]!.kind.name),
    `orderBy of a kind that has an order (${[...ordered].join(', ')})`,
    fields[orderBy]!.kind.name,
  )
  return { ...definition, key, unknownFields: definition.unknownFields ?? 'ignore' }
}

const sqlName = /^[a-z][a-z0-9_]{0,62}$/ // PostgreSQL cuts names after 63 bytes
const sqlNameRule = 'with a-z, 0-9 and _, a letter first, 63 characters at most'
const ordered = new Set(['timestamp', 'date', 'integer'])
