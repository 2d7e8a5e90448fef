import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explainFailure, startPostgres, stopLeftoverPostgres } from '#localstack/postgres/server.ts'

const settings = { fsync: 'off' }
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cupel-postgres-'))
})
afterAll(async () => {
  await stopLeftoverPostgres(directory)
  await rm(directory, { recursive: true, force: true })
})

async function ask<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query<T>(sql)).rows
  } finally {
    await client.end()
  }
}

// Not by process number: in some containers nobody collects the dead.
const answers = (url: string) =>
  ask(url, 'SELECT').then(
    () => true,
    () => false,
  )

// One data directory through its life, because making one costs most of the time.
describe.sequential('PostgreSQL', () => {
  it('starts in an empty directory, in UTF-8, with the database asked for', async () => {
    const server = await startPostgres({ directory, database: 'a "b" c', settings })
    const [row] = await ask(
      server.url,
      `SELECT current_database() AS name, current_setting('fsync') AS fsync, current_setting('TimeZone') AS zone,
       current_setting('server_encoding') AS encoding, current_setting('listen_addresses') AS listen`,
    )
    expect(row).toEqual({ name: 'a "b" c', fsync: 'off', zone: 'UTC', encoding: 'UTF8', listen: '127.0.0.1' })
    expect(server.adopted).toBe(false)
    await ask(server.url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)')
    await server.stop()
    expect(await answers(server.url)).toBe(false)
  })

  it('keeps data over a restart, takes a running server over, and restarts it for other settings', async () => {
    const first = await startPostgres({ directory, database: 'a "b" c', settings })
    expect(await ask(first.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
    const second = await startPostgres({ directory, database: 'other', settings })
    expect([second.adopted, second.pid, second.port]).toEqual([true, first.pid, first.port])
    expect(await ask(second.url, 'SELECT current_database() AS name')).toEqual([{ name: 'other' }])
    const third = await startPostgres({ directory, settings: { ...settings, work_mem: '8MB' } })
    expect([third.adopted, third.pid === first.pid]).toEqual([false, false])
    expect(await ask(third.url, 'SHOW work_mem')).toEqual([{ work_mem: '8MB' }])
    await third.stop()
  })

  it('starts after a kill -9, and despite a lock whose process number another program has now', async () => {
    const killed = await startPostgres({ directory, database: 'a "b" c', settings })
    await ask(killed.url, 'INSERT INTO kept VALUES (8)')
    process.kill(killed.pid, 'SIGKILL')
    const again = await startPostgres({ directory, database: 'a "b" c', settings })
    expect(await ask(again.url, 'SELECT n FROM kept ORDER BY n')).toEqual([{ n: 7 }, { n: 8 }])
    const lock = join(directory, 'data', 'postmaster.pid')
    const text = await readFile(lock, 'utf8')
    await again.stop()
    await writeFile(lock, text.replace(String(again.pid), String(process.ppid)))
    const last = await startPostgres({ directory, settings })
    expect(last.adopted).toBe(false)
    await last.stop()
  })

  it('says which port is taken, and what it was asked for when a setting is wrong', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    await expect(startPostgres({ directory, port, settings })).rejects.toThrow(
      `PostgreSQL's port ${port} is in use, perhaps by another local cloud or by a PostgreSQL of yours: ` +
        'stop what uses it, or choose another port with CUPEL_PORT_POSTGRES (0: any free one)',
    )
    taken.close()
    await expect(startPostgres({ directory, settings: { work_mem: 'plenty' } })).rejects.toThrow(/work_mem/)
  })

  it('stops what a killed start left running', async () => {
    const { url } = await startPostgres({ directory, settings })
    await stopLeftoverPostgres(directory)
    expect(await answers(url)).toBe(false)
    await stopLeftoverPostgres(join(directory, 'nothing-here'))
  })

  it('refuses data of another major version, and says what to do', async () => {
    const old = join(directory, 'old')
    await mkdir(join(old, 'data'), { recursive: true })
    await writeFile(join(old, 'data', 'PG_VERSION'), '12\n')
    await expect(startPostgres({ directory: old })).rejects.toThrow(
      /made by PostgreSQL 12 .* delete that directory/,
    )
  })

  it('leaves no half-made data directory when initialisation fails', async () => {
    const blocked = join(directory, 'file')
    await writeFile(blocked, '')
    await expect(startPostgres({ directory: join(blocked, 'x') })).rejects.toThrow()
    expect(existsSync(join(blocked, 'x'))).toBe(false)
  })
})

describe('explanations', () => {
  it('turn what PostgreSQL prints into one line', () => {
    const full =
      'initdb: error: could not write to file "pg_wal/xlogtemp.31": No space left on device\nremoving …'
    expect(explainFailure('make its data directory', '/d', full)).toBe(
      'PostgreSQL cannot make its data directory in /d: the disk is full. Free 100 MB or more and start again',
    )
    expect(explainFailure('start', '/d', 'LOG:  x\nFATAL:  bad\nLOG:  y')).toBe(
      'PostgreSQL cannot start in /d: FATAL:  bad',
    )
    expect(explainFailure('start', '/d', 'one\nlast\n')).toBe('PostgreSQL cannot start in /d: last')
  })
})
