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
import { type Dataset, storedFields, unknownColumn } from './dataset.ts'
import type { Field, KindSql, Spellings } from './kinds/kind.ts'
import { presenceReasons } from './kinds/nested.ts'
import { identifier, listSql, literal, trimSql } from './kinds/strings.ts'

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

export type RefineFiles = {
  readonly input: string // bronze NDJSON
  readonly silver: string // Parquet
  readonly quarantine: string // NDJSON; write it only when there is something to put there
  readonly key?: string // of the bronze object, for messages
}

// A value of 6 MB in base64, and its envelope. `read_csv` is no faster, and lost lines longer than half of its buffer.
export const maxLineBytes = 16 * 1024 * 1024

/** The tables of spellings that the statements of a dataset look up; an engine needs each once. */
export function spellingsOf(dataset: Dataset): readonly Spellings[] {
  const all = fieldsOf(dataset).flatMap(({ sql }) => sql.spellings ?? [])
  return [...new Map(all.map((spellings) => [spellings.name, spellings])).values()]
}

/** Reasons, as JSON, for which fields with the policy `warn` are null; a column of silver where there are such fields. */
export const warningsColumn = '_warnings'

export const hasWarnings = ({ fields }: Dataset): boolean =>
  Object.values(fields).some(({ policy }) => policy === 'warn')

/**
 * `CREATE TABLE refined`: a row for each line of the file, with `_quarantined` (the line's text for the quarantine file)
 * or with the columns of silver, `_warnings` (what fields with the policy `warn` did not take) and lineage.
 */
export function refinedStatement(dataset: Dataset, input: string): string {
  const columns = [...Object.keys(storedFields(dataset)), ...lineageColumns].map(identifier).join(', ')
  const judged = `SELECT *, ${quarantinedSql(dataset)} AS _quarantined, ${warningsSql(dataset)} AS ${warningsColumn} FROM (${judgedSql(dataset, input)})`
  return `CREATE OR REPLACE TEMP TABLE refined AS SELECT _quarantined, ${warningsColumn}, ${columns} FROM (${judged})`
}

type FieldColumns = {
  readonly name: string
  readonly field: Field
  readonly sql: KindSql
  readonly column: (part: 'json' | 'first' | 'simple' | 'text' | 'reason') => string
}

function fieldsOf(dataset: Dataset): readonly FieldColumns[] {
  const fields = storedFields(dataset)
  const columnsOf = (name: string): FieldColumns => {
    const field = fields[name]!
    const column = (part: string): string => identifier(`${name}.${part}`)
    const isFirst = (characters: string): string =>
      `(${column('first')} IN (${[...characters].map((character) => character.charCodeAt(0)).join(', ')}))`
    const sibling = field.kind.beside === undefined ? undefined : columnsOf(field.kind.beside)
    const sql = field.kind.sql({
      isString: isFirst('"'),
      isBoolean: isFirst('tf'),
      text: column('text'),
      json: column('json'),
      step: (step) => identifier(`${name}:${step}`),
      depth: 0,
      ...(sibling && {
        beside: `CASE WHEN ${sibling.column('reason')} IS NULL THEN ${valueSql(sibling)} END`,
      }),
    })
    return { name, field, column, sql }
  }
  return Object.keys(fields).map(columnsOf)
}

/** The value of a good field: NULL, or what stands for it, where there is none. */
function valueSql({ field: { kind, default: given }, sql, column }: FieldColumns): string {
  const absent = given === undefined ? '' : ` ELSE CAST(${literal(String(given))} AS ${kind.duckdbType})`
  return `CASE WHEN ${column('text')} IS NOT NULL THEN ${sql.value}${absent} END`
}

