/** The columns of silver, and what DuckDB's queries over them share. */
import { type Dataset, storedFields } from './dataset.ts'
import { identifier } from './kinds/strings.ts'

/** How a record was received: the last columns of every silver file. */
export const lineageColumns = ['_topic', '_partition', '_offset', '_timestamp_ms'] as const

/** Whether tombstones become rows of silver, with `_deleted`: null in all but their key and order. */
export const keepsTombstones = ({ tombstones }: Dataset): boolean => tombstones !== 'quarantine'

/** The columns of a silver file. */
export const silverColumns = (dataset: Dataset): readonly string[] => [
  ...Object.keys(storedFields(dataset)),
  ...(hasWarnings(dataset) ? [warningsColumn] : []),
  ...lineageColumns,
  ...(keepsTombstones(dataset) ? ['_deleted'] : []),
]

/** The columns that say which of two records of a key is newer, most significant first: `compareNewest` in SQL. */
export const newestColumns = (dataset: Dataset): readonly string[] => [
  dataset.orderBy,
  '_timestamp_ms',
  '_partition',
  '_offset',
]

/** The place of a record among those of its key, or of other columns, in a DuckDB query over silver's columns: 1 is the newest. */
export function ageSql(dataset: Dataset, of: readonly string[] = dataset.key): string {
  const newest = newestColumns(dataset).map((column) => `${identifier(column)} DESC`)
  return `row_number() OVER (PARTITION BY ${of.map(identifier).join(', ')} ORDER BY ${newest.join(', ')})`
}

/** The end of such a query that keeps the newest record of each key. */
const newestOnlySql = (dataset: Dataset): string => `QUALIFY ${ageSql(dataset)} = 1`

/** What gold makes of silver, as a DuckDB query. */
export function foldSql(dataset: Dataset, from: string): string {
  if (dataset.tombstones === 'mark')
    return `SELECT * FROM ${from} WHERE NOT _deleted ${newestOnlySql(dataset)}`
  const newest = `SELECT * FROM ${from} ${newestOnlySql(dataset)}`
  return dataset.tombstones === 'delete' ? `SELECT * FROM (${newest}) WHERE NOT _deleted` : newest
}

/** `records` = `silver` + `quarantined` + `duplicates`. */
export type RefineCounts = {
  readonly records: number
  readonly silver: number
  readonly quarantined: number
  readonly duplicates: number // older records of a key that the same file holds again
  readonly warned: number // good records without a value that a field with the policy `warn` did not take
}

export type RefineFiles = {
  readonly input: string // bronze NDJSON
  readonly silver: string // Parquet
  readonly quarantine: string // NDJSON; write it only when there is something to put there
  readonly key?: string // of the bronze object, for messages
}

// A value of 6 MB in base64, and its envelope. `read_csv` is no faster, and lost lines longer than half of its buffer.
export const maxLineBytes = 16 * 1024 * 1024

/** Reasons, as JSON, for which fields with the policy `warn` are null; a column of silver where there are such fields. */
export const warningsColumn = '_warnings'

export const hasWarnings = ({ fields }: Dataset): boolean =>
  Object.values(fields).some(({ policy }) => policy === 'warn')
