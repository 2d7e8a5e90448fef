import { readFile } from 'node:fs/promises'
import type { Dataset } from '@cupel/core/dataset'
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
  readonly isEdit: boolean
}

/** Merge rows into their dataset's table; how many of its rows changed. */
export async function merge(transaction: Transaction, dataset: Dataset, rows: Rows): Promise<number> {
  const { from, values } = await bring(transaction, dataset, rows)
  const upsert = upsertStatement(dataset, from, rows)
  return (await transaction.query(upsert, [...values])).rowCount ?? 0
}

async function bring(transaction: Transaction, dataset: Dataset, { file, format }: Rows): Promise<Incoming> {
  if (format === 'json') return incomingJson(dataset, await readFile(file, 'utf8'))
  await transaction.query(incomingTable(dataset))
  await copyCsv(transaction, { table: 'incoming', columns: copyColumns(dataset), file })
  return { from: 'incoming', values: [] }
}
