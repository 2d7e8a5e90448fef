import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '@cupel/core/dataset'
import { CupelError } from '@cupel/core/errors'
import { identifier } from '@cupel/core/kinds/strings'
import type { Summary } from '@cupel/core/summary'
import { createSummaries, summariesByDataset } from '@cupel/core/summary-sql'
import { commentStatements, createTable } from '@cupel/core/warehouse-sql'
import type { Postgres, Transaction } from '@cupel/io/postgres'
import { compareTables, type Table } from './table-difference.ts'

/** A step that is applied once: a file of warehouse/migrations, a dataset's table, or what is derived and made anew. */
type Step = {
  readonly name: string
  readonly sql: string
  readonly dataset?: Dataset
  readonly again?: true // the SQL drops what it made before
}

const lock = 7_283_651 // any number, the same for all of us: one migration at a time in a database

/**
 * Bring the database to what this version needs: the numbered files in order, then each dataset's table, then the
 * summaries, which are made anew when they changed. Each step is one transaction with the note that it was applied; two starts at once wait for each other. A table whose dataset
 * changed is altered when no row that is there could be in the way.
 *
 * @returns the names of the steps applied now.
 * @throws {CupelError} MIGRATION_CHANGED when a file that was applied reads differently now, and TABLE_DIFFERS when a
 * table has to be altered by hand; both say how.
 */
export async function migrate(
  warehouse: Postgres,
  {
    directory,
    datasets,
    summaries = [],
  }: { directory: string; datasets: readonly Dataset[]; summaries?: readonly Summary[] },
): Promise<readonly string[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  const steps: Step[] = [
    ...(await Promise.all(
      files.map(async (name) => ({ name, sql: await readFile(join(directory, name), 'utf8') })),
    )),
    ...datasets.map((dataset) => ({ name: `table ${dataset.table}`, sql: createTable(dataset), dataset })),
    ...[...summariesByDataset(summaries)].map(([from, all]) => ({
      name: `summaries of ${from.table}`,
      sql: createSummaries(from, all),
      again: true as const,
    })),
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

async function apply(transaction: Transaction, { name, sql, dataset, again }: Step): Promise<boolean> {
  await transaction.query('SELECT pg_advisory_xact_lock($1)', [lock])
  const sha256 = createHash('sha256').update(sql).digest('hex')
  const { rows } = await transaction.query<{ sha256: string }>(
    'SELECT sha256 FROM migrations WHERE name = $1',
    [name],
  )
  const before = rows[0]
  if (before?.sha256 === sha256) return false
  if (!before || again) await transaction.query(sql)
  else if (dataset) await alter(transaction, dataset)
  else
    throw new CupelError(
      'MIGRATION_CHANGED',
      `${name} was applied to this database in another form. On your own machine: npm run reset; where the data must ` +
        'stay: put it back as it was, and alter what it made in a new numbered file in warehouse/migrations',
      { retryable: false },
    )
  await transaction.query(
    `INSERT INTO migrations (name, sha256) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, applied_at = now()`,
    [name, sha256],
  )
  return true
}

/** Make a table that is there fit its dataset, or say what has to be done by hand first. */
async function alter(transaction: Transaction, dataset: Dataset): Promise<void> {
  const { additions, obstacles } = compareTables(
    dataset.table,
    await describeTable(transaction, dataset.table),
    await describeWanted(transaction, dataset),
  )
  if (obstacles.length > 0)
    throw new CupelError(
      'TABLE_DIFFERS',
      `table ${dataset.table} cannot be altered to fit its dataset without you: ${obstacles.join('; ')}. ` +
        'Where the data must stay: put what you decide into a new numbered file in warehouse/migrations. ' +
        'On your own machine: npm run reset',
      { retryable: false },
    )
  for (const statement of [...additions, ...commentStatements(dataset)]) await transaction.query(statement)
}

/** The table as the dataset wants it, in PostgreSQL's own words: made for a moment, for this session only. */
async function describeWanted(transaction: Transaction, dataset: Dataset): Promise<Table> {
  const [{ path }] = (
    await transaction.query<{ path: string }>("SELECT current_setting('search_path') AS path")
  ).rows as [{ path: string }]
  await transaction.query("SELECT set_config('search_path', 'pg_temp', true)")
  await transaction.query(createTable(dataset))
  const wanted = await describeTable(transaction, dataset.table)
  await transaction.query(`DROP TABLE pg_temp.${identifier(dataset.table)}`)
  await transaction.query("SELECT set_config('search_path', $1, true)", [path])
  return wanted
}

async function describeTable(transaction: Transaction, table: string): Promise<Table> {
  const { rows: columns } = await transaction.query<Table['columns'][number]>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required
     FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [identifier(table)],
  )
  const { rows: constraints } = await transaction.query<Table['constraints'][number]>(
    `SELECT conname AS name, pg_get_constraintdef(oid) AS definition,
       ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)) AS columns
     FROM pg_constraint WHERE conrelid = $1::regclass AND contype IN ('c', 'p') ORDER BY conname`,
    [identifier(table)],
  )
  return { columns, constraints }
}
