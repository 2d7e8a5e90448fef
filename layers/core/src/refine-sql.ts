/**
 * The statements that refine a bronze file: `parseRecord` for whole files, in DuckDB's SQL. Built from the dataset alone,
 * so the same file gives the same bytes.
 *
 * A line goes through layers of columns: its envelope, each field's JSON, each field's trimmed text, the steps of its
 * kind, and last its reason and value. DuckDB evaluates layer by layer over vectors of 2,048 rows, one pass over the
 * file in all. Columns of a field are named `"<field>:<step>"`, which no field can be named itself.
 */
import type { Dataset } from './dataset.ts'
import type { KindSql, Spellings } from './kinds/kind.ts'
import { identifier, literal, trimSql } from './kinds/strings.ts'

/** How a record was received: the last columns of every silver file. */
export const lineageColumns = ['_topic', '_partition', '_offset', '_timestamp_ms'] as const

/** The columns that say which of two records of a key is newer, most significant first: `compareNewest` in SQL. */
export const newestColumns = (dataset: Dataset): readonly string[] => [
  dataset.orderBy,
  '_timestamp_ms',
  '_partition',
  '_offset',
]

/** The end of a DuckDB query over silver's columns that keeps of each key the newest record. */
export function newestOnlySql(dataset: Dataset): string {
  const newest = newestColumns(dataset).map((column) => `${identifier(column)} DESC`)
  return `QUALIFY row_number() OVER (PARTITION BY ${dataset.key.map(identifier).join(', ')} ORDER BY ${newest.join(', ')}) = 1`
}

export type RefineFiles = {
  readonly input: string // bronze NDJSON
  readonly silver: string // Parquet
  readonly quarantine: string // NDJSON; write it only when there is something to put there
}

// A value of 6 MB in base64, and its envelope. `read_csv` is no faster, and lost lines longer than half of its buffer.
const maxLineBytes = 16 * 1024 * 1024

/** A table with the spellings of a lookup. The engine makes it once. */
export const spellingsStatement = ({ name, entries }: Spellings): string =>
  `CREATE TABLE ${spellingsTable(name)} AS SELECT * FROM (VALUES ${[...entries]
    .map(([spelling, value]) => `(${literal(spelling)}, ${literal(value)})`)
    .join(', ')}) AS entry (spelling, value)`

/** The lookups that the statements of a dataset join. */
export function spellingsOf(dataset: Dataset): readonly Spellings[] {
  const all = fieldsOf(dataset).flatMap(({ sql }) => (sql.lookup ? [sql.lookup.spellings] : []))
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

/** Counts of the refined table: `records`, `quarantined`. */
export const countStatement = 'SELECT count(*) AS records, count(_quarantined) AS quarantined FROM refined'

/** Writes silver in the order of the addresses, of each key the newest record only; answers with how many. */
export function silverStatement(dataset: Dataset, silver: string): string {
  const columns = [...Object.keys(dataset.fields), ...lineageColumns].map(identifier).join(', ')
  return `COPY (SELECT ${columns} FROM refined WHERE _quarantined IS NULL ${newestOnlySql(dataset)} ORDER BY _partition, _offset) TO ${literal(silver)} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {dataset: ${literal(dataset.name)}, version: ${literal(String(dataset.version))}})`
}

/**
 * Writes the rejected records in the order of their addresses. A line is the bronze line as it is, with `dataset`,
 * `version` and `reasons` in front.
 */
export const quarantineStatement = (quarantine: string): string =>
  `COPY (SELECT _quarantined FROM refined WHERE _quarantined IS NOT NULL ORDER BY _partition, _offset) TO ${literal(quarantine)} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER chr(1))`

type FieldColumns = {
  readonly name: string
  readonly sql: KindSql
  readonly column: (step: string) => string
}

function fieldsOf(dataset: Dataset): readonly FieldColumns[] {
  return Object.entries(dataset.fields).map(([name, { kind }]) => {
    const column = (step: string): string => identifier(`${name}:${step}`)
    const test = (character: string): string => `(${column('first')} = ${character.charCodeAt(0)})`
    const isBoolean = `(${column('first')} IN (${'t'.charCodeAt(0)}, ${'f'.charCodeAt(0)}))`
    return {
      name,
      column,
      sql: kind.sql({ isString: test('"'), isBoolean, text: column('text'), step: column }),
    }
  })
}

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

  const lines = `SELECT json::VARCHAR AS line, json_transform(json, ${literal(shape)}) AS envelope FROM read_ndjson_objects(${literal(input)}, maximum_object_size = ${maxLineBytes})`
  const decoded = `SELECT *, CASE WHEN envelope.format = 'text' THEN decode(from_base64(json_extract_string(line, '/value'))) END AS written FROM (${lines})`
  const opened = `SELECT *, envelope.topic AS _topic, envelope."partition" AS _partition, envelope."offset" AS _offset, CAST(greatest(least(envelope."timestamp", ${Number.MAX_SAFE_INTEGER}), ${Number.MIN_SAFE_INTEGER}) AS BIGINT) AS _timestamp_ms, CASE WHEN written IS NULL THEN envelope.value ELSE json_transform(written, ${literal(valueShape)}) END AS object, CASE WHEN written IS NULL THEN json_keys(line, '/value') ELSE json_keys(written) END AS names, written IS NOT NULL OR contains(line, '\\u0000') AS escapes_nul FROM (${decoded})`
  const raw = `SELECT *, ${wholeReasonSql} AS whole, ${each(({ name, column }) => `CAST(object.${identifier(name)} AS VARCHAR) AS ${column('json')}`)} FROM (${opened})`
  const present = fields.map(({ column }) => `(${column('json')} IS NOT NULL)::INTEGER`).join(' + ')
  const repeated = `CASE WHEN len(names) > ${present} AND len(names) <> len(list_distinct(names)) THEN list_filter(list_distinct(names), lambda name: list_count(list_filter(names, lambda other: other = name)) > 1) END`
  const read = `SELECT *, ${repeated} AS repeated, ${each(({ column }) => `ascii(${column('json')}) AS ${column('first')}, ${column('json')}->>'$' AS ${column('raw')}`)} FROM (${raw})`
  let from = `SELECT *, ${each(({ column }) => `NULLIF(${trimSql(column('raw'))}, '') AS ${column('text')}`)} FROM (${read})`

  const depth = Math.max(...fields.map(({ sql }) => sql.steps?.length ?? 0))
  for (let layer = 0; layer < depth; layer += 1) {
    const steps = fields.flatMap(({ sql, column }) => {
      const step = sql.steps?.[layer]
      return step ? [`${step[1]} AS ${column(step[0])}`] : []
    })
    from = `SELECT *, ${steps.join(', ')} FROM (${from})`
  }
  for (const { sql, column } of fields) {
    if (!sql.lookup) continue
    const { spellings, key } = sql.lookup
    from = `SELECT row.*, entry.value AS ${column('found')} FROM (SELECT *, ${key} AS ${column('key')} FROM (${from})) AS row LEFT JOIN ${spellingsTable(spellings.name)} AS entry ON entry.spelling = row.${column('key')}`
  }
  const reasons = `SELECT *, ${each((field) => `${fieldReasonSql(dataset, field)} AS ${field.column('reason')}`)} FROM (${from})`
  return `SELECT *, ${each(({ name, sql, column }) => `CASE WHEN ${column('text')} IS NOT NULL AND ${column('reason')} IS NULL AND whole IS NULL THEN ${sql.value} END AS ${identifier(name)}`)} FROM (${reasons})`
}

