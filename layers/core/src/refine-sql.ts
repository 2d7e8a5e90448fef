/**
 * The statement that judges all of a bronze file: `parseRecord` in DuckDB's SQL. It keeps the two dialects of every kind
 * comparable in value and in reason; refining takes the first pass (first-pass-sql.ts), which has few of its columns.
 *
 * A line goes through layers of columns: its envelope, each field's JSON, each field's trimmed text, the steps of its
 * kind, and last its reason and value. DuckDB evaluates layer by layer over vectors of 2,048 rows, one pass over the
 * file in all. Columns of a field are named `"<field>.<part>"` and `"<field>:<step of its kind>"`, those of the line
 * begin with `_`: no field can be named so itself.
 */
import { noRecords } from './bronze.ts'
import type { Dataset } from './dataset.ts'
import type { KindSql, Spellings } from './kinds/kind.ts'
import { identifier, literal, trimSql } from './kinds/strings.ts'

/** How a record was received: the last columns of every silver file. */
export const lineageColumns = ['_topic', '_partition', '_offset', '_timestamp_ms'] as const

/** Whether tombstones become rows of silver, with `_deleted`: null in all but their key and order. */
export const keepsTombstones = ({ tombstones }: Dataset): boolean => tombstones !== 'quarantine'

/** The columns of a silver file. */
export const silverColumns = (dataset: Dataset): readonly string[] => [
  ...Object.keys(dataset.fields),
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

/** The end of a DuckDB query over silver's columns that keeps the newest record of each key, or of other columns. */
export function newestOnlySql(dataset: Dataset, of: readonly string[] = dataset.key): string {
  const newest = newestColumns(dataset).map((column) => `${identifier(column)} DESC`)
  return `QUALIFY row_number() OVER (PARTITION BY ${of.map(identifier).join(', ')} ORDER BY ${newest.join(', ')}) = 1`
}

/** What gold makes of silver, as a DuckDB query. */
export function foldSql(dataset: Dataset, from: string): string {
  if (dataset.tombstones === 'mark')
    return `SELECT * FROM ${from} WHERE NOT _deleted ${newestOnlySql(dataset)}`
  const newest = `SELECT * FROM ${from} ${newestOnlySql(dataset)}`
  return dataset.tombstones === 'delete' ? `SELECT * FROM (${newest}) WHERE NOT _deleted` : newest
}

export type RefineFiles = {
  readonly input: string // bronze NDJSON
  readonly silver: string // Parquet
  readonly quarantine: string // NDJSON; write it only when there is something to put there
}

// A value of 6 MB in base64, and its envelope. `read_csv` is no faster, and lost lines longer than half of its buffer.
export const maxLineBytes = 16 * 1024 * 1024

/** The tables of spellings that the statements of a dataset look up; an engine needs each once. */
export function spellingsOf(dataset: Dataset): readonly Spellings[] {
  const all = fieldsOf(dataset).flatMap(({ sql }) => (sql.spellings ? [sql.spellings] : []))
  return [...new Map(all.map((spellings) => [spellings.name, spellings])).values()]
}

/**
 * `CREATE TABLE refined`: a row for each line of the file, with `_quarantined` (the line's text for the quarantine file)
 * or with the columns of silver, then lineage.
 */
export function refinedStatement(dataset: Dataset, input: string): string {
  const columns = [...Object.keys(dataset.fields), ...lineageColumns].map(identifier)
  return `CREATE OR REPLACE TEMP TABLE refined AS SELECT ${quarantinedSql(dataset)} AS _quarantined, ${columns.join(', ')} FROM (${judgedSql(dataset, input)})`
}

type FieldColumns = {
  readonly name: string
  readonly sql: KindSql
  readonly column: (part: 'json' | 'first' | 'simple' | 'text' | 'reason') => string
}

function fieldsOf(dataset: Dataset): readonly FieldColumns[] {
  return Object.entries(dataset.fields).map(([name, { kind }]) => {
    const column = (part: string): string => identifier(`${name}.${part}`)
    const test = (character: string): string => `(${column('first')} = ${character.charCodeAt(0)})`
    const isBoolean = `(${column('first')} IN (${'t'.charCodeAt(0)}, ${'f'.charCodeAt(0)}))`
    return {
      name,
      column,
      sql: kind.sql({ isString: test('"'), isBoolean, text: column('text'), step: stepOf(name) }),
    }
  })
}

const stepOf =
  (name: string) =>
  (step: string): string =>
    identifier(`${name}:${step}`)

/** All columns of the line and of its fields, up to reasons and values. */
function judgedSql(dataset: Dataset, input: string): string {
  const fields = fieldsOf(dataset)
  const each = (make: (field: FieldColumns) => string): string => fields.map(make).join(', ')
  const shape = JSON.stringify({
    topic: 'VARCHAR',
    partition: 'INTEGER',
    offset: 'BIGINT',
    timestamp: 'DOUBLE',
    format: 'VARCHAR',
    value: Object.fromEntries(fields.map(({ name }) => [name, 'JSON'])),
  })
  const valueShape = JSON.stringify(Object.fromEntries(fields.map(({ name }) => [name, 'JSON'])))

  const lines = `SELECT json::VARCHAR AS _line, json_transform(json, ${literal(shape)}) AS _envelope FROM read_ndjson_objects(${literal(input)}, maximum_object_size = ${maxLineBytes})`
  const decoded = `SELECT *, CASE WHEN _envelope.format = 'text' THEN decode(from_base64(json_extract_string(_line, '/value'))) END AS _written FROM (${lines})`
  const opened = `SELECT *, _envelope.topic AS _topic, _envelope."partition" AS _partition, _envelope."offset" AS _offset, CAST(greatest(least(_envelope."timestamp", ${Number.MAX_SAFE_INTEGER}), ${Number.MIN_SAFE_INTEGER}) AS BIGINT) AS _timestamp_ms, CASE WHEN _written IS NULL THEN _envelope.value ELSE json_transform(_written, ${literal(valueShape)}) END AS _object, CASE WHEN _written IS NULL THEN json_keys(_line, '/value') ELSE json_keys(_written) END AS _names, _written IS NOT NULL OR contains(_line, '\\u0000') AS _escapes_nul FROM (${decoded})`
  const raw = `SELECT *, ${wholeReasonSql} AS _whole, ${each(({ name, column }) => `CAST(_object.${identifier(name)} AS VARCHAR) AS ${column('json')}`)} FROM (${opened})`
  const present = fields.map(({ column }) => `(${column('json')} IS NOT NULL)::INTEGER`).join(' + ')
  const repeated = `CASE WHEN len(_names) > ${present} AND len(_names) <> len(list_distinct(_names)) THEN list_filter(list_distinct(_names), lambda name: list_count(list_filter(_names, lambda other: other = name)) > 1) END`
  const looked = `SELECT *, ${repeated} AS _repeated, ${each(({ column }) => `ascii(${column('json')}) AS ${column('first')}, ${isSimpleSql(column('json'))} AS ${column('simple')}`)} FROM (${raw})`
  let from = `SELECT *, ${each(({ column }) => `${textSql(column)} AS ${column('text')}`)} FROM (${looked})`

  const depth = Math.max(...fields.map(({ sql }) => sql.steps?.length ?? 0))
  for (let layer = 0; layer < depth; layer += 1) {
    const steps = fields.flatMap(({ name, sql }) => {
      const step = sql.steps?.[layer]
      return step ? [`${step[1]} AS ${stepOf(name)(step[0])}`] : []
    })
    from = `SELECT *, ${steps.join(', ')} FROM (${from})`
  }
  const reasons = `SELECT *, ${each((field) => `${fieldReasonSql(dataset, field)} AS ${field.column('reason')}`)} FROM (${from})`
  return `SELECT *, ${each(({ name, sql, column }) => `CASE WHEN ${column('text')} IS NOT NULL AND ${column('reason')} IS NULL AND _whole IS NULL THEN ${sql.value} END AS ${identifier(name)}`)} FROM (${reasons})`
}

/** Is this JSON text, when a string, the string itself between quotes? No escape, nothing to trim: control characters are escapes. */
const isSimpleSql = (json: string): string =>
  `strlen(${json}) = length(${json}) AND NOT contains(${json}, ' ') AND NOT contains(${json}, '\\')`

/** The text of a field, NULL where there is none. The usual string costs a tenth of one that has to be read and trimmed. */
function textSql(column: FieldColumns['column']): string {
  const json = column('json')
  const isString = `${column('first')} = ${'"'.charCodeAt(0)}`
  return `NULLIF(CASE WHEN NOT (${isString}) THEN ${json} WHEN ${column('simple')} THEN substring(${json}, 2, strlen(${json}) - 2) ELSE ${trimSql(`json_extract_string(${json}, '$')`)} END, '')`
}

const wholeReasonSql = `CASE WHEN _envelope.format IN (${['tombstone', ...noRecords].map(literal).join(', ')}) THEN _envelope.format WHEN _envelope.format NOT IN ('json', 'text') THEN 'unreadable' WHEN len(_names) > 0 THEN NULL WHEN CASE WHEN _written IS NULL THEN json_type(_line, '/value') ELSE json_type(_written) END = 'OBJECT' THEN NULL ELSE 'not-an-object' END`

/** `parseField` in SQL. */
function fieldReasonSql(dataset: Dataset, { name, sql, column }: FieldColumns): string {
  const { kind, optional } = dataset.fields[name]!
  return `CASE ${[
    `WHEN _repeated IS NOT NULL AND list_contains(_repeated, ${literal(name)}) THEN 'duplicate-field'`,
    `WHEN ${column('text')} IS NULL THEN ${optional ? 'NULL' : "'missing'"}`,
    `WHEN ${isNested(column)} THEN '${kind.wrongType}'`,
    `WHEN _escapes_nul AND contains(${column('text')}, chr(0)) THEN 'contains-nul'`,
  ].join(' ')} ELSE ${sql.reason} END`
}

const isNested = (column: FieldColumns['column']): string =>
  `${column('first')} IN (${'{'.charCodeAt(0)}, ${'['.charCodeAt(0)})`

/** The line's text for the quarantine file, NULL for a good record. What is shown of a value is said once, in a lambda. */
function quarantinedSql(dataset: Dataset): string {
  const fields = fieldsOf(dataset)
  const bad = fields.map(
    ({ name, column }) =>
      `{field: ${literal(name)}, reason: ${column('reason')}, first: ${column('first')}, text: ${column('text')}, personal: ${dataset.fields[name]!.personal !== false}}`,
  )
  const reasons = `list_transform(list_filter([${bad.join(', ')}], lambda _one: _one.reason IS NOT NULL), lambda _one: {field: _one.field, reason: _one.reason, value: ${shownSql}})`
  const whole = '[{field: NULL::VARCHAR, reason: _whole, value: NULL::VARCHAR}]'
  const head = `{"dataset":${JSON.stringify(dataset.name)},"version":${dataset.version},"reasons":`
  const isBad = `_whole IS NOT NULL OR coalesce(${fields.map(({ column }) => column('reason')).join(', ')}) IS NOT NULL`
  return `CASE WHEN ${isBad} THEN concat(${literal(head)}, CAST(to_json(CASE WHEN _whole IS NOT NULL THEN ${whole} ELSE ${reasons} END) AS VARCHAR), ',', _line[2:]) END`
}

/** `showValue` in SQL, of `_one` field's `first`, `text`, `reason` and `personal`. */
const number = 'TRY_CAST(_one.text AS DOUBLE)'
const numberTextSql = `CASE WHEN ${number} = 0 THEN '0' ELSE regexp_replace(CASE WHEN abs(${number}) >= 1e15 THEN CAST(${number} AS VARCHAR) ELSE _one.text END, '[.]0$', '') END`
const shownTextSql = `CASE WHEN _one.first = ${'{'.charCodeAt(0)} THEN '{…}' WHEN _one.first = ${'['.charCodeAt(0)} THEN '[…]' WHEN chr(_one.first) IN ('-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9') THEN ${numberTextSql} ELSE _one.text END`
const shownSql = `CASE WHEN _one.reason IN ('missing', 'duplicate-field') THEN NULL WHEN _one.personal THEN concat('***(', length(${shownTextSql}), ' characters)') ELSE left(${shownTextSql}, 200) END`
