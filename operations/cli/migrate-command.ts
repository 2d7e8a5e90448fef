import { join } from 'node:path'
import { readSettings } from '@cupel/core/settings'
import { openPostgres } from '@cupel/io/postgres'
import { datasets, summaries } from '#datasets/index.ts'
import { migrate } from '../migrate.ts'
import { Failure } from './failure.ts'

export async function runMigrate(root: string): Promise<number> {
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
    const applied = await migrate(warehouse, {
      directory: join(root, 'warehouse/migrations'),
      datasets,
      summaries,
    })
    console.log(applied.length > 0 ? `Database: applied ${applied.join(', ')}` : 'Database: up to date')
    return 0
  } finally {
    await warehouse.end()
  }
}
