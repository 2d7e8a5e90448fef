/**
 * The first pass over a bronze file, in DuckDB's SQL: it finds the records whose fields all stand in a usual spelling, and
 * leaves every other to `parseRecord`. It says "good" only where `parseRecord` says so, of the same row.
 *
 * Fields are read as VARCHAR, at a fraction of what JSON costs. Such a column hides whether a value was a string, and
 * whether a name stood twice; `_plain_bytes` gives that back by counting. A value that has no more bytes than its fields
 * need cannot hold a name twice: that would take the name, two quotes, a colon, a comma and a character more.
 */
import { type Dataset, storedFields } from './dataset.ts'
import type { QuickSql, Spellings } from './kinds/kind.ts'
import { identifier, literal } from './kinds/strings.ts'
import {
  ageSql,
  hasWarnings,
  keepsTombstones,
  lineageColumns,
  maxLineBytes,
  silverColumns,
  warningsColumn,
} from './silver-sql.ts'

/** The tables of spellings that `firstPassStatement` looks up; an engine needs each once. */
export function spellingsOf(dataset: Dataset): readonly Spellings[] {
  const all = fieldsOf(dataset).flatMap(({ quick }) => quick.spellings ?? [])
  return [...new Map(all.map((spellings) => [spellings.name, spellings])).values()]
}

/** Can the first pass say anything of the dataset's records? It cannot see names that no field has. */
export const isQuick = ({ fields, unknownFields }: Dataset): boolean =>
  unknownFields === 'ignore' && Object.values(fields).every(({ kind }) => kind.quick !== undefined)

/**
 * `CREATE TABLE refined`: a row for each line of the file, in their order, with the columns of silver and `_plain_bytes`:
 *
 * - NULL: `parseRecord` is to judge the record.
 * - more than 0: the record is good if its value has at most so many bytes, or like 0.
 * - 0: the record is good if no field stands in it twice, and `stringFields` are strings.
 */
export function firstPassStatement(dataset: Dataset, input: string): string {
  const fields = fieldsOf(dataset)
  const each = (make: (field: PlainField) => string, between = ', '): string => fields.map(make).join(between)
  const columns = {
    topic: 'VARCHAR',
    partition: 'INTEGER',
    offset: 'BIGINT',
    timestamp: 'DOUBLE',
    format: 'VARCHAR',
    value: `STRUCT(${each(({ name }) => `${identifier(name)} VARCHAR`)})`,
  }
  const types = Object.entries(columns).map(([name, type]) => `${identifier(name)}: ${literal(type)}`)
  const read = `SELECT topic AS _topic, "partition" AS _partition, "offset" AS _offset, CAST(greatest(least("timestamp", ${Number.MAX_SAFE_INTEGER}), ${Number.MIN_SAFE_INTEGER}) AS BIGINT) AS _timestamp_ms, format = 'json' AS _is_json, ${each(({ name, raw }) => `value.${identifier(name)} AS ${raw}`)} FROM read_json(${literal(input)}, format = 'newline_delimited', ignore_errors = true, maximum_object_size = ${maxLineBytes}, columns = {${types.join(', ')}})`
  const trimmed = `SELECT *, ${each(({ raw, text }) => `CASE WHEN ${raw} < '!' OR ends_with(${raw}, ' ') THEN NULLIF(trim(${raw}), '') ELSE ${raw} END AS ${text}`)} FROM (${read})`
  const valued = `SELECT *, ${each(({ name, quick }) => `${quick.value} AS ${identifier(name)}`)} FROM (${trimmed})`
  const isGood = each(({ name, text, optional, quick }) => {
    const value = identifier(name)
    const isGood = quick.isGood?.(value) ?? `${value} IS NOT NULL`
    return optional ? `(${text} IS NULL OR (${isGood}))` : `(${isGood})`
  }, ' AND ')
  const isWhole = lineageColumns.map((name) => `${name} IS NOT NULL`).join(' AND ')
  const own = [
    ...Object.keys(dataset.fields).map(identifier),
    ...(hasWarnings(dataset) ? [`NULL::VARCHAR AS ${warningsColumn}`] : []),
    ...lineageColumns,
    ...(keepsTombstones(dataset) ? ['false AS _deleted'] : []),
  ].join(', ')
  return `CREATE OR REPLACE TEMP TABLE refined AS SELECT ${own}, CASE WHEN _is_json AND ${isWhole} AND ${isGood} THEN ${bytesSql(fields)} END AS _plain_bytes FROM (${valued})`
}

