import { writeFile } from 'node:fs/promises'
import type { Dataset } from '@cupel/core/dataset'
import { parseSilverKey } from '@cupel/core/keys'
import { decodeS3Event } from '@cupel/core/s3-event'
import { copyColumns, upsertStatement } from '@cupel/core/warehouse-sql'
import type { ObjectStore, StoredObject } from '@cupel/io/object-store'
import { copyCsv, type Postgres, type Transaction } from '@cupel/io/postgres'
import { withTemporaryFolder } from '@cupel/io/temporary-folder'

export type LoadPorts = {
  readonly lake: Pick<ObjectStore, 'get'>
  readonly warehouse: Pick<Postgres, 'query' | 'transaction'>
  readonly datasetOf: (silverFolder: string) => Dataset | undefined
  /** Write a silver file as CSV in the order of `copyColumns`, or say why it is not a silver file of this dataset. */
  readonly parquetToCsv: (
    dataset: Dataset,
    files: { parquet: string; csv: string },
  ) => Promise<{ unreadable?: string }>
}
export type LoadResult = {
  readonly objects: number // loaded now
  readonly rows: number // inserted, or newer than what stood there
  readonly skipped: number // loaded before, gone since, or not of a dataset
  readonly unreadable: number // noted in the ledger, with the reason
}

/**
 * Load each silver object that an event names into its dataset's table: COPY, then an upsert in which an older row
 * never overwrites a newer one.
 *
 * Delivery: the rows and the ledger entry that names the object and its ETag are one transaction, so a second delivery,
 * or a second writer at the same moment, changes nothing. An object that is no silver file is noted in the ledger and
 * stops nothing. Throws only when the store or PostgreSQL does; Lambda retries.
 */
export const makeLoad =
  ({ lake, warehouse, datasetOf, parquetToCsv }: LoadPorts) =>
  async (event: unknown): Promise<LoadResult> => {
    const total = { objects: 0, rows: 0, skipped: 0, unreadable: 0 }
    for (const { key } of decodeS3Event(event)) {
      const outcome = await loadObject(key)
      if (typeof outcome === 'string') total[outcome]++
      else {
        total.objects++
        total.rows += outcome.rows
      }
    }
    return total

    async function loadObject(key: string): Promise<'skipped' | 'unreadable' | { rows: number }> {
      const place = parseSilverKey(key)
      const dataset = place && datasetOf(place.folder)
      const object = dataset && (await lake.get(key))
      if (!dataset || !object) return 'skipped'
      const loaded = await warehouse.query('SELECT FROM ledger WHERE object_key = $1 AND e_tag = $2', [
        key,
        object.eTag,
      ])
      if (loaded.length > 0) return 'skipped'

      return withTemporaryFolder(async (folder) => {
        const files = { parquet: folder.file('silver.parquet'), csv: folder.file('rows.csv') }
        await writeFile(files.parquet, object.body)
        const { unreadable } = await parquetToCsv(dataset, files)
        return warehouse.transaction(async (transaction) => {
          const entry = { key, dataset, object, problem: unreadable }
          if (!(await enterIntoLedger(transaction, entry))) return 'skipped'
          if (unreadable !== undefined) return 'unreadable'
          return { rows: await upsert(transaction, dataset, files.csv) }
        })
      })
    }
  }

/** False when this very object is in the ledger already. Waits for another transaction that is entering it. */
async function enterIntoLedger(
  transaction: Transaction,
  entry: { key: string; dataset: Dataset; object: StoredObject; problem: string | undefined },
): Promise<boolean> {
  const { metadata, eTag } = entry.object
  const count = (name: string): number => Number(metadata[name] ?? 0)
  const { rowCount } = await transaction.query(
    `INSERT INTO ledger (object_key, e_tag, dataset, dataset_version, bronze_key,
                         records, silver, quarantined, duplicates, problem)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     ON CONFLICT (object_key) DO UPDATE
        SET e_tag = excluded.e_tag, dataset_version = excluded.dataset_version, bronze_key = excluded.bronze_key,
            records = excluded.records, silver = excluded.silver, quarantined = excluded.quarantined,
            duplicates = excluded.duplicates, problem = excluded.problem, loaded_at = excluded.loaded_at
      WHERE ledger.e_tag <> excluded.e_tag`,
    [
      entry.key,
      eTag,
      entry.dataset.name,
      metadata['dataset-version'] ?? entry.dataset.version,
      metadata['bronze-key'] ?? null,
      count('records'),
      count('silver'),
      count('quarantined'),
      count('duplicates'),
      entry.problem ?? null,
    ],
  )
  return rowCount === 1
}

async function upsert(transaction: Transaction, dataset: Dataset, csv: string): Promise<number> {
  await transaction.query(
    `CREATE TEMPORARY TABLE incoming (LIKE ${dataset.table} INCLUDING DEFAULTS) ON COMMIT DROP`,
  )
  await copyCsv(transaction, { table: 'incoming', columns: copyColumns(dataset), file: csv })
  const { rowCount } = await transaction.query(upsertStatement(dataset, 'incoming'))
  return rowCount ?? 0
}
