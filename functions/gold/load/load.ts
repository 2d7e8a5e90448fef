import { writeFile } from 'node:fs/promises'
import type { Dataset } from '@cupel/core/dataset'
import { isEditedKey, parseSilverKey } from '@cupel/core/keys'
import type { RefineCounts } from '@cupel/core/refinement'
import { forEachObject } from '@cupel/core/s3-event'
import type { SilverText } from '@cupel/duckdb/silver-text'
import type { ObjectStore, StoredObject } from '@cupel/io/object-store'
import type { Postgres, Transaction } from '@cupel/io/postgres'
import { type WithFolder, withTemporaryFolder } from '@cupel/io/temporary-folder'
import { merge } from './merge.ts'

export type LoadPorts = {
  readonly lake: Pick<ObjectStore, 'get'>
  readonly warehouse: Pick<Postgres, 'query' | 'transaction'>
  readonly datasets: readonly Dataset[]
  /** Write a silver file as text that PostgreSQL takes, or say why it is not a silver file of this dataset. */
  readonly silverToText: (
    dataset: Dataset,
    files: { parquet: string; text: string },
  ) => Promise<SilverText | { readonly unreadable: string }>
  readonly withFolder?: WithFolder
  readonly warn: (line: string) => void
}
export type LoadResult = {
  readonly objects: number // loaded now
  readonly rows: number // inserted, newer than what stood there, or deleted
  readonly skipped: number // loaded before, gone since, or not of a dataset
  readonly unreadable: number // noted in the ledger, with the reason
  readonly oldestRecordMs: number | null // the least Kafka timestamp in what was loaded now; null of no row
}

/**
 * Load each silver object that an event names into its dataset's table, by an upsert in which an older row never
 * overwrites a newer one.
 *
 * Delivery: the rows and the ledger entry that names the object and its ETag are one transaction, so a second delivery,
 * or a second writer at the same moment, changes nothing. An object that is no silver file, or holds what its table
 * refuses, is noted in the ledger and stops nothing. Throws only when the store or PostgreSQL does; the other objects
 * of the event are loaded all the same, and Lambda retries.
 */
export const makeLoad =
  ({ lake, warehouse, datasets, silverToText, withFolder = withTemporaryFolder, warn }: LoadPorts) =>
  async (event: unknown): Promise<LoadResult> => {
    const outcomes = await forEachObject(event, 'loaded', loadObject)
    const loaded = outcomes.filter((outcome) => typeof outcome === 'object')
    const oldestMs = loaded.flatMap((outcome) => outcome.oldestMs ?? [])
    return {
      objects: loaded.length,
      rows: loaded.reduce((sum, { rows }) => sum + rows, 0),
      skipped: outcomes.filter((outcome) => outcome === 'skipped').length,
      unreadable: outcomes.filter((outcome) => outcome === 'unreadable').length,
      oldestRecordMs: oldestMs.length > 0 ? Math.min(...oldestMs) : null,
    }

    async function loadObject(key: string): Promise<Outcome> {
      const place = parseSilverKey(key)
      const dataset = place && datasets.find(({ silverFolder }) => silverFolder === place.folder)
      const object = dataset && (await lake.get(key))
      if (!dataset || !object) return 'skipped'
      const loaded = await warehouse.query('SELECT FROM ledger WHERE object_key = $1 AND e_tag = $2', [
        key,
        object.eTag,
      ])
      if (loaded.length > 0) return 'skipped'

      return withFolder(async (folder) => {
        const files = { parquet: folder.file('silver.parquet'), text: folder.file('rows') }
        await writeFile(files.parquet, object.body)
        const silver = await silverToText(dataset, files)
        if ('unreadable' in silver) return note({ key, dataset, object }, silver.unreadable)
        const problem = miscounted(object)
        if (problem !== undefined) return note({ key, dataset, object }, problem)
        try {
          return await warehouse.transaction(async (transaction) => {
            if (!(await enterIntoLedger(transaction, { key, dataset, object }))) return 'skipped'
            const brought = { ...silver, file: files.text, isEdit: isEditedKey(key) }
            const rows = await merge(transaction, dataset, brought, datasets)
            return { rows, oldestMs: silver.oldestMs }
          })
        } catch (error) {
          const refused = refusal(error)
          if (refused === undefined) throw error
          return note({ key, dataset, object }, refused)
        }
      })
    }

    /** Nothing of the object is loaded; the ledger says why, and so does a line in the log. */
    async function note(entry: Entry, problem: string): Promise<Outcome> {
      const isNew = await warehouse.transaction((transaction) =>
        enterIntoLedger(transaction, { ...entry, problem }),
      )
      if (!isNew) return 'skipped'
      warn(`${entry.key} is not loaded: ${problem}. Take it away, or put what belongs there in its place`)
      return 'unreadable'
    }
  }

type Outcome = 'skipped' | 'unreadable' | Loaded
type Loaded = { readonly rows: number; readonly oldestMs: number | null }
type Entry = {
  readonly key: string
  readonly dataset: Dataset
  readonly object: StoredObject
  readonly problem?: string
}

/** What the table refuses of a file: its types fit, but not every value. Classes 22 (data) and 23 (integrity). */
function refusal(error: unknown): string | undefined {
  const { code = '', column, constraint } = error as { code?: string; column?: string; constraint?: string }
  if (!/^2[23]...$/.test(code)) return undefined
  const where = column ?? constraint
  return `its table refuses a value${where ? ` (${where})` : ''}: PostgreSQL says ${code}`
}

/** What refine counted; 0 where the object was not made by it. */
const countsOf = ({ metadata }: StoredObject): RefineCounts => {
  const count = (name: string): number => Number(metadata[name] ?? 0)
  return {
    records: count('records'),
    silver: count('silver'),
    quarantined: count('quarantined'),
    duplicates: count('duplicates'),
    warned: count('warned'),
  }
}

function miscounted(object: StoredObject): string | undefined {
  const counts = countsOf(object)
  const { records, silver, quarantined, duplicates, warned } = counts
  const areCounts = Object.values(counts).every((count) => Number.isSafeInteger(count) && count >= 0)
  return areCounts && records === silver + quarantined + duplicates && warned <= silver
    ? undefined
    : 'the counts in its metadata do not add up'
}

/** False when this very object is in the ledger already. Waits for another transaction that is entering it. */
async function enterIntoLedger(
  transaction: Transaction,
  { key, dataset, object, problem }: Entry,
): Promise<boolean> {
  const nothing: RefineCounts = { records: 0, silver: 0, quarantined: 0, duplicates: 0, warned: 0 }
  const counts = miscounted(object) === undefined ? countsOf(object) : nothing
  const { rowCount } = await transaction.query(
    `INSERT INTO ledger (object_key, e_tag, dataset, dataset_version, bronze_key,
                         records, silver, quarantined, duplicates, warned, problem)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     ON CONFLICT (object_key) DO UPDATE
        SET e_tag = excluded.e_tag, dataset_version = excluded.dataset_version, bronze_key = excluded.bronze_key,
            records = excluded.records, silver = excluded.silver, quarantined = excluded.quarantined,
            duplicates = excluded.duplicates, warned = excluded.warned, problem = excluded.problem, loaded_at = excluded.loaded_at
      WHERE ledger.e_tag <> excluded.e_tag`,
    [
      key,
      object.eTag,
      dataset.name,
      object.metadata['dataset-version'] ?? dataset.version,
      object.metadata['bronze-key'] ?? null,
      counts.records,
      counts.silver,
      counts.quarantined,
      counts.duplicates,
      counts.warned,
      problem ?? null,
    ],
  )
  return rowCount === 1
}
