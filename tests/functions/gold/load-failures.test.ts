/** Load while PostgreSQL fails in the ways it does: a batch is retried, and is in gold whole or not at all. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { dataset } from '@cupel/core/dataset'
import { integer, timestamp } from '@cupel/core/kinds'
import { objectCreatedEvent } from '@cupel/core/s3-event'
import { createTable } from '@cupel/core/warehouse-sql'
import { openPostgres, type Postgres, type Transaction } from '@cupel/io/postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { makeLoad } from '#functions/gold/load/load.ts'
import { startPostgres } from '#localstack/postgres/server.ts'
import { migrate } from '#operations/migrate.ts'
import { memoryObjectStore } from '../../support/memory-object-store.ts'
import { makeDatabase, migrations, type TestDatabase } from '../../support/postgres.ts'

const readings = dataset({
  name: 'readings',
  description: 'Readings.',
  bronzeFolder: 'readings',
  silverFolder: 'readings',
  table: 'readings',
  version: 1,
  key: 'meter',
  orderBy: 'at',
  fields: { meter: integer('Which meter.'), at: timestamp('When.') },
})
const text = {
  json: JSON.stringify(
    ['1', '2'].map((meter) => ({
      meter,
      at: '2026-01-01',
      _timestamp_ms: '0',
      _partition: '0',
      _offset: meter,
    })),
  ),
  csv: '1,2026-01-01,0,0,1\n2,2026-01-01,0,0,2\n',
}
const role = { user: 'reader_of_meters', password: 'meters' }

describe('load', () => {
  let database: TestDatabase
  let admin: Postgres // of another database of the same server
  let warehouse: Postgres
  let name: string
  const lake = memoryObjectStore()
  const event = objectCreatedEvent('lake', [{ key: 'silver/readings/x.parquet', eTag: '', size: 0 }])

  beforeAll(async () => {
    database = await makeDatabase()
    admin = openPostgres(inject('postgresUrl'))
    name = new URL(database.url).pathname.slice(1)
    await database.warehouse.query(createTable(readings))
    await lake.put('silver/readings/x.parquet', Buffer.from('x'))
    // Limits of connections do not hold for the superuser that tests are otherwise.
    await admin.query(`DROP ROLE IF EXISTS ${role.user}`)
    await admin.query(`CREATE ROLE ${role.user} LOGIN PASSWORD '${role.password}'`)
    await database.warehouse.query(`GRANT ALL ON ledger, readings TO ${role.user}`)
  })
  afterAll(async () => {
    await database.warehouse.query(`DROP OWNED BY ${role.user}`)
    await admin.query(`DROP ROLE ${role.user}`)
    await admin.end()
  })
  beforeEach(async () => {
    await database.warehouse.query('TRUNCATE ledger, readings')
    const url = Object.assign(new URL(database.url), { username: role.user, password: role.password })
    warehouse = openPostgres(url.href)
  })
  afterEach(() => warehouse.end())

  const load = (port: Pick<Postgres, 'query' | 'transaction'> = warehouse, format: 'json' | 'csv' = 'json') =>
    makeLoad({
      lake,
      warehouse: port,
      datasets: [readings],
      silverToText: async (_, files) => {
        await writeFile(files.text, text[format])
        return { format, rows: 2, tombstones: 0, oldestMs: 0 }
      },
      warn: () => {},
    })(event)
  const gold = async () =>
    (
      await database.warehouse.query(
        'SELECT (SELECT count(*)::int FROM readings) AS rows, (SELECT count(*)::int FROM ledger) AS objects',
      )
    )[0]
  /** As a setting of the database, which sessions take that begin afterwards. */
  const set = (setting: string) => admin.query(`ALTER DATABASE ${name} ${setting}`)
  const isWaiting = async () => {
    const found = `SELECT FROM pg_stat_activity WHERE usename = '${role.user}' AND wait_event_type = 'Lock'`
    while ((await admin.query(found)).length === 0) await sleep(5)
  }

  /** Kills the connection before the nth statement of a transaction, once; COMMIT counts as one. */
  function killing(nth: number): Pick<Postgres, 'query' | 'transaction'> & { statements: number } {
    let isDone = false
    const port = {
      statements: 0,
      query: warehouse.query,
      transaction: <T>(work: (client: Transaction) => Promise<T>) =>
        warehouse.transaction(async (client) => {
          port.statements = 0
          const step = async () => {
            port.statements += 1
            if (port.statements !== nth || isDone) return
            isDone = true
            const { processID } = client as Transaction & { processID: number }
            const gone = new Promise((resolve) => client.once('end', resolve))
            await admin.query('SELECT pg_terminate_backend($1)', [processID])
            await gone
          }
          const watched = new Proxy(client, {
            get: (target, property) =>
              property === 'query'
                ? (...statement: unknown[]) => {
                    const run = () => (target.query as (...all: unknown[]) => unknown)(...statement)
                    return typeof statement[0] === 'string' ? step().then(run) : run() // COPY is a stream
                  }
                : Reflect.get(target, property, target),
          })
          const result = await work(watched)
          await step()
          return result
        }),
    }
    return port
  }

  it.each([
    ['json', 3], // the ledger, the rows, COMMIT
    ['csv', 4], // and a table to copy into
  ] as const)(
    'is whole when the connection is killed before any statement, %s',
    async (format, statements) => {
      const untouched = killing(0)
      await load(untouched, format)
      expect(untouched.statements).toBe(statements)
      for (let nth = 1; nth <= untouched.statements; nth++) {
        await database.warehouse.query('TRUNCATE ledger, readings')
        expect(await load(killing(nth), format)).toMatchObject({ objects: 1, rows: 2 })
        expect(await gold()).toEqual({ rows: 2, objects: 1 })
      }
    },
  )

  it('goes on when the server restarts before COMMIT', async () => {
    const settings = { directory: await mkdtemp(join(tmpdir(), 'cupel-restart-')), database: 'meters' }
    let server = await startPostgres(settings)
    const own = openPostgres(server.url)
    try {
      await migrate(own, { directory: migrations, datasets: [], summaries: [], follow: true })
      await own.query(createTable(readings))
      let restarts = 0
      const loaded = load({
        query: own.query,
        transaction: (work) =>
          own.transaction(async (client) => {
            const result = await work(client)
            if (restarts++ === 0) {
              await server.stop()
              server = await startPostgres({ ...settings, port: server.port })
            }
            return result
          }),
      })
      expect(await loaded).toMatchObject({ objects: 1, rows: 2 })
      expect(restarts).toBe(2)
      expect(await own.query('SELECT meter::int FROM readings ORDER BY meter')).toEqual([
        { meter: 1 },
        { meter: 2 },
      ])
    } finally {
      await own.end()
      await server.stop()
      await rm(settings.directory, { recursive: true })
    }
  })

  it('waits for a server that is read-only, as one is that was failed over, on a connection of its own', async () => {
    await warehouse.query('SELECT 1')
    await set('SET default_transaction_read_only = on')
    await warehouse.query('SET default_transaction_read_only = on') // the session that is open already
    const loaded = load()
    await sleep(50)
    expect(await gold()).toEqual({ rows: 0, objects: 0 })
    await set('RESET default_transaction_read_only')
    expect(await loaded).toMatchObject({ rows: 2 })
  })

  it('waits for a connection when there are none left', async () => {
    await set('CONNECTION LIMIT 0')
    const loaded = load()
    await sleep(50)
    await set('CONNECTION LIMIT -1')
    expect(await loaded).toMatchObject({ rows: 2 })
  })

  it('begins again when it is the one that a deadlock ends', async () => {
    await load()
    await database.warehouse.query("UPDATE readings SET at = '2020-01-01'")
    await database.warehouse.query('TRUNCATE ledger')
    await warehouse.end()
    await set("SET deadlock_timeout = '100ms'")
    warehouse = openPostgres(
      Object.assign(new URL(database.url), { username: role.user, password: role.password }).href,
    )
    const loaded = await database.warehouse.transaction(async (other) => {
      await other.query("SET LOCAL deadlock_timeout = '1min'")
      await other.query('SELECT FROM readings WHERE meter = 2 FOR UPDATE')
      const loading = load()
      await isWaiting()
      await other.query('SELECT FROM readings WHERE meter = 1 FOR UPDATE') // load holds it, and waits for 2
      return { loading }
    })
    expect(await loaded.loading).toMatchObject({ rows: 2 })
    await set('RESET deadlock_timeout')
  })

  it('leaves what ten seconds do not mend to the next delivery, and nothing behind', async () => {
    await set("SET statement_timeout = '100ms'")
    await database.warehouse.transaction(async (other) => {
      await other.query('LOCK TABLE readings')
      await expect(load()).rejects.toMatchObject({ code: 'OBJECT', cause: { code: '57014' } })
    })
    expect(await gold()).toEqual({ rows: 0, objects: 0 })
    await set('RESET statement_timeout')
    expect(await load()).toMatchObject({ rows: 2 })
  })
})
