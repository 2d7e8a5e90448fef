/** A summary: what a table of gold holds, added up by groups. Data beside the datasets; summary-sql.ts makes its SQL. */
import type { Dataset, Fields } from './dataset.ts'
import { definitionError } from './kinds/kind.ts'
import { identifier, literal } from './kinds/strings.ts'

export type Summary = {
  readonly name: string // of its table too
  readonly description: string
  readonly from: Dataset
  readonly period?: Period
  readonly by: readonly string[] // fields of the dataset
  readonly joined: Readonly<Record<string, Joined>> // by column
  readonly measures: Readonly<Record<string, Measure>> // by column
  readonly derived: Readonly<Record<string, Derived>> // by column
  readonly rows?: Rows
  readonly views: Readonly<Record<string, Derived>> // by name: queries of your own over it, made and dropped with it
}

/** The day, or the first day of the month, in UTC. It becomes the column `day` or `month`. */
export type Period<Name extends string = string> = { readonly day: Name } | { readonly month: Name }

/** A field of the record that a field of ours refers to; null while there is none. */
export type Joined<Through extends string = string> = {
  readonly dataset: Dataset
  readonly through: Through
  readonly field: string
}

/** What is made of the rows of a group. */
export type Measure<Name extends string = string> = {
  readonly description: string
  readonly sql: string
  readonly type: 'bigint' | 'numeric' // in PostgreSQL
  readonly reads: readonly Name[] // fields
  readonly added: readonly Name[] // those of them that are added up
}

/** What follows from the measures of a row, which PostgreSQL keeps beside them; or a view. */
export type Derived = { readonly description: string; readonly sql: string }

/**
 * Rows that no measure can say, such as sessions: any number of them for a group, by a query of your own.
 *
 * @param source has the columns of the group, those that are joined and all fields, and holds groups as a whole, but
 * not all groups: what comes out of one group must not depend on another.
 */
export type Rows = {
  readonly columns: Readonly<Record<string, { readonly type: string; readonly description: string }>>
  readonly sql: (source: string) => string // gives the columns of the group, those that are joined, and `columns`
}

type Name<F extends Fields> = keyof F & string
type Options<Name extends string> = { readonly where?: readonly [field: Name, ...values: string[]] } // one of them

export type SummaryDefinition<F extends Fields> = {
  readonly name: string
  readonly description: string
  readonly from: Dataset<F>
  readonly period?: Period<NoInfer<Name<F>>>
  readonly by: readonly NoInfer<Name<F>>[]
  readonly joined?: Readonly<Record<string, Joined<NoInfer<Name<F>>>>>
  readonly views?: Summary['views']
} & (
  | {
      readonly measures: Readonly<Record<string, Measure<NoInfer<Name<F>>>>>
      readonly derived?: Readonly<Record<string, Derived>>
    }
  | { readonly rows: Rows }
)

/** How many rows there are. */
export const count = <Name extends string = never>(
  description: string,
  options?: Options<Name>,
): Measure<NoInfer<Name>> =>
  measure('bigint', description, `count(*)${filter(options)}`, [...filtered(options)], [])

/** How many different values a field has. */
export const distinct = <Name extends string>(
  description: string,
  field: Name,
  options?: Options<Name>,
): Measure<NoInfer<Name>> =>
  measure(
    'bigint',
    description,
    `count(DISTINCT ${identifier(field)})${filter(options)}`,
    [field, ...filtered(options)],
    [],
  )

/** The sum of a field, or of the product of several; 0 of none. Exact: money, decimals and integers are numeric. */
export const sum = <Name extends string>(
  description: string,
  fields: Name | readonly Name[],
  options?: Options<Name>,
): Measure<NoInfer<Name>> => {
  const factors = typeof fields === 'string' ? [fields] : fields
  const sql = `coalesce(sum(${factors.map(identifier).join(' * ')})${filter(options)}, 0)`
  return measure('numeric', description, sql, [...factors, ...filtered(options)], factors)
}

