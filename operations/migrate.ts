import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '@cupel/core/dataset'
import { CupelError } from '@cupel/core/errors'
import { identifier, literal } from '@cupel/core/kinds/strings'
import type { Summary } from '@cupel/core/summary'
import { createSummaries, summariesByDataset } from '@cupel/core/summary-sql'
import { commentStatements, createTable } from '@cupel/core/warehouse-sql'
import type { Postgres, Transaction } from '@cupel/io/postgres'
import { compareTables, type Obstacle, type Table } from './table-difference.ts'

/** What makes the database what the datasets want, a part at a time: a dataset's table, or all summaries of a dataset. */
export type Difference = {
  readonly name: string
  readonly statements: readonly string[] // that no row which is there can be in the way of
  readonly obstacles: readonly Obstacle[]
}
export type Migrated = {
  readonly applied: readonly string[] // files
  readonly followed: readonly string[] // what the files do not say yet
}
type Wanted = { readonly datasets: readonly Dataset[]; readonly summaries?: readonly Summary[] }

const lock = 7_283_651 // any number, the same for all of us: one migration at a time in a database

/**
 * Bring the database to what this version needs: the numbered files in order, each in one transaction with the note that it
 * was applied; two starts at once wait for each other. Then the database's own catalog is compared with what the
 * datasets want. What differs is refused; with `follow`, as on one's own machine, the database follows the datasets where
 * no row that is there could be in the way.
 *
 * @throws {CupelError} MIGRATION_CHANGED when a file that was applied reads differently now, DRIFT when the files do not
 * say what the datasets want, TABLE_DIFFERS when a person has to decide; all say what to do.
 */
export async function migrate(
  warehouse: Pick<Postgres, 'transaction'>,
  { directory, follow, ...wanted }: Wanted & { readonly directory: string; readonly follow: boolean },
): Promise<Migrated> {
  const applied = await applyFiles(warehouse, directory)
  const followed = await warehouse.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock($1)', [lock])
    const differences = await compareDatabase(transaction, wanted)
    const refused = refusal(differences, follow)
    if (refused) throw refused
    for (const statement of differences.flatMap(({ statements }) => statements))
      await transaction.query(statement)
    return differences.map(({ name }) => name)
  })
  return { applied, followed }
}

/** The numbered files that were not applied yet, applied. */
export async function applyFiles(
  warehouse: Pick<Postgres, 'transaction'>,
  directory: string,
): Promise<readonly string[]> {
  await warehouse.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock($1)', [lock])
    await transaction.query(
      'CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())',
    )
  })
  const applied: string[] = []
  for (const name of (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()) {
    const sql = await readFile(join(directory, name), 'utf8')
    if (await warehouse.transaction((transaction) => apply(transaction, name, sql))) applied.push(name)
  }
  return applied
}

async function apply(transaction: Transaction, name: string, sql: string): Promise<boolean> {
  await transaction.query('SELECT pg_advisory_xact_lock($1)', [lock])
  const before = await noted(transaction, name)
  const now = sha256(sql)
  if (before === now) return false
  if (before)
    throw new CupelError(
      'MIGRATION_CHANGED',
      `${name} was applied to this database in another form. On your own machine: npm run reset; where the data must ` +
        'stay: put it back as it was, and alter what it made in a new numbered file in warehouse/migrations',
      { retryable: false },
    )
  await transaction.query(sql)
  await transaction.query(noteStatement(name, now))
  return true
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

async function noted(transaction: Transaction, name: string): Promise<string | undefined> {
  const { rows } = await transaction.query<{ sha256: string }>(
    'SELECT sha256 FROM migrations WHERE name = $1',
    [name],
  )
  return rows[0]?.sha256
}

const noteStatement = (name: string, sha: string): string =>
  `INSERT INTO migrations (name, sha256) VALUES (${literal(name)}, ${literal(sha)}) ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, applied_at = now()`

/** Where the database is not what the datasets want. Summaries hold nothing of their own: they are made anew when changed. */
export async function compareDatabase(
  transaction: Transaction,
  { datasets, summaries = [] }: Wanted,
): Promise<readonly Difference[]> {
  const differences: Difference[] = []
  for (const dataset of datasets) differences.push(await compareTable(transaction, dataset))
  for (const [from, all] of summariesByDataset(summaries)) {
    const name = `summaries of ${from.table}`
    const script = createSummaries(from, all)
    const isThere = (await noted(transaction, name)) === sha256(script)
    const statements = isThere ? [] : [script, noteStatement(name, sha256(script))]
    differences.push({ name, statements, obstacles: [] })
  }
  return differences.filter(({ statements, obstacles }) => statements.length + obstacles.length > 0)
}

async function compareTable(transaction: Transaction, dataset: Dataset): Promise<Difference> {
  const name = `table ${dataset.table}`
  const present = await describeTable(transaction, dataset.table)
  if (present.columns.length === 0)
    return {
      name,
      statements: [createTable(dataset).replaceAll(/CREATE (TABLE|INDEX) /g, 'CREATE $1 IF NOT EXISTS ')],
      obstacles: [],
    }
  const wanted = await describeWanted(transaction, dataset)
  const { additions, obstacles } = compareTables(dataset.table, present, wanted)
  const comments =
    present.comments === wanted.comments && additions.length === 0 ? [] : commentStatements(dataset)
  return { name, statements: [...additions, ...comments], obstacles }
}

function refusal(differences: readonly Difference[], follow: boolean): CupelError | undefined {
  const hindered = differences.filter(({ obstacles }) => obstacles.length > 0)
  if (hindered.length > 0)
    return new CupelError(
      'TABLE_DIFFERS',
      `${hindered
        .map(
          ({ name, obstacles }) =>
            `${name} cannot be altered to fit its dataset without you: ${obstacles.map(({ why, statement }) => `${why}: ${statement}`).join('; ')}`,
        )
        .join(
          '. ',
        )}. Where the data must stay: npx cupel migrations new writes this into a numbered file, in which ` +
        'you decide. On your own machine: npm run reset',
      { retryable: false },
    )
  if (follow || differences.length === 0) return undefined
  return new CupelError(
    'DRIFT',
    `the database is not what the datasets want: ${differences.map(({ name }) => name).join(', ')}. npx cupel migrations ` +
      'new writes what is missing into a numbered file in warehouse/migrations; where it writes none, somebody altered the database',
    { retryable: false },
  )
}

type Described = Table & { readonly comments: string }

/** The table as the dataset wants it, in PostgreSQL's own words: made for a moment, for this session only. */
async function describeWanted(transaction: Transaction, dataset: Dataset): Promise<Described> {
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

/** Without columns where there is none. */
async function describeTable(transaction: Transaction, table: string): Promise<Described> {
  const { rows: columns } = await transaction.query<Table['columns'][number]>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required
     FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [identifier(table)],
  )
  const { rows: constraints } = await transaction.query<Table['constraints'][number]>(
    `SELECT conname AS name, pg_get_constraintdef(oid) AS definition,
       ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)) AS columns
     FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype IN ('c', 'p', 'u') ORDER BY conname`,
    [identifier(table)],
  )
  const { rows: comments } = await transaction.query<{ all: string | null }>(
    `SELECT json_agg(json_build_array(attname, description) ORDER BY attname)::text AS "all"
     FROM pg_description LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid
     WHERE classoid = 'pg_class'::regclass AND objoid = to_regclass($1)`,
    [identifier(table)],
  )
  return { columns, constraints, comments: comments[0]?.all ?? '' }
}