const wholeReasonSql = `CASE WHEN envelope.format = 'tombstone' THEN 'tombstone' WHEN envelope.format NOT IN ('json', 'text') THEN 'unreadable' WHEN len(names) > 0 THEN NULL WHEN CASE WHEN written IS NULL THEN json_type(line, '/value') ELSE json_type(written) END = 'OBJECT' THEN NULL ELSE 'not-an-object' END`

/** `parseField` in SQL. */
function fieldReasonSql(dataset: Dataset, { name, sql, column }: FieldColumns): string {
  const { kind, optional } = dataset.fields[name]!
  return `CASE ${[
    `WHEN repeated IS NOT NULL AND list_contains(repeated, ${literal(name)}) THEN 'duplicate-field'`,
    `WHEN ${column('text')} IS NULL THEN ${optional ? 'NULL' : "'missing'"}`,
    `WHEN ${isNested(column)} THEN '${kind.wrongType}'`,
    `WHEN escapes_nul AND contains(${column('text')}, chr(0)) THEN 'contains-nul'`,
  ].join(' ')} ELSE ${sql.reason} END`
}

const isNested = (column: FieldColumns['column']): string =>
  `${column('first')} IN (${'{'.charCodeAt(0)}, ${'['.charCodeAt(0)})`

/** The line's text for the quarantine file, NULL for a good record. */
function quarantinedSql(dataset: Dataset): string {
  const fields = fieldsOf(dataset)
  const reason = (field: string, reason: string, value: string): string =>
    `{field: ${field}, reason: ${reason}, value: ${value}}`
  const list = fields.map((field) =>
    reason(literal(field.name), field.column('reason'), shownSql(dataset, field)),
  )
  const reasons = `CASE WHEN whole IS NOT NULL THEN [${reason('NULL::VARCHAR', 'whole', 'NULL::VARCHAR')}] ELSE list_filter([${list.join(', ')}], lambda one: one.reason IS NOT NULL) END`
  const head = `{"dataset":${JSON.stringify(dataset.name)},"version":${dataset.version},"reasons":`
  return `CASE WHEN whole IS NOT NULL OR coalesce(${fields.map(({ column }) => column('reason')).join(', ')}) IS NOT NULL THEN concat(${literal(head)}, CAST(to_json(${reasons}) AS VARCHAR), ',', line[2:]) END`
}

/** `showValue` in SQL. */
function shownSql(dataset: Dataset, { name, column }: FieldColumns): string {
  const number = `TRY_CAST(${column('text')} AS DOUBLE)`
  const numberText = `CASE WHEN ${number} = 0 THEN '0' ELSE regexp_replace(CASE WHEN abs(${number}) >= 1e15 THEN CAST(${number} AS VARCHAR) ELSE ${column('text')} END, '[.]0$', '') END`
  const isNumber = `${column('first')} IN (${[...'-0123456789'].map((digit) => digit.charCodeAt(0)).join(', ')})`
  const shown = `CASE ${column('first')} WHEN ${'{'.charCodeAt(0)} THEN '{…}' WHEN ${'['.charCodeAt(0)} THEN '[…]' ELSE CASE WHEN ${isNumber} THEN ${numberText} ELSE ${column('text')} END END`
  const masked = dataset.fields[name]!.personal
    ? `'***(' || length(${shown}) || ' characters)'`
    : `left(${shown}, 200)`
  return `CASE WHEN ${column('reason')} NOT IN ('missing', 'duplicate-field') THEN ${masked} END`
}

const spellingsTable = (name: string): string => identifier(`spellings of ${name}`)
