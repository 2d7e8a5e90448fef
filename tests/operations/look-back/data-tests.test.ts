import { beforeAll, expect, it } from 'vitest'
import { shopEvents } from '#datasets/shop/events.ts'
import { formatChecks, runChecks } from '#operations/cli/look-back/data-tests.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await makeDatabase()
  await database.warehouse.query(
    `INSERT INTO shop_events (user_id, session_id, action, product_id, event_time, price, _timestamp_ms, _partition, _offset, _loaded_at)
     VALUES ('9007199254740993', 's-1', 'view', '1000', '2026-11-01T10:00:00Z', NULL, 0, 0, 1, '2026-11-01T12:00:00Z'),
            ('9007199254740993', 's-1', 'purchase', '1000', '2026-11-01T10:01:00Z', NULL, 0, 0, 2, '2026-11-01T12:00:00Z')`,
  )
})

it('tells of each line of the dataset whether it holds, and of how many rows it does not', async () => {
  const found = await runChecks(database.warehouse, [shopEvents], Date.UTC(2026, 10, 3))
  expect(found.filter(({ holds }) => !holds)).toEqual([
    {
      dataset: 'shop_events',
      check: 'price is there when action = purchase',
      holds: false,
      failing: 1,
      seen: '2 rows',
    },
    {
      dataset: 'shop_events',
      check: '_loaded_at within 24 h',
      holds: false,
      failing: 1,
      seen: 'latest 2026-11-01T12:00:00Z',
    },
  ])
  expect(found).toHaveLength(shopEvents.checks.length)
  const text = formatChecks(found)
  expect(text).toMatch(/^ok {6}shop_events {2}1 rows or more +2 rows$/m)
  expect(text).toMatch(
    /^FAILED {2}shop_events {2}price is there when action = purchase +1 failing of 2 rows$/m,
  )
  expect(text).toContain('2 of 6 checks do not hold')
})
