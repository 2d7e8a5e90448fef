/** The columns of silver, and what DuckDB's queries over them share. */
import { type Dataset, storedFields } from './dataset.ts'
import { identifier, literal } from './kinds/strings.ts'

/** Whether tombstones become rows of silver, with `_deleted`: null in all but their key and order. */
export const keepsTombstones = ({ tombstones }: Dataset): boolean => tombstones !== 'quarantine'

/** The columns of a silver file, with their types in DuckDB. */
export const silverTypes = (dataset: Dataset): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(
    Object.entries(storedFields(dataset)).map(([name, { kind }]) => [name, kind.duckdbType]),
  ),
  ...(hasWarnings(dataset) && { [warningsColumn]: 'VARCHAR' }),
  _topic: 'VARCHAR',
  _partition: 'INTEGER',
  _offset: 'BIGINT',
  _timestamp_ms: 'BIGINT',
  ...(keepsTombstones(dataset) && { _deleted: 'BOOLEAN' }),
})

/** The columns that say which of two records of a key is newer, most significant first: `compareNewest` in SQL. */
export const newestColumns = (dataset: Dataset): readonly string[] => [
  dataset.orderBy,
  '_timestamp_ms',
  '_partition',
  '_offset',
]

/** The end of a DuckDB query over silver's columns that keeps the newest record of each key. */
function newestOnlySql(dataset: Dataset): string {
  const newest = newestColumns(dataset).map((column) => `${identifier(column)} DESC`)
  return `QUALIFY row_number() OVER (PARTITION BY ${dataset.key.map(identifier).join(', ')} ORDER BY ${newest.join(', ')}) = 1`
}

/** What gold makes of silver, as a DuckDB query. */
export function foldSql(dataset: Dataset, from: string): string {
  if (dataset.tombstones === 'mark')
    return `SELECT * FROM ${from} WHERE NOT _deleted ${newestOnlySql(dataset)}`
  const newest = `SELECT * FROM ${from} ${newestOnlySql(dataset)}`
  return dataset.tombstones === 'delete' ? `SELECT * FROM (${newest}) WHERE NOT _deleted` : newest
}

export type RefineFiles = {
  readonly bronze: AsyncIterable<Uint8Array> | Iterable<Uint8Array> // NDJSON, in pieces of any length
  readonly silver: string // Parquet; beside it, with `.csv` behind its name, stay the rows that it was made of
  readonly quarantine: string // NDJSON; write it only when there is something to put there
  readonly key?: string // of the bronze object, for messages
}

/**
 * Writes a silver file out of a file of rows as `startRefining` gives them, in their order; answers with how many. DuckDB has
 * to be told of the longest row, in bytes: it would lose one that is longer than half of its buffer.
 */
export function silverStatement(
  dataset: Dataset,
  {
    rows,
    longestRow,
    silver,
  }: { readonly rows: string; readonly longestRow: number; readonly silver: string },
): string {
  const types = Object.entries(silverTypes(dataset)).map(
    ([name, type]) => `${literal(name)}: ${literal(type)}`,
  )
  const longest = Math.max(longestRow, leastLongest)
  const read = `read_csv(${literal(rows)}, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', new_line = '\\n', nullstr = '', allow_quoted_nulls = false, parallel = false, max_line_size = ${longest}, buffer_size = ${4 * longest}, columns = {${types.join(', ')}})`
  return `COPY (FROM ${read}) TO ${literal(silver)} (FORMAT parquet, USE_TMP_FILE false, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${rowGroupRows}, KV_METADATA {dataset: ${literal(dataset.name)}, version: ${literal(String(dataset.version))}})`
}

const rowGroupRows = 20_480 // a multiple of 2,048; all rows of a group stand in memory, and an object of a stream has 10,000 at most
const leastLongest = 1_000_000 // below that a smaller buffer saves nothing

/** Reasons, as JSON, for which fields with the policy `warn` are null; a column of silver where there are such fields. */
export const warningsColumn = '_warnings'

export const hasWarnings = ({ fields }: Dataset): boolean =>
  Object.values(fields).some(({ policy }) => policy === 'warn')
