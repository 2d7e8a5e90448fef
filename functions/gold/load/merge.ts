import { readFile } from 'node:fs/promises'
import type { Dataset } from '@cupel/core/dataset'
import { identifier } from '@cupel/core/kinds/strings'
import {
  deferStatement,
  incomingValue,
  isKnownSql,
  lockWaitingStatement,
  moveStatement,
  parentsOf,
  waitingFor,
} from '@cupel/core/references'
import { buryStatement, rememberStatement } from '@cupel/core/tombstones-sql'
import {
  copyColumns,
  type Incoming,
  incomingJson,
  incomingTable,
  upsertStatement,
} from '@cupel/core/warehouse-sql'
import { copyCsv, type Transaction } from '@cupel/io/postgres'

/** The rows of a silver object, as text in a file. */
export type Rows = {
  readonly file: string
  readonly format: 'csv' | 'json'
  readonly tombstones: number // among them
  readonly isEdit: boolean
}

/**
 * Merge rows into their dataset's table; how many of its rows changed. What comes of any rows does not depend on their order
 * of arrival, so locks keep apart who must see what the other wrote: parents from rows that look for them, tombstones from
 * rows of the same table. They are taken from parents to children, and rows within a table in the order of their keys.
 */
export async function merge(
  transaction: Transaction,
  dataset: Dataset,
  rows: Rows,
  datasets: readonly Dataset[],
): Promise<number> {
  const incoming = await bring(transaction, dataset, rows)
  const run = async (sql: string): Promise<number> =>
    (await transaction.query(sql, [...incoming.values])).rowCount ?? 0

  const only = await deferOrphans(transaction, dataset, incoming, datasets)
  if (dataset.tombstones !== 'quarantine') await lockTable(transaction, dataset, rows.tombstones > 0)
  if (rows.tombstones > 0) await run(rememberStatement(dataset, incoming.from))
  let changed = await run(upsertStatement(dataset, incoming.from, { isEdit: rows.isEdit, only }))
  if (rows.tombstones > 0) changed += await run(buryStatement(dataset, incoming.from))
  if (changed > 0 || rows.tombstones > 0) await moveDeferred(transaction, dataset, datasets)
  return changed
}

async function bring(transaction: Transaction, dataset: Dataset, { file, format }: Rows): Promise<Incoming> {
  if (format === 'json') return incomingJson(dataset, await readFile(file, 'utf8'))
  await transaction.query(incomingTable(dataset))
  await copyCsv(transaction, { table: 'incoming', columns: copyColumns(dataset), file })
  return { from: 'incoming', values: [] }
}

/** Rows whose tombstone comes at the same moment must see it, or be seen by it. */
const lockTable = (transaction: Transaction, { table }: Dataset, hasTombstones: boolean) =>
  transaction.query(
    `LOCK TABLE ${identifier(table)} IN ${hasTombstones ? 'SHARE ROW EXCLUSIVE' : 'ROW EXCLUSIVE'} MODE`,
  )

/** Put the rows aside whose parents are not there yet; the condition on the others where there are such. */
async function deferOrphans(
  transaction: Transaction,
  dataset: Dataset,
  { from, values }: Incoming,
  datasets: readonly Dataset[],
): Promise<string | undefined> {
  const parents = parentsOf(dataset, 'defer', datasets)
  if (parents.length === 0) return undefined
  const isKnown = isKnownSql(parents, incomingValue)
  const orphans = await transaction.query(`SELECT FROM ${from} WHERE NOT (${isKnown}) LIMIT 1`, [...values])
  if (orphans.rowCount === 0) return undefined
  const tables = datasets.filter(({ name }) => parents.some((parent) => parent.dataset.name === name))
  await transaction.query(
    `LOCK TABLE ${tables.map(({ table }) => identifier(table)).join(', ')} IN SHARE MODE`,
  )
  await transaction.query(deferStatement(dataset, from, parents), [...values])
  return isKnown
}

/** Move what waited for rows that are there now, and what waited for these. */
async function moveDeferred(
  transaction: Transaction,
  parent: Dataset,
  datasets: readonly Dataset[],
): Promise<void> {
  for (const dataset of waitingFor(parent, datasets)) {
    const parents = parentsOf(dataset, 'defer', datasets)
    const own = parents.filter((each) => each.dataset.name === parent.name)
    const waiting = await transaction.query(lockWaitingStatement(dataset, own))
    if (waiting.rowCount === 0) continue
    if (dataset.tombstones !== 'quarantine') await lockTable(transaction, dataset, false)
    const moved = await transaction.query(moveStatement(dataset, parents))
    if (moved.rowCount) await moveDeferred(transaction, dataset, datasets)
  }
}
