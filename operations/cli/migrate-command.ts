import { join } from 'node:path'
import { readSettings } from '@cupel/core/settings'
import { openPostgres } from '@cupel/io/postgres'
import { datasets, summaries } from '#datasets/index.ts'
import { migrate } from '../migrate.ts'
import { Failure } from './failure.ts'

/** Apply the numbered files, and check that the database is what the datasets want. `follow`: make it so, as far as it goes. */
export async function runMigrate(root: string, { follow = false }: { follow?: boolean }): Promise<number> {
  const settings = readSettings(process.env, (from) => ({
    databaseUrl: from.url('DATABASE_URL', ['postgres:', 'postgresql:']),
  }))
  const warehouse = openPostgres(settings.databaseUrl)
  try {
    await warehouse.query('SELECT 1').catch((cause) => {
      throw new Failure(
        `cannot use the database at DATABASE_URL (${cause.message}): start it, correct the address, ` +
          'or unset DATABASE_URL for the embedded one',
      )
    })
    const { applied, followed } = await migrate(warehouse, {
      directory: join(root, 'warehouse/migrations'),
      datasets,
      summaries,
      follow,
    })
    if (applied.length > 0) console.log(`Database: applied ${applied.join(', ')}`)
    if (followed.length > 0)
      console.log(
        `Database: applied ${followed.join(', ')} as the datasets are now; before you commit: npx cupel migrations new`,
      )
    if (applied.length + followed.length === 0) console.log('Database: up to date')
    return 0
  } finally {
    await warehouse.end()
  }
}
