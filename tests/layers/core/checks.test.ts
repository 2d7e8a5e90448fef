import { type Check, checkQuery } from '@cupel/core/checks'
import { beforeAll, describe, expect, it } from 'vitest'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await makeDatabase()
  await database.warehouse.query(
    `CREATE TABLE sales AS SELECT * FROM (VALUES
       (1, 'view', NULL::numeric, timestamptz '2026-11-01 10:00+00'),
       (2, 'purchase', 12.50, timestamptz '2026-11-01 11:00+00'),
       (3, 'purchase', NULL, timestamptz '2026-11-01 12:00+00'),
       (3, 'view', 70000, timestamptz '2026-11-01 11:30+00')) AS sales (id, action, price, at)`,
  )
})

const ask = async (check: Check, { table = 'sales', now = '2026-11-01T13:00:00Z' } = {}) => {
  const { name, sql } = checkQuery({ table }, check, now)
  const [row] = await database.warehouse.query<{ failing: string; seen: string }>(sql)
  return [name, Number(row!.failing), row!.seen]
}

describe('a check of a table', () => {
  it('counts rows', async () => {
    expect(await ask({ rows: { min: 4 } })).toEqual(['4 rows or more', 0, '4 rows'])
    expect(await ask({ rows: { min: 6 } })).toEqual(['6 rows or more', 2, '4 rows'])
    expect(await ask({ rows: { min: 1, max: 3 } })).toEqual(['1 to 3 rows', 1, '4 rows'])
  })

  it('finds what stands twice', async () => {
    expect(await ask({ unique: ['id', 'action'] })).toEqual(['unique id, action', 0, '4 rows'])
    expect(await ask({ unique: ['id'] })).toEqual(['unique id', 1, '4 rows'])
  })

  it('finds what is missing, everywhere or where it applies', async () => {
    expect(await ask({ notNull: 'price' })).toEqual(['price is there', 2, '4 rows'])
    expect(await ask({ notNull: 'price', when: ['action', 'purchase'] })).toEqual([
      'price is there when action = purchase',
      1,
      '4 rows',
    ])
  })

  it('finds what is out of range; bounds are included, and nothing is out of no range', async () => {
    expect(await ask({ range: 'price', min: '12.5', max: 70_000 })).toEqual([
      'price from 12.5 to 70000',
      0,
      '4 rows',
    ])
    expect(await ask({ range: 'price', max: '69999.99' })).toEqual(['price to 69999.99', 1, '4 rows'])
  })

  it('finds that nothing came lately', async () => {
    const check: Check = { fresh: 'at', withinHours: 2 }
    expect(await ask(check)).toEqual(['at within 2 h', 0, 'latest 2026-11-01T12:00:00Z'])
    expect(await ask(check, { now: '2026-11-01T14:00:01Z' })).toEqual([
      'at within 2 h',
      1,
      'latest 2026-11-01T12:00:00Z',
    ])
    await database.warehouse.query('CREATE TABLE nothing (LIKE sales)')
    expect(await ask(check, { table: 'nothing' })).toEqual(['at within 2 h', 1, 'nothing'])
  })

  it('says of an empty table that nothing stands twice', async () => {
    expect(await ask({ unique: ['id'] }, { table: 'nothing' })).toEqual(['unique id', 0, '0 rows'])
  })
})