/** The fields that must be seen to be strings where `_plain_bytes` is 0 or too little. */
export const stringFields = (dataset: Dataset): readonly string[] =>
  fieldsOf(dataset).flatMap(({ name, quick }) => (quick.isString === undefined ? [] : [name]))

function bytesSql(fields: readonly PlainField[]): string {
  // Each number or boolean may save the two quotes that are counted for it; all of them together less than a name twice.
  const saved = 2 * fields.filter(({ quick }) => quick.numbers).length
  const shortest = Math.min(...fields.map(({ name }) => name.length))
  if (saved >= shortest + '"":0,'.length) return '0'
  const sizes = fields.map(({ name, raw }) => `coalesce(strlen(${raw}) + ${`"${name}":"",`.length}, 0)`)
  const isUnclear = fields.flatMap(({ quick }) => [
    ...(quick.isString === undefined ? [] : [`NOT (${quick.isString})`]),
    ...(quick.numbers?.isLonger === undefined ? [] : [quick.numbers.isLonger]),
  ])
  const size = `${sizes.join(' + ')} + 1` // two braces, and no comma after the last
  return isUnclear.length > 0 ? `CASE WHEN ${isUnclear.join(' OR ')} THEN 0 ELSE ${size} END` : size
}

/** Takes from the table what the first pass left to `parseRecord`, and these rows, counted from 0. */
export const dropUnclearStatement = (rows: readonly number[]): string =>
  `DELETE FROM refined WHERE _plain_bytes IS NULL${rows.length > 0 ? ` OR rowid IN (SELECT unnest([${rows.join()}]))` : ''}`

/** Rows of `parseRecord` and `parseTombstone` with their lineage, an NDJSON file, as a query: to begin the table with, or to add to it. */
export function judgedRowsSql(dataset: Dataset, input: string): string {
  const lineage = { _topic: 'VARCHAR', _partition: 'INTEGER', _offset: 'BIGINT', _timestamp_ms: 'BIGINT' }
  const fields = Object.entries(storedFields(dataset)).map(([name, { kind }]) => [name, kind.duckdbType])
  const warnings = hasWarnings(dataset) ? [[warningsColumn, 'VARCHAR']] : []
  const deleted = keepsTombstones(dataset) ? [['_deleted', 'BOOLEAN']] : []
  const types = [...fields, ...warnings, ...Object.entries(lineage), ...deleted].map(
    ([name, type]) => `${identifier(name!)}: ${literal(type!)}`,
  )
  return `SELECT * FROM read_json(${literal(input)}, format = 'newline_delimited', maximum_object_size = ${maxLineBytes}, columns = {${types.join(', ')}})`
}

/**
 * Takes from the table what is older than another row of its key: of tombstones and others, as a marked row keeps what it
 * last said. A window over the few keys that stand twice, not over all.
 */
export function dropOlderStatement(dataset: Dataset): string {
  const of = [...dataset.key, ...(keepsTombstones(dataset) ? ['_deleted'] : [])]
  const key = of.map(identifier).join(', ')
  const twice = `SELECT ${key} FROM refined GROUP BY ALL HAVING count(*) > 1`
  const older = `SELECT rowid FROM refined SEMI JOIN (${twice}) USING (${key}) QUALIFY ${ageSql(dataset, of)} > 1`
  return `DELETE FROM refined WHERE rowid IN (${older})`
}

/** Writes silver in the order of the addresses; answers with how many rows. */
export function silverStatement(dataset: Dataset, silver: string): string {
  const columns = silverColumns(dataset).map(identifier).join(', ')
  return `COPY (SELECT ${columns} FROM refined ORDER BY _partition, _offset) TO ${literal(silver)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, KV_METADATA {dataset: ${literal(dataset.name)}, version: ${literal(String(dataset.version))}})`
}

type PlainField = {
  readonly name: string
  readonly optional: boolean
  readonly raw: string
  readonly text: string
  readonly quick: QuickSql
}

const fieldsOf = (dataset: Dataset): readonly PlainField[] =>
  Object.entries(dataset.fields).map(([name, { kind, optional }]) => {
    const [raw, text] = [identifier(`${name}.raw`), identifier(`${name}.text`)]
    return { name, optional, raw, text, quick: kind.quick!(text) }
  })