/** A field of the dataset that a field of ours refers to: `lookUp(merchants, 'merchant_id', 'category')`. */
export const lookUp = <F extends Fields, Through extends string>(
  dataset: Dataset<F>,
  through: Through,
  field: Name<F>,
): Joined<Through> => ({ dataset: dataset as unknown as Dataset, through, field })

/** Define a summary. Throws a TypeError that names the mistake: it is found when the module loads. */
export function summary<const F extends Fields>(definition: SummaryDefinition<F>): Summary {
  const from = definition.from as unknown as Dataset
  const { name, period, by, joined = {}, views = {} } = definition
  const {
    measures = {},
    derived = {},
    rows,
  } = definition as Partial<Pick<Summary, 'measures' | 'derived' | 'rows'>>
  const expect = (holds: boolean, expected: string, actual: unknown): void => {
    if (!holds) throw definitionError(`summary ${name}`, expected, actual)
  }
  const kindOf = (field: string): string | undefined => from.fields[field]?.kind.name
  const isField = (field: string): boolean => Object.hasOwn(from.fields, field)

  const made = [measures, derived, rows?.columns ?? {}].flatMap(Object.keys)
  const columns = [...periodColumn(period), ...by, ...Object.keys(joined), ...made]
  for (const column of [name, ...columns, ...Object.keys(views)])
    expect(/^[a-z][a-z0-9_]{0,54}$/.test(column), 'names of a-z, 0-9 and _, a letter first', column)
  expect(new Set(columns).size === columns.length, 'each column once', columns)
  expect(made.length > 0, 'measures', measures)
  expect(period !== undefined || by.length > 0, 'a period or fields to group by', by)
  for (const field of by) expect(isField(field), `fields of ${from.name} to group by`, field)
  for (const field of by) expect(!from.fields[field]!.personal, 'groups that show nobody', field)
  for (const field of periodField(period)) {
    expect(['timestamp', 'date'].includes(kindOf(field) ?? ''), 'a period of a timestamp or date', field)
    expect(!from.fields[field]!.optional, 'a period of a required field', field)
  }
  for (const { dataset, through, field } of Object.values(joined)) {
    expect(isField(through), `a field of ${from.name} that refers to ${dataset.name}`, through)
    expect(Object.hasOwn(dataset.fields, field), `a field of ${dataset.name}`, field)
    expect(
      dataset.key.length === 1 && dataset.fields[dataset.key[0]!]!.kind.name === kindOf(through),
      `${through} to be of the kind that the one key of ${dataset.name} has`,
      kindOf(through),
    )
  }
  for (const { reads, added } of Object.values(measures)) {
    for (const field of reads) expect(isField(field), `measures of fields of ${from.name}`, field)
    for (const field of added)
      expect(numbers.has(kindOf(field) ?? ''), `sums of ${[...numbers].join(', ')}`, field)
    expect(
      !added.some((field) => kindOf(field) === 'money' && !from.fields[field]!.kind.currency) ||
        by.some((field) => kindOf(field) === 'currency'),
      'money of one currency in a sum: group by the currency',
      added,
    )
  }
  return { ...definition, from, joined, measures, derived, views }
}

export const periodColumn = (period: Period | undefined): readonly string[] => Object.keys(period ?? {})
export const periodField = (period: Period | undefined): readonly string[] => Object.values(period ?? {})

const numbers = new Set(['money', 'decimal', 'integer'])

const measure = <Name extends string>(
  type: Measure['type'],
  description: string,
  sql: string,
  reads: readonly Name[],
  added: readonly Name[],
): Measure<Name> => ({ description, sql, type, reads, added })

const filtered = <Name extends string>(options: Options<Name> | undefined): Name[] =>
  options?.where ? [options.where[0]] : []

function filter(options: Options<string> | undefined): string {
  if (!options?.where) return ''
  const [field, ...values] = options.where
  return ` FILTER (WHERE ${identifier(field)}::text IN (${values.map(literal).join(', ')}))`
}