/** All columns of the line and of its fields, up to reasons and values. */
function judgedSql(dataset: Dataset, input: string): string {
  const fields = fieldsOf(dataset)
  const each = (make: (field: FieldColumns) => string): string => fields.map(make).join(', ')
  const members = Object.fromEntries(Object.keys(dataset.fields).map((name) => [name, 'JSON']))
  const shape = JSON.stringify({
    topic: 'VARCHAR',
    partition: 'INTEGER',
    offset: 'BIGINT',
    timestamp: 'DOUBLE',
    format: 'VARCHAR',
    value: members,
  })
  const valueShape = JSON.stringify(members)

  const lines = `SELECT json::VARCHAR AS _line, json_transform(json, ${literal(shape)}) AS _envelope FROM read_ndjson_objects(${literal(input)}, maximum_object_size = ${maxLineBytes})`
  const decoded = `SELECT *, CASE WHEN _envelope.format = 'text' THEN decode(from_base64(json_extract_string(_line, '/value'))) END AS _written FROM (${lines})`
  const opened = `SELECT *, _envelope.topic AS _topic, _envelope."partition" AS _partition, _envelope."offset" AS _offset, CAST(greatest(least(_envelope."timestamp", ${Number.MAX_SAFE_INTEGER}), ${Number.MIN_SAFE_INTEGER}) AS BIGINT) AS _timestamp_ms, CASE WHEN _written IS NULL THEN _envelope.value ELSE json_transform(_written, ${literal(valueShape)}) END AS _object, CASE WHEN _written IS NULL THEN json_keys(_line, '/value') ELSE json_keys(_written) END AS _names, _written IS NOT NULL OR contains(_line, '\\u0000') AS _escapes_nul FROM (${decoded})`
  const raw = `SELECT *, ${wholeReasonSql} AS _whole, ${each(({ name, column }) => `${name === unknownColumn ? unknownSql(dataset) : `CAST(_object.${identifier(name)} AS VARCHAR)`} AS ${column('json')}`)} FROM (SELECT *, ${strangeNamesSql(dataset)} AS _strange FROM (${opened}))`
  const present = Object.keys(dataset.fields).map(
    (name) => `(_object.${identifier(name)} IS NOT NULL)::INTEGER`,
  )
  const repeated = `CASE WHEN len(_names) > ${present.join(' + ')} AND len(_names) <> len(list_distinct(_names)) THEN list_filter(${listSql(Object.keys(dataset.fields))}, lambda name: len(list_filter(_names, lambda other: other = name)) > 1) END`
  const looked = `SELECT *, ${repeated} AS _repeated, ${each(({ column }) => `ascii(${column('json')}) AS ${column('first')}, ${isSimpleSql(column('json'))} AS ${column('simple')}`)} FROM (${raw})`
  let from = `SELECT *, ${each(({ column }) => `${textSql(column)} AS ${column('text')}`)} FROM (${looked})`

  const depth = Math.max(...fields.map(({ sql }) => sql.steps?.length ?? 0))
  for (let layer = 0; layer < depth; layer += 1) {
    const steps = fields.flatMap(({ name, sql }) => {
      const step = sql.steps?.[layer]
      return step ? [`${step[1]} AS ${identifier(`${name}:${step[0]}`)}`] : []
    })
    from = `SELECT *, ${steps.join(', ')} FROM (${from})`
  }
  for (const isBeside of [false, true]) {
    const judged = fields.filter(({ field }) => (field.kind.beside !== undefined) === isBeside)
    const reasons = judged.map((field) => `${fieldReasonSql(field)} AS ${field.column('reason')}`)
    if (reasons.length > 0) from = `SELECT *, ${reasons.join(', ')} FROM (${from})`
  }
  return `SELECT *, ${each((field) => `CASE WHEN ${field.column('reason')} IS NULL AND _whole IS NULL THEN ${valueSql(field)} END AS ${identifier(field.name)}`)} FROM (${from})`
}

/** Names that no field has, each time they stand there; NULL where nobody asks. */
const strangeNamesSql = ({ fields, unknownFields }: Dataset): string =>
  unknownFields === 'ignore'
    ? 'NULL::VARCHAR[]'
    : `list_filter(_names, lambda name: NOT list_contains(${listSql(Object.keys(fields))}, name))`

