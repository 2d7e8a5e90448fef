import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPostgres, type Postgres } from '@cupel/io/postgres'
import { afterAll, inject } from 'vitest'
import { datasets } from '#datasets/index.ts'
import { startPostgres } from '#localstack/postgres/server.ts'
import { migrate } from '#operations/migrate.ts'

const migrations = join(import.meta.dirname, '../../warehouse/migrations')

export type TestServer = {
  /** A database of its own with all migrations applied. Ended with the server. */
  readonly database: () => Promise<Postgres & { readonly url: string }>
  readonly stop: () => Promise<void>
}

/** A real PostgreSQL in a folder of its own, without the safety against power cuts. */
export async function startTestServer(): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'cupel-postgres-'))
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
  const server = await startPostgres({ directory, settings })
  const open: Postgres[] = []
  let made = 0
  const template = openPostgres(server.url.replace(/[^/]*$/, 'template1'))
  for (const file of (await readdir(migrations)).sort())
    await template.query(await readFile(join(migrations, file), 'utf8'))
  await template.end()
  const admin = openPostgres(server.url)
  return {
    async database() {
      const name = `test_${(made += 1)}`
      await admin.query(`CREATE DATABASE ${name}`)
      const url = server.url.replace(/[^/]*$/, name)
      const database = openPostgres(url, { max: 8 })
      open.push(database)
      return { ...database, url }
    },
    async stop() {
      await Promise.all([...open, admin].map((database) => database.end()))
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export type TestDatabase = { readonly url: string; readonly warehouse: Postgres }

/** A migrated database for one test file, with connections of its own; dropped when the file is done. */
export async function makeDatabase({ max = 4 }: { max?: number } = {}): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const server = openPostgres(inject('postgresUrl'))
  await server.query(`CREATE DATABASE ${name}`)
  const url = Object.assign(new URL(inject('postgresUrl')), { pathname: `/${name}` }).href
  const warehouse = openPostgres(url, { max })
  await migrate(warehouse, { directory: migrations, datasets })
  afterAll(async () => {
    await warehouse.end()
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`)
    await server.end()
  })
  return { url, warehouse }
}
