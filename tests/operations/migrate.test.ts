import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from '@cupel/core/kinds'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { datasets } from '#datasets/index.ts'
import { migrate } from '#operations/migrate.ts'
import { makeDatabase, type TestDatabase } from '../support/postgres.ts'

describe('migrate', () => {
  let database: TestDatabase
  let other: TestDatabase
  let directory: string
  beforeAll(async () => {
    database = await makeDatabase()
    other = await makeDatabase()
    directory = await mkdtemp(join(tmpdir(), 'cupel-migrations-'))
  })
  afterAll(() => rm(directory, { recursive: true }))
  const file = (name: string, sql: string) => writeFile(join(directory, name), sql)

  it('makes a table for each dataset', async () => {
    const tables = await database.warehouse.query<{ table_name: string }>(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
    )
    expect(tables.map((row) => row.table_name)).toEqual(
      expect.arrayContaining(datasets.map(({ table }) => table)),
    )
  })

  it('applies a step once, also when two starts race', async () => {
    await file('900-once.sql', 'CREATE TABLE once (x int)')
    const runs = await Promise.all([1, 2].map(() => migrate(database.warehouse, { directory, datasets: [] })))
    expect(runs.flat()).toEqual(['900-once.sql'])
    expect(await migrate(database.warehouse, { directory, datasets: [] })).toEqual([])
  })

  it('refuses a step that reads differently than when it was applied, and says what to do', async () => {
    await file('900-once.sql', 'CREATE TABLE once (x bigint)')
    await expect(migrate(database.warehouse, { directory, datasets: [] })).rejects.toMatchObject({
      code: 'MIGRATION_CHANGED',
      message: expect.stringContaining('npm run reset'),
    })
    await file('900-once.sql', 'CREATE TABLE once (x int)')
  })

  it('takes the new form of a table once a file alters it as the refusal says, in old and new databases', async () => {
    const { fields, ...rest } = datasets.find(({ name }) => name === 'merchants')!
    const before = { ...rest, table: 'altered', fields }
    const after = { ...before, fields: { ...fields, site: text('Its web site.', { optional: true }) } }
    await migrate(database.warehouse, { directory, datasets: [before] })
    const refusal: Error = await migrate(database.warehouse, { directory, datasets: [after] }).catch(
      (error) => error,
    )
    const noted = /UPDATE migrations .*/.exec(refusal.message)?.[0]
    await file('902-site.sql', `ALTER TABLE IF EXISTS altered ADD COLUMN site text; ${noted}`)
    expect(await migrate(database.warehouse, { directory, datasets: [after] })).toEqual(['902-site.sql'])

    expect(await migrate(other.warehouse, { directory, datasets: [after] })).toContain('table altered')
  })

  it('leaves nothing of a step that fails', async () => {
    await file('901-half.sql', 'CREATE TABLE half (x int); SELECT 1 / 0')
    await expect(migrate(database.warehouse, { directory, datasets: [] })).rejects.toThrow('division by zero')
    await file('901-half.sql', 'CREATE TABLE half (x int)')
    expect(await migrate(database.warehouse, { directory, datasets: [] })).toEqual(['901-half.sql'])
  })
})
