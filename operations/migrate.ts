import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '@cupel/core/dataset'
import { CupelError } from '@cupel/core/errors'
import { createTable } from '@cupel/core/warehouse-sql'
import type { Postgres, Transaction } from '@cupel/io/postgres'

/** A step that was applied: a file of warehouse/migrations, or a dataset's table. Never changed afterwards. */
type Step = { readonly name: string; readonly sql: string }

const lock = 7_283_651 // any number, the same for all of us: one migration at a time in a database

/**
 * Bring the database to what this version needs: the numbered files in order, then each dataset's table. Each step is
 * one transaction with the note that it was applied; two starts at once wait for each other.
 *
 * @returns the names of the steps applied now.
 * @throws {CupelError} MIGRATION_CHANGED when a step that was applied reads differently now.
 */
export async function migrate(
  warehouse: Postgres,
  { directory, datasets }: { directory: string; datasets: readonly Dataset[] },
): Promise<readonly string[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  const steps: Step[] = [
    ...(await Promise.all(
      files.map(async (name) => ({ name, sql: await readFile(join(directory, name), 'utf8') })),
    )),
    ...datasets.map((dataset) => ({ name: `table ${dataset.table}`, sql: createTable(dataset) })),
  ]
  await warehouse.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock($1)', [lock])
    await transaction.query(
      'CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())',
    )
  })
  const applied: string[] = []
  for (const step of steps)
    if (await warehouse.transaction((transaction) => apply(transaction, step))) applied.push(step.name)
  return applied
}

/** How to change what a step made. A dataset's table follows the dataset's file, so its new form is noted by hand. */
const altering = (name: string, sha256: string): string =>
  name.endsWith('.sql')
    ? 'put it back as it was, and alter what it made in a new numbered file in warehouse/migrations'
    : 'a new numbered file in warehouse/migrations with ALTER TABLE IF EXISTS …, and ' +
      `UPDATE migrations SET sha256 = '${sha256}' WHERE name = '${name}'`

async function apply(transaction: Transaction, { name, sql }: Step): Promise<boolean> {
  await transaction.query('SELECT pg_advisory_xact_lock($1)', [lock])
  const sha256 = createHash('sha256').update(sql).digest('hex')
  const { rows } = await transaction.query<{ sha256: string }>(
    'SELECT sha256 FROM migrations WHERE name = $1',
    [name],
  )
  const before = rows[0]
  if (before?.sha256 === sha256) return false
  if (before)
    throw new CupelError(
      'MIGRATION_CHANGED',
      `${name} was applied to this database in another form. On your own machine: npm run reset; ` +
        `where the data must stay: ${altering(name, sha256)}`,
      { retryable: false },
    )
  await transaction.query(sql)
  await transaction.query('INSERT INTO migrations (name, sha256) VALUES ($1, $2)', [name, sha256])
  return true
}
