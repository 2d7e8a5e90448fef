/**
 * Rows that refer to rows of another dataset, their parents, which may arrive later. With `late: 'backfill'` such a row is
 * loaded at once, and the parent comes behind it. With `late: 'defer'` it waits in the table `deferred_rows` and is
 * moved by the transaction that loads its parent. A parent is known when gold holds it or a tombstone of it: once known, it
 * stays known, so what waits does not depend on the order of arrival.
 */
import type { Dataset, Reference } from './dataset.ts'
import { definitionError } from './kinds/kind.ts'
import { identifier, literal } from './kinds/strings.ts'
import { newestColumns } from './silver-sql.ts'
import { isBuriedSql, keyTextSql } from './tombstones-sql.ts'
import { silverColumns, upsertStatement } from './warehouse-sql.ts'

export type Parent = { readonly field: string; readonly dataset: Dataset }

/** The references of a dataset, with the datasets that they name. */
export const parentsOf = (
  { references }: Dataset,
  late: Reference['late'],
  datasets: readonly Dataset[],
): readonly Parent[] =>
  Object.entries(references).flatMap(([field, reference]) => {
    const dataset = datasets.find(({ name }) => name === reference.dataset)
    return dataset && reference.late === late ? [{ field, dataset }] : []
  })

/** The datasets of which rows wait for rows of this one. */
export const waitingFor = (parent: Dataset, datasets: readonly Dataset[]): readonly Dataset[] =>
  datasets.filter((dataset) =>
    parentsOf(dataset, 'defer', datasets).some((each) => each.dataset.name === parent.name),
  )

/**
 * The datasets, when each reference names one of them with a key of one field of the same kind, and none waits for
 * itself. Throws a TypeError that names the mistake.
 */
export function withReferences(datasets: readonly Dataset[]): readonly Dataset[] {
  for (const dataset of datasets)
    for (const [field, { dataset: name }] of Object.entries(dataset.references)) {
      const where = `dataset ${dataset.name}, field ${field}`
      const parent = datasets.find((other) => other.name === name)
      if (!parent) throw definitionError(where, 'a reference to one of the datasets', name)
      if (parent.key.length > 1) throw definitionError(where, 'a parent with a key of one field', parent.key)
      const [type, wanted] = [dataset.fields[field]!, parent.fields[parent.key[0]!]!].map(
        ({ kind }) => kind.postgresType,
      )
      if (type !== wanted) throw definitionError(where, `the type of the parent's key, ${wanted}`, type)
      if (waitsFor(parent, dataset, datasets))
        throw definitionError(where, 'no circle of references that are deferred', name)
    }
  return datasets
}

const waitsFor = (dataset: Dataset, other: Dataset, datasets: readonly Dataset[]): boolean =>
  dataset.name === other.name
    ? Object.values(other.references).some(({ late }) => late === 'defer')
    : parentsOf(dataset, 'defer', datasets).some((parent) => waitsFor(parent.dataset, other, datasets))

/** Whether all parents of a row are known; a reference that is null has none. `valueIn` is the SQL of the reference. */
export const isKnownSql = (parents: readonly Parent[], valueIn: (parent: Parent) => string): string =>
  parents
    .map((parent) => {
      const { dataset } = parent
      const value = valueIn(parent)
      const key = dataset.key[0]!
      const stone = `EXISTS (SELECT FROM tombstones AS stone WHERE stone.dataset = ${literal(dataset.name)} AND stone.key = ARRAY[${keyTextSql(dataset, key, value)}])`
      return `(${[
        `${value} IS NULL`,
        `EXISTS (SELECT FROM ${identifier(dataset.table)} AS parent WHERE parent.${identifier(key)} = ${value})`,
        ...(dataset.tombstones === 'quarantine' ? [] : [stone]),
      ].join(' OR ')})`
    })
    .join(' AND ')

export const incomingValue = ({ field }: Parent): string => `incoming.${identifier(field)}`
const waitingValue = ({ field, dataset }: Parent): string =>
  `CAST(waiting.row ->> ${literal(field)} AS ${dataset.fields[dataset.key[0]!]!.kind.postgresType})`

/** Put rows of a relation aside whose parents are not all known. Tombstones have no parents. */
export function deferStatement(dataset: Dataset, from: string, parents: readonly Parent[]): string {
  return `INSERT INTO deferred_rows (dataset, row)
SELECT ${literal(dataset.name)}, to_jsonb(incoming) FROM ${from} WHERE NOT (${isKnownSql(parents, incomingValue)})`
}

/** Lock the rows that wait for one of these parents that is known now. Whoever loads another parent of theirs waits here. */
export const lockWaitingStatement = (dataset: Dataset, parents: readonly Parent[]): string =>
  `SELECT FROM deferred_rows AS waiting WHERE dataset = ${literal(dataset.name)} AND ${isKnownSql(parents, waitingValue)} ORDER BY id FOR UPDATE`

/** Move the rows whose parents are all known into their table, as if they came now. */
export const moveStatement = (dataset: Dataset, parents: readonly Parent[]): string =>
  `WITH moved AS (DELETE FROM deferred_rows AS waiting WHERE dataset = ${literal(dataset.name)} AND ${isKnownSql(parents, waitingValue)} RETURNING row)
${upsertStatement(dataset, `(SELECT one.* FROM moved, ${asRecord(dataset, 'moved')}) AS incoming`)}`

const asRecord = (dataset: Dataset, from: string): string =>
  `jsonb_to_record(${from}.row) AS one (${silverColumns(dataset)
    .map(([name, type]) => `${identifier(name)} ${type}`)
    .join(', ')})`

/** What gold makes of silver, as a relation: the rows of the table, or newer ones that wait beside it. */
export function goldSql(dataset: Dataset): string {
  const table = identifier(dataset.table)
  if (!Object.values(dataset.references).some(({ late }) => late === 'defer')) return table
  const key = dataset.key.map(identifier)
  const columns = [...new Set([...key, ...newestColumns(dataset).map(identifier)])]
  const isStanding = dataset.tombstones === 'delete' ? ` AND NOT ${isBuriedSql(dataset, 'one')}` : ''
  const waiting = `SELECT ${columns.map((column) => `one.${column}`).join(', ')} FROM deferred_rows AS waiting, ${asRecord(dataset, 'waiting')} WHERE dataset = ${literal(dataset.name)}${isStanding}`
  const order = [...key, ...newestColumns(dataset).map((column) => `${identifier(column)} DESC`)]
  return `(SELECT DISTINCT ON (${key.join(', ')}) * FROM (SELECT ${columns.join(', ')} FROM ${table} UNION ALL ${waiting}) AS held ORDER BY ${order.join(', ')}) AS held`
}
