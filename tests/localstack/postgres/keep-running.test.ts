import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { keepPostgresRunning } from '#localstack/postgres/keep-running.ts'
import { stopLeftoverPostgres } from '#localstack/postgres/server.ts'

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

it('starts PostgreSQL again when it was killed, at the same port with what was committed, until it is stopped', {
  timeout: 30_000,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'cupel-postgres-'))
  const lines: string[] = []
  const server = await keepPostgresRunning({
    directory,
    log: (line) => lines.push(line),
  })
  onTestFinished(async () => {
    await server.stop()
    await stopLeftoverPostgres(directory)
    await rm(directory, { recursive: true, force: true })
  })
  await ask(server.url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)')

  process.kill(server.pid, 'SIGKILL')
  await expect
    .poll(() => lines, { timeout: 15_000 })
    .toEqual([
      `warning: PostgreSQL (process ${server.pid}) ended by itself and is started again`,
      expect.stringMatching(/^warning: PostgreSQL runs again \(process \d+\)$/),
    ])
  expect(await ask(server.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])

  await server.stop()
  await expect(ask(server.url, 'SELECT')).rejects.toThrow()
  expect(lines).toHaveLength(2)
})
