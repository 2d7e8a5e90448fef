import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { openPostgres, type Postgres } from '@cupel/io/postgres'
import { afterAll, inject } from 'vitest'
import { datasets, summaries } from '#datasets/index.ts'
import { migrate } from '#operations/migrate.ts'

export const migrations = join(import.meta.dirname, '../../warehouse/migrations')

export type TestDatabase = { readonly url: string; readonly warehouse: Postgres }

/** A migrated database for one test file, with connections of its own; dropped when the file is done. */
export async function makeDatabase({
  max = 4,
  empty = false,
}: {
  max?: number
  empty?: boolean
} = {}): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const server = openPostgres(inject('postgresUrl'))
  await server.query(`CREATE DATABASE ${name}`)
  const url = Object.assign(new URL(inject('postgresUrl')), { pathname: `/${name}` }).href
  const warehouse = openPostgres(url, { max })
  if (!empty) await migrate(warehouse, { directory: migrations, datasets, summaries, follow: true })
  afterAll(async () => {
    await warehouse.end()
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`)
    await server.end()
  })
  return { url, warehouse }
}
