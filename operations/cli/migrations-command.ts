import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPostgres } from '@cupel/io/postgres'
import { datasets, summaries } from '#datasets/index.ts'
import { startPostgres } from '#localstack/postgres/server.ts'
import { applyFiles, compareDatabase, type Difference } from '../migrate.ts'

/**
 * `cupel migrations new`: write the next numbered file from the difference between the files that are there, applied to an
 * empty database of a PostgreSQL of its own, and what the datasets want.
 */
export async function runMigrationsNew(root: string, name = 'datasets'): Promise<number> {
  const directory = join(root, 'warehouse/migrations')
  const differences = await withEmptyDatabase(async (warehouse) => {
    await applyFiles(warehouse, directory)
    return warehouse.transaction((transaction) => compareDatabase(transaction, { datasets, summaries }))
  })
  if (differences.length === 0) {
    console.log('Nothing to write: the files of warehouse/migrations say all that the datasets want')
    return 0
  }
  const numbers = (await readdir(directory)).map((file) => Number.parseInt(file, 10) || 0)
  const file = `${String(Math.max(...numbers, 0) + 1).padStart(3, '0')}-${name}.sql`
  await writeFile(join(directory, file), migrationText(differences))
  console.log(
    `wrote warehouse/migrations/${file} (${differences.map(({ name }) => name).join(', ')}). Read it, decide where it asks, and commit it`,
  )
  return 0
}

/** The file's text. What a person has to decide on stands behind its reason, as a statement that may not run as it is. */
export const migrationText = (differences: readonly Difference[]): string =>
  `${[
    '-- Written by `npx cupel migrations new` from the datasets, to be read before it is committed.',
    ...differences.map(({ name, statements, obstacles }) =>
      [
        `-- ${name}`,
        ...statements.map((statement) => `${statement.replace(/;$/, '')};`),
        ...obstacles.map(({ why, statement }) => `-- Decide: ${why}.\n${statement};`),
      ].join('\n'),
    ),
  ].join('\n\n')}\n`

async function withEmptyDatabase<T>(
  work: (warehouse: ReturnType<typeof openPostgres>) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'cupel-migrations-'))
  try {
    const server = await startPostgres({ directory, settings: { fsync: 'off' } })
    const warehouse = openPostgres(server.url)
    try {
      return await work(warehouse)
    } finally {
      await warehouse.end()
      await server.stop()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
