/** A dataset's table in PostgreSQL: one row a key, the newest, and where it came from. */
import { type Dataset, storedFields } from './dataset.ts'
import { identifier, literal } from './kinds/strings.ts'
import { newestColumns } from './silver-sql.ts'
import { isBuriedSql } from './tombstones-sql.ts'

type Column = readonly [name: string, type: string, comment: string]

/** How the record was received, behind the fields: part of what makes a record newer (see `newestColumns`). */
const lineage: readonly Column[] = [
  ['_timestamp_ms', 'bigint', 'Kafka timestamp of the record, milliseconds since 1970.'],
  ['_partition', 'integer', 'Kafka partition of the record.'],
  ['_offset', 'bigint', 'Kafka offset of the record.'],
]

const deleted: Column = ['_deleted', 'boolean', 'Whether a tombstone came that is newer than this row.']
const id: Column = [
  'id',
  'bigint',
  'Counts the rows in the order in which they came to stand here, with gaps.',
]

/** The table, as one script of statements. Fails when it exists. */
export function createTable(dataset: Dataset): string {
  const table = identifier(dataset.table)
  const fields = Object.entries(storedFields(dataset))
  const columns = [
    ...(dataset.append ? ['"id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY'] : []),
    ...fields.map(([name, { kind, optional }]) => {
      const column = identifier(name)
      const check = kind.postgresCheck ? ` CHECK (${kind.postgresCheck(column)})` : ''
      return `${column} ${kind.postgresType}${optional ? '' : ' NOT NULL'}${check}`
    }),
    ...lineage.map(([name, type]) => `${identifier(name)} ${type} NOT NULL`),
    ...(dataset.tombstones === 'mark' ? ['"_deleted" boolean NOT NULL DEFAULT false'] : []),
    '"_loaded_at" timestamptz NOT NULL DEFAULT clock_timestamp()',
    `${dataset.append ? 'UNIQUE' : 'PRIMARY KEY'} (${dataset.key.map(identifier).join(', ')})`,
  ]
  return [
    `CREATE TABLE ${table} (\n  ${columns.join(',\n  ')}\n);`,
    ...commentStatements(dataset).map((statement) => `${statement};`),
  ].join('\n')
}

/** What the table and its columns say of themselves. */
export function commentStatements(dataset: Dataset): readonly string[] {
  const { description } = dataset
  const table = identifier(dataset.table)
  const own = [
    ...(dataset.append ? [id] : []),
    ...lineage,
    ...(dataset.tombstones === 'mark' ? [deleted] : []),
  ]
  const comments = [
    ...Object.entries(storedFields(dataset)).map(([field, { description, personal }]) => [
      field,
      personal ? `${description} Personal.` : description,
    ]),
    ...own.map(([column, , comment]) => [column, comment]),
    ['_loaded_at', 'When this row came to stand here.'],
  ]
  return [
    `COMMENT ON TABLE ${table} IS ${literal(description)}`,
    ...comments.map(
      ([column, comment]) => `COMMENT ON COLUMN ${table}.${identifier(column!)} IS ${literal(comment!)}`,
    ),
  ]
}

/** The columns that come from silver, with their types, in the order in which they are copied. */
export const silverColumns = (dataset: Dataset): readonly (readonly [name: string, type: string])[] => [
  ...Object.entries(storedFields(dataset)).map(([name, { kind }]) => [name, kind.postgresType] as const),
  ...[...lineage, ...(dataset.tombstones === 'quarantine' ? [] : [deleted])].map(
    ([name, type]) => [name, type] as const,
  ),
]

/** The same, as identifiers. */
export const copyColumns = (dataset: Dataset): readonly string[] =>
  silverColumns(dataset).map(([name]) => identifier(name))

/** Whence rows come: a relation of the columns of `copyColumns` that goes by the name of `incoming`. */
export type Incoming = {
  readonly from: string
  readonly values: readonly string[] // parameters of each statement that reads from it
}

/** A temporary table to copy rows into. It takes what silver holds: the dataset's table is the judge of it. */
export const incomingTable = (dataset: Dataset): string =>
  `CREATE TEMPORARY TABLE incoming (${silverColumns(dataset)
    .map(([name, type]) => `${identifier(name)} ${type}`)
    .join(', ')}) ON COMMIT DROP`

/** Rows as a JSON array of objects of strings, the same text as in CSV. */
export function incomingJson(dataset: Dataset, json: string): Incoming {
  const columns = silverColumns(dataset).map(([name, type]) => [identifier(name), type] as const)
  const typed = columns.map(([column, type]) => `CAST(${column} AS ${type}) AS ${column}`)
  const texts = columns.map(([column]) => `${column} text`)
  return {
    from: `(SELECT ${typed.join(', ')} FROM json_to_recordset($1) AS written (${texts.join(', ')})) AS incoming`,
    values: [json],
  }
}

/**
 * Put the rows of a relation (see `Incoming`) into the dataset's table. Of a key the newest row stays, whatever the order
 * of arrival: a second time changes nothing. Affects the rows that were inserted or replaced an older one. Rows are
 * locked in the order of their keys, so that two loads never wait for each other in a circle. A row that is older than a
 * tombstone of its key is left out, or marked. `only` is a condition on `incoming`.
 *
 * An edited record has the address of the one that it stands for. Should a later version of the dataset accept that one
 * too, they are equally new: what a person said stays, or comes in its place (`isEdit`).
 */
export function upsertStatement(
  dataset: Dataset,
  from: string,
  { isEdit = false, only }: { isEdit?: boolean; only?: string | undefined } = {},
): string {
  const deletes = dataset.tombstones !== 'quarantine'
  const marks = dataset.tombstones === 'mark'
  const columns = copyColumns(dataset).filter((column) => column !== '"_deleted"' || marks)
  const key = dataset.key.map(identifier)
  const newest = newestColumns(dataset).map(identifier)
  const others = columns.filter((column) => !key.includes(column))
  const isBuried = deletes ? isBuriedSql(dataset, 'incoming') : ''
  const selected = columns.map((column) => (column === '"_deleted"' ? isBuried : column))
  const conditions = [
    ...(only === undefined ? [] : [only]),
    ...(deletes ? ['NOT "_deleted"'] : []),
    ...(deletes && !marks ? [`NOT ${isBuried}`] : []),
  ]
  return `INSERT INTO ${identifier(dataset.table)} AS present (${columns.join(', ')})
SELECT DISTINCT ON (${key.join(', ')}) ${selected.join(', ')} FROM ${from}${conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : ''}
ORDER BY ${[...key, ...newest.map((column) => `${column} DESC`)].join(', ')}
ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${others.map((column) => `${column} = excluded.${column}`).join(', ')}, "_loaded_at" = clock_timestamp()
WHERE (${newest.map((column) => `excluded.${column}`).join(', ')}) ${isEdit ? '>=' : '>'} (${newest.map((column) => `present.${column}`).join(', ')})`
}