/** The JSON text of the object without its fields. */
function unknownSql({ fields }: Dataset): string {
  const without = literal(JSON.stringify(Object.fromEntries(Object.keys(fields).map((name) => [name, null]))))
  return `CASE WHEN len(_strange) > 0 THEN CAST(json_merge_patch(CASE WHEN _written IS NULL THEN json_extract(_line, '/value') ELSE _written::JSON END, ${without}::JSON) AS VARCHAR) END`
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
function fieldReasonSql({ name, field, sql, column }: FieldColumns): string {
  const { kind, optional } = field
  const isFree = optional || field.default !== undefined
  const isNul = `_escapes_nul AND contains(${column('text')}, chr(0))`
  return `CASE ${[
    `WHEN ${isTwiceSql(name)} THEN 'duplicate-field'`,
    ...presenceReasons(kind, isFree, { first: column('first'), text: column('text'), isNul }),
  ].join(' ')} ELSE ${sql.reason} END`
}

const isTwiceSql = (name: string): string =>
  name === unknownColumn
    ? 'coalesce(len(_strange) <> len(list_distinct(_strange)), false)'
    : `(_repeated IS NOT NULL AND list_contains(_repeated, ${literal(name)}))`

const isBrokenSql = (dataset: Dataset, policies: readonly Field['policy'][]): string => {
  const reasons = fieldsOf(dataset).flatMap(({ field, column }) =>
    policies.includes(field.policy) ? [column('reason')] : [],
  )
  return reasons.length > 0 ? `coalesce(${reasons.join(', ')}) IS NOT NULL` : 'false'
}

const isQuarantinedSql = (dataset: Dataset): string =>
  `(_whole IS NOT NULL OR ${isBrokenSql(dataset, ['quarantine', 'fail'])}${dataset.unknownFields === 'reject' ? ' OR len(_strange) > 0' : ''})`

/** The line's text for the quarantine file, NULL for a good record. */
function quarantinedSql(dataset: Dataset): string {
  const whole = '[{field: NULL::VARCHAR, reason: _whole, value: NULL::VARCHAR}]'
  const head = `{"dataset":${JSON.stringify(dataset.name)},"version":${dataset.version},"reasons":`
  return `CASE WHEN ${isQuarantinedSql(dataset)} THEN concat(${literal(head)}, CAST(to_json(CASE WHEN _whole IS NOT NULL THEN ${whole} ELSE ${reasonsSql(dataset)} END) AS VARCHAR), ',', _line[2:]) END`
}

/** The reasons of a good record, as JSON; NULL where it has none. */
const warningsSql = (dataset: Dataset): string =>
  hasWarnings(dataset)
    ? `CASE WHEN NOT ${isQuarantinedSql(dataset)} AND ${isBrokenSql(dataset, ['warn'])} THEN CAST(to_json(${reasonsSql(dataset)}) AS VARCHAR) END`
    : 'NULL::VARCHAR'

/** All reasons of a record. What is shown of a value is said once, in a lambda. */
function reasonsSql(dataset: Dataset): string {
  const bad = fieldsOf(dataset).map(({ name, field, sql, column }) => {
    const at = sql.at
      ? `concat(${literal(name)}, CASE WHEN NOT (${isTwiceSql(name)}) THEN ${sql.at} END)`
      : literal(name)
    return `{field: ${at}, reason: ${column('reason')}, first: ${column('first')}, text: ${column('text')}, personal: ${field.personal !== false}}`
  })
  const reasons = `list_transform(list_filter([${bad.join(', ')}], lambda _one: _one.reason IS NOT NULL), lambda _one: {field: _one.field, reason: _one.reason, value: ${shownSql}})`
  if (dataset.unknownFields !== 'reject') return reasons
  const names = `left(array_to_string(list_sort(list_distinct(_strange)), ', '), 200)`
  return `${reasons} || CASE WHEN len(_strange) > 0 THEN [{field: NULL::VARCHAR, reason: 'unknown-field', value: ${names}}] ELSE [] END`
}

/** `showValue` in SQL, of `_one` field's `first`, `text`, `reason` and `personal`. */
const number = 'TRY_CAST(_one.text AS DOUBLE)'
const numberTextSql = `CASE WHEN ${number} = 0 THEN '0' ELSE regexp_replace(CASE WHEN abs(${number}) >= 1e15 THEN CAST(${number} AS VARCHAR) ELSE _one.text END, '[.]0$', '') END`
const shownTextSql = `CASE WHEN _one.first = ${'{'.charCodeAt(0)} THEN '{…}' WHEN _one.first = ${'['.charCodeAt(0)} THEN '[…]' WHEN chr(_one.first) IN ('-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9') THEN ${numberTextSql} ELSE _one.text END`
const shownSql = `CASE WHEN _one.reason IN ('missing', 'duplicate-field') THEN NULL WHEN _one.personal THEN concat('***(', length(${shownTextSql}), ' characters)') ELSE left(${shownTextSql}, 200) END`
