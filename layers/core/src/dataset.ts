import type { Check } from './checks.ts'
import { jsonKind } from './kinds/json.ts'
import { definitionError, type Field, field } from './kinds/kind.ts'

export type Fields = Readonly<Record<string, Field>>

/** A dataset: one kind of record, from its topic or its files to its table. The only thing to write for a new one. */
export type Dataset<F extends Fields = Fields> = {
  readonly name: string // in quarantine keys, landing folders, metrics and messages
  readonly description: string
  readonly version: number // counts up with every change of what is accepted; stored with rejected records
  readonly topic?: string // none: only files or APIs bring its records
  readonly landing?: LandingOptions // how files under landing/<name>/ are read; none: they are not taken
  readonly bronzeFolder: string // bronze/<bronzeFolder>/…
  readonly silverFolder: string // silver/<silverFolder>/…
  readonly table: string // in PostgreSQL
  readonly key: readonly string[] // the business key: one row each in gold
  readonly orderBy: string // of two records of a key the one with the greater value is newer
  /** What becomes of members that no field names: left out, kept as one JSON column `_unknown`, or a reason. */
  readonly unknownFields: 'ignore' | 'keep' | 'reject'
  /** What a Kafka record without a value, whose key is the business key, does to gold. */
  readonly tombstones: 'quarantine' | 'delete' | 'mark'
  readonly append: boolean // facts that are never corrected: gold numbers them with an `id` beside the key
  readonly references: Readonly<Record<string, Reference>> // by field
  readonly maxQuarantined: number // share of an object's records, 0 to 1, beyond which the object as a whole fails
  readonly checks: readonly Check<keyof F & string>[] // what must hold of its table: `cupel test`
  readonly fields: F
}

/** A field that holds the key of another dataset, whose record may arrive later. */
export type Reference = {
  readonly dataset: string // its name
  readonly late: 'defer' | 'backfill' // the row waits for it, or is loaded and completed then
}

export type LandingOptions = {
  readonly formats?: readonly ('csv' | 'tsv' | 'ndjson' | 'json' | 'parquet')[] // default: all
  readonly delimiter?: string // of CSV
  readonly columns?: Readonly<Record<string, string>> // field by the header in the file, where they differ
}

/** The column of what no field names, where the dataset keeps it. */
export const unknownColumn = '_unknown'
const unknownField = field(jsonKind, 'Members that no field names.', { optional: true, personal: true })

/** The fields of silver and gold: those of the dataset, and what it keeps besides. */
export const storedFields = ({ fields, unknownFields }: Pick<Dataset, 'fields' | 'unknownFields'>): Fields =>
  unknownFields === 'keep' ? { ...fields, [unknownColumn]: unknownField } : fields

/** The fields that a record can have: all but those that follow from others. */
export const writtenFields = ({ fields }: Pick<Dataset, 'fields'>): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, { kind }]) => !kind.derive))

/** A record that was accepted. Optional fields that are not there are null. */
export type RowOf<D extends Dataset> = {
  readonly [Name in keyof D['fields']]: D['fields'][Name] extends Field<infer Value, infer Optional>
    ? Optional extends true
      ? Value | null
      : Value
    : never
}

type Name<F extends Fields> = keyof F & string
type RequiredName<F extends Fields> = string extends keyof F
  ? string
  : {
      [N in Name<F>]: F[N] extends Field<unknown, infer Optional> ? (true extends Optional ? never : N) : N
    }[Name<F>]

type Defaulted = 'unknownFields' | 'tombstones' | 'append' | 'maxQuarantined' | 'checks'

export type DatasetDefinition<F extends Fields> = Omit<
  Dataset<F>,
  'key' | 'orderBy' | 'references' | Defaulted
> &
  Partial<Pick<Dataset<F>, Defaulted>> & {
    readonly key: RequiredName<F> | readonly RequiredName<F>[]
    readonly orderBy: RequiredName<F>
    readonly references?: { readonly [N in Name<F>]?: Reference }
  }

