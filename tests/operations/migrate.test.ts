import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dataset, Fields } from '@cupel/core/dataset'
import { country, integer, text } from '@cupel/core/kinds'
import { createTable } from '@cupel/core/warehouse-sql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { datasets, summaries } from '#datasets/index.ts'
import { migrationText } from '#operations/cli/migrations-command.ts'
import { compareDatabase, migrate } from '#operations/migrate.ts'
import { makeDatabase, migrations, type TestDatabase } from '../support/postgres.ts'

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
  const run = async (datasets: readonly Dataset[], where = database) => {
    const { applied, followed } = await migrate(where.warehouse, { directory, datasets, follow: true })
    return [...applied, ...followed]
  }
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
    const runs = await Promise.all([1, 2].map(() => run([])))
    expect(runs.flat()).toEqual(['900-once.sql'])
    expect(await run([])).toEqual([])
  })

  it('refuses a step that reads differently than when it was applied, and says what to do', async () => {
    await file('900-once.sql', 'CREATE TABLE once (x bigint)')
    await expect(run([])).rejects.toMatchObject({
      code: 'MIGRATION_CHANGED',
      message: expect.stringContaining('npm run reset'),
    })
    await file('900-once.sql', 'CREATE TABLE once (x int)')
  })

  describe('of a table whose dataset changed', () => {
    const { fields, ...rest } = datasets.find(({ name }) => name === 'merchants')!
    const merchants = (table: string, changed: Fields = {}, without = '') => {
      const kept = Object.entries({ ...fields, ...changed }).filter(([name]) => name !== without)
      return { ...rest, table, fields: Object.fromEntries(kept) }
    }
    const describeColumn = async (table: string, column: string) =>
      (
        await database.warehouse.query(
          `SELECT data_type AS type, is_nullable AS nullable, col_description($1::regclass, ordinal_position) AS comment
           FROM information_schema.columns WHERE table_name = $2 AND column_name = $3`,
          [table, table, column],
        )
      )[0]

    it('adds optional fields with their checks, and changes comments, once', async () => {
      await run([merchants('grown')])
      const after = merchants('grown', {
        site: text('Its web site.', { optional: true }),
        home: country('Where it is registered.', { optional: true }),
        name: text('The name above its door.', { max: 200 }),
      })
      expect(await run([after])).toEqual(['table grown'])
      expect(await run([after])).toEqual([])
      expect(await describeColumn('grown', 'site')).toEqual({
        type: 'text',
        nullable: 'YES',
        comment: 'Its web site.',
      })
      expect(await describeColumn('grown', 'name')).toMatchObject({ comment: 'The name above its door.' })
      await database.warehouse.transaction(async (transaction) => {
        await transaction.query(createTable({ ...after, table: 'grown_anew' }))
        const checks = (table: string) =>
          transaction.query(
            "SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'c' ORDER BY 1",
            [table],
          )
        expect((await checks('grown')).rows).toEqual((await checks('grown_anew')).rows)
      })
    })

    it('takes null where a field became optional', async () => {
      await run([merchants('loose', { site: text('Its web site.') })])
      expect(await run([merchants('loose', { site: text('Its web site.', { optional: true }) })])).toEqual([
        'table loose',
      ])
      expect(await describeColumn('loose', 'site')).toMatchObject({ nullable: 'YES' })
    })

    it.each<[string, Dataset, string]>([
      [
        'a required field',
        merchants('refused', { site: text('Its web site.') }),
        'site is new and required, and rows that are there have none: make it optional, or say what they get: ALTER TABLE IF EXISTS "refused" ADD COLUMN "site" text NOT NULL DEFAULT …',
      ],
      [
        'a field of another type',
        merchants('refused', { name: integer('A number.') }),
        'name is text and should be bigint: ALTER TABLE IF EXISTS "refused" ALTER COLUMN "name" TYPE bigint USING "name"::bigint',
      ],
      [
        'a field that is gone',
        merchants('refused', {}, 'name'),
        'name is no field any more: ALTER TABLE IF EXISTS "refused" DROP COLUMN "name"',
      ],
    ])('changes nothing for %s, and says what to do', async (_, after, obstacle) => {
      await run([merchants('refused')])
      await expect(run([after])).rejects.toMatchObject({
        code: 'TABLE_DIFFERS',
        message: expect.stringContaining(obstacle),
      })
      expect(await run([merchants('refused')])).toEqual([])
    })

    it('goes on when a numbered file did what it said, in old and new databases', async () => {
      await run([merchants('altered')])
      const after = merchants('altered', {}, 'name')
      const refusal: Error = await run([after]).then(Promise.reject, (error) => error)
      const statement = /ALTER TABLE [^;.]*/.exec(refusal.message)![0]
      await file('902-altered.sql', statement)
      expect(await run([after])).toEqual(['902-altered.sql'])
      expect(await run([after], other)).toContain('table altered')
    })
  })

  describe('of the committed files', () => {
    const wanted = { datasets, summaries }

    it('makes of an empty database exactly what the datasets want: else run npx cupel migrations new', async () => {
      const { warehouse } = await makeDatabase({ empty: true })
      await migrate(warehouse, { directory: migrations, follow: false, ...wanted })
    })

    it('refuses a database that somebody altered, and tells where', async () => {
      const { warehouse } = await makeDatabase({ empty: true })
      await migrate(warehouse, { directory: migrations, follow: false, ...wanted })
      await warehouse.query("ALTER TABLE transactions DROP COLUMN device; COMMENT ON TABLE users IS 'mine'")
      await expect(
        migrate(warehouse, { directory: migrations, follow: false, ...wanted }),
      ).rejects.toMatchObject({
        code: 'DRIFT',
        message: expect.stringContaining('table users, table transactions'),
      })
    })

    it('are followed by one that says what the datasets want now, also where the database followed them before', async () => {
      const home = text('Its web site.', { optional: true })
      const grown = datasets.map((each) =>
        each.name === 'merchants' ? { ...each, fields: { ...each.fields, home } } : each,
      )
      const changed = { datasets: grown, summaries: summaries.slice(0, 1) }
      const [fresh, followed] = await Promise.all([
        makeDatabase({ empty: true }),
        makeDatabase({ empty: true }),
      ])
      for (const { warehouse } of [fresh, followed])
        await migrate(warehouse, { directory: migrations, follow: false, ...wanted })
      const look = ({ warehouse }: TestDatabase) =>
        warehouse.transaction((transaction) => compareDatabase(transaction, changed))
      const file = migrationText(await look(fresh))
      await migrate(followed.warehouse, { directory: migrations, follow: true, ...changed })
      for (const database of [fresh, followed]) {
        await database.warehouse.query(file)
        expect(await look(database)).toEqual([])
      }
    })

    it('leave to a person what rows could be in the way of', () => {
      const why = 'site is new and required'
      expect(
        migrationText([{ name: 'table a', statements: [], obstacles: [{ why, statement: 'ALTER …' }] }]),
      ).toContain('-- Decide: site is new and required.\nALTER …;')
    })
  })

  it('leaves nothing of a step that fails', async () => {
    await file('901-half.sql', 'CREATE TABLE half (x int); SELECT 1 / 0')
    await expect(run([])).rejects.toThrow('division by zero')
    await file('901-half.sql', 'CREATE TABLE half (x int)')
    expect(await run([])).toEqual(['901-half.sql'])
  })
})
