/** A dataset's table in PostgreSQL: one row a key, the newest, and where it came from. */
import type { Dataset } from './dataset.ts'
import { identifier, literal } from './kinds/strings.ts'
import { newestColumns } from './refine-sql.ts'

/** How the record was received, behind the fields: part of what makes a record newer (see `newestColumns`). */
const lineage: readonly (readonly [name: string, type: string, comment: string])[] = [
  ['_timestamp_ms', 'bigint', 'Kafka timestamp of the record, milliseconds since 1970.'],
  ['_partition', 'integer', 'Kafka partition of the record.'],
  ['_offset', 'bigint', 'Kafka offset of the record.'],
]

/** The table, as one script of statements. Fails when it exists. */
export function createTable(dataset: Dataset): string {
  const table = identifier(dataset.table)
  const fields = Object.entries(dataset.fields)
  const columns = [
    ...fields.map(([name, { kind, optional }]) => {
      const column = identifier(name)
      const check = kind.postgresCheck ? ` CHECK (${kind.postgresCheck(column)})` : ''
      return `${column} ${kind.postgresType}${optional ? '' : ' NOT NULL'}${check}`
    }),
    ...lineage.map(([name, type]) => `${identifier(name)} ${type} NOT NULL`),
    '"_loaded_at" timestamptz NOT NULL DEFAULT clock_timestamp()',
    `PRIMARY KEY (${dataset.key.map(identifier).join(', ')})`,
  ]
  return [
    `CREATE TABLE ${table} (\n  ${columns.join(',\n  ')}\n);`,
    ...commentStatements(dataset).map((statement) => `${statement};`),
  ].join('\n')
}

/** What the table and its columns say of themselves. */
export function commentStatements({ table: name, description, fields }: Dataset): readonly string[] {
  const table = identifier(name)
  const comments = [
    ...Object.entries(fields).map(([field, { description, personal }]) => [
      field,
      personal ? `${description} Personal.` : description,
    ]),
    ...lineage.map(([column, , comment]) => [column, comment]),
    ['_loaded_at', 'When this row came to stand here.'],
  ]
  return [
    `COMMENT ON TABLE ${table} IS ${literal(description)}`,
    ...comments.map(
      ([column, comment]) => `COMMENT ON COLUMN ${table}.${identifier(column!)} IS ${literal(comment!)}`,
    ),
  ]
}

/** The columns of a dataset's table, as identifiers, in the order in which they are copied. */
export const copyColumns = (dataset: Dataset): readonly string[] =>
  [...Object.keys(dataset.fields), ...lineage.map(([name]) => name)].map(identifier)

/**
 * Put the rows of a table of the same columns into the dataset's table. Of a key the newest row stays, whatever the order
 * of arrival: a second time changes nothing. Affects the rows that were inserted or replaced an older one.
 *
 * An edited record has the address of the one that it stands for. Should a later version of the dataset accept that one
 * too, they are equally new: what a person said stays, or comes in its place (`isEdit`).
 */
export function upsertStatement(
  dataset: Dataset,
  fromTable: string,
  { isEdit = false }: { isEdit?: boolean } = {},
): string {
  const columns = copyColumns(dataset)
  const key = dataset.key.map(identifier)
  const newest = newestColumns(dataset).map(identifier)
  const others = columns.filter((column) => !key.includes(column))
  return `INSERT INTO ${identifier(dataset.table)} AS present (${columns.join(', ')})
SELECT DISTINCT ON (${key.join(', ')}) ${columns.join(', ')} FROM ${fromTable}
ORDER BY ${[...key, ...newest.map((column) => `${column} DESC`)].join(', ')}
ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${others.map((column) => `${column} = excluded.${column}`).join(', ')}, "_loaded_at" = clock_timestamp()
WHERE (${newest.map((column) => `excluded.${column}`).join(', ')}) ${isEdit ? '>=' : '>'} (${newest.map((column) => `present.${column}`).join(', ')})`
}