/** Define a dataset. Throws a TypeError that names the mistake: it is found when the module loads. */
export function dataset<const F extends Fields, Topic extends string | undefined = undefined>(
  definition: DatasetDefinition<F> & { readonly topic?: Topic },
): Dataset<F> & { readonly topic: Topic } {
  const { name, topic, landing, bronzeFolder, silverFolder, table, version, orderBy, fields } = definition
  const key: readonly string[] = typeof definition.key === 'string' ? [definition.key] : definition.key
  const {
    unknownFields = 'ignore',
    tombstones = 'quarantine',
    append = false,
    maxQuarantined = 1,
    checks = [],
  } = definition
  const references = (definition.references ?? {}) as Readonly<Record<string, Reference>>
  const where = `dataset ${name}`
  const expect = (holds: boolean, expected: string, actual: unknown): void => {
    if (!holds) throw definitionError(where, expected, actual)
  }
  const isField = (field: string): boolean => Object.hasOwn(fields, field)
  expect(/^[a-z][a-z0-9_-]*$/.test(name), 'a name of a-z, 0-9, _ and -', name)
  if (topic !== undefined)
    expect(/^[a-zA-Z0-9._-]{1,249}$/.test(topic), 'a topic of letters, digits, ".", _ and -', topic)
  for (const folder of [bronzeFolder, silverFolder])
    expect(/^[a-z0-9][a-z0-9._-]*$/.test(folder), 'folders of a-z, 0-9, ".", _ and -', folder)
  expect(sqlName.test(table), `a table named ${sqlNameRule}`, table)
  expect(Number.isInteger(version) && version > 0, 'a version that counts from 1', version)
  expect(Object.keys(fields).length > 0, 'fields', fields)
  for (const field of Object.keys(fields)) expect(sqlName.test(field), `fields named ${sqlNameRule}`, field)
  expect(key.length > 0 && new Set(key).size === key.length, 'a key of one field or several', key)
  for (const field of [...key, orderBy]) expect(isField(field), 'key and orderBy among its fields', field)
  for (const field of [...key, orderBy])
    expect(!fields[field]!.optional, 'key and orderBy of required fields', field)
  expect(
    fields[orderBy]!.kind.ordered === true,
    'orderBy of a kind that has an order',
    fields[orderBy]!.kind.name,
  )
  expect(
    /^[^"\r\n]$/.test(landing?.delimiter ?? ','),
    'a landing delimiter of one character',
    landing?.delimiter,
  )
  for (const { kind } of Object.values(fields))
    if (kind.derive) {
      const read = fields[kind.beside!]?.kind
      expect(
        read !== undefined && !read.derive && !read.parseNested,
        'derived fields that follow from one that is read, and is not nested',
        kind.beside,
      )
    } else if (kind.beside !== undefined)
      expect(fields[kind.beside]?.kind.name === 'currency', 'a currency field beside money', kind.beside)
  for (const field of Object.values(landing?.columns ?? {}))
    expect(isField(field), 'landing columns that name its fields', field)
  for (const field of Object.keys(references)) expect(isField(field), 'references of its fields', field)
  if (tombstones !== 'quarantine') {
    const kind = fields[orderBy]!.kind.name
    expect(
      kind !== 'integer',
      'with tombstones an orderBy that is a time: theirs is when they were sent',
      kind,
    )
    expect(!key.includes(orderBy), 'with tombstones an orderBy that is not in the key', orderBy)
  }
  if (append) expect(!isField('id'), 'no field named as the number that append gives', 'id')
  expect(0 <= maxQuarantined && maxQuarantined <= 1, 'maxQuarantined of 0 to 1', maxQuarantined)
  return {
    ...definition,
    topic: topic as Topic,
    key,
    unknownFields,
    tombstones,
    append,
    references,
    maxQuarantined,
    checks,
  }
}

const sqlName = /^[a-z][a-z0-9_]{0,62}$/ // PostgreSQL cuts names after 63 bytes
const sqlNameRule = 'with a-z, 0-9 and _, a letter first, 63 characters at most'
