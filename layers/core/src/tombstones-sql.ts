/**
 * Tombstones in gold. The newest one of each key is kept in the table `tombstones` for ever, so that an older row that
 * comes late does not bring back what was deleted.
 */
import type { Dataset } from './dataset.ts'
import { identifier, literal } from './kinds/strings.ts'
import { newestColumns } from './silver-sql.ts'

/** The business key of a row as text, whatever its kinds: how `tombstones` names it. */
const keySql = (dataset: Dataset, row: string): string =>
  `ARRAY[${dataset.key.map((field) => keyTextSql(dataset, field, `${row}.${identifier(field)}`)).join(', ')}]`

/** Text that no setting of a session changes. */
export const keyTextSql = ({ fields }: Dataset, field: string, value: string): string =>
  fields[field]!.kind.name === 'timestamp'
    ? `CAST(${value} AT TIME ZONE 'UTC' AS text)`
    : `CAST(${value} AS text)`

/** Where a row stands in the order of events; `tombstones` holds instants, a day counts from its midnight in UTC. */
function orderSql(dataset: Dataset, row: string): string {
  const [orderBy, ...lineage] = newestColumns(dataset).map((column) => `${row}.${identifier(column)}`)
  const isDate = dataset.fields[dataset.orderBy]!.kind.name === 'date'
  const at = isDate ? `CAST(${orderBy} AS timestamp) AT TIME ZONE 'UTC'` : orderBy
  return `(${[at, ...lineage].join(', ')})`
}

const stoneOrder = '(stone.order_at, stone._timestamp_ms, stone._partition, stone._offset)'
const stoneOf = (dataset: Dataset, row: string): string =>
  `stone.dataset = ${literal(dataset.name)} AND stone.key = ${keySql(dataset, row)}`

/** Whether a tombstone is known that is newer than the row. */
export const isBuriedSql = (dataset: Dataset, row: string): string =>
  `EXISTS (SELECT FROM tombstones AS stone WHERE ${stoneOf(dataset, row)} AND ${stoneOrder} > ${orderSql(dataset, row)})`

/** Remember the tombstones among the rows of a relation that goes by the name of `incoming`. */
export function rememberStatement(dataset: Dataset, from: string): string {
  const order = orderSql(dataset, 'incoming')
  return `INSERT INTO tombstones AS stone (dataset, key, order_at, _timestamp_ms, _partition, _offset)
SELECT DISTINCT ON (2) ${literal(dataset.name)}, ${keySql(dataset, 'incoming')}, ${order.slice(1, -1)} FROM ${from} WHERE "_deleted"
ORDER BY 2, 3 DESC, 4 DESC, 5 DESC, 6 DESC
ON CONFLICT (dataset, key) DO UPDATE
SET order_at = excluded.order_at, _timestamp_ms = excluded._timestamp_ms, _partition = excluded._partition, _offset = excluded._offset
WHERE ${stoneOrder.replaceAll('stone.', 'excluded.')} > ${stoneOrder}`
}

/** Delete, or mark, the rows that stand in the table and are older than the tombstones among the rows of a relation. */
export function buryStatement(dataset: Dataset, from: string): string {
  const table = identifier(dataset.table)
  const stone = `${stoneOf(dataset, 'present')} AND ${stoneOrder} > ${orderSql(dataset, 'present')}`
  const key = dataset.key.map(identifier)
  const named = `(${key.map((column) => `present.${column}`).join(', ')}) IN (SELECT ${key.join(', ')} FROM ${from} WHERE "_deleted")`
  return dataset.tombstones === 'delete'
    ? `DELETE FROM ${table} AS present USING tombstones AS stone WHERE ${stone} AND ${named}`
    : `UPDATE ${table} AS present SET "_deleted" = true, "_loaded_at" = clock_timestamp() FROM tombstones AS stone WHERE ${stone} AND ${named} AND NOT present."_deleted"`
}
