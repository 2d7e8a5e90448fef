import { openEngine } from '@cupel/duckdb/engine'
import { expect, it } from 'vitest'

it('opens with what it needs built in, and installs nothing', async () => {
  const engine = await openEngine({ memoryLimit: '128MB', threads: 1 })
  try {
    const settings = await engine.rows(
      `SELECT name, value FROM duckdb_settings() WHERE name IN ('autoinstall_known_extensions', 'autoload_known_extensions', 'threads', 'TimeZone') ORDER BY name`,
    )
    expect(Object.fromEntries(settings.map(({ name, value }) => [String(name), value]))).toEqual({
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      threads: '1',
      TimeZone: 'UTC',
    })
    const loaded = await engine.rows('SELECT extension_name FROM duckdb_extensions() WHERE loaded')
    expect(loaded.map((row) => row.extension_name)).toEqual(
      expect.arrayContaining(['json', 'parquet', 'icu']),
    )
    await expect(engine.rows("SELECT * FROM 'https://example.invalid/x.parquet'")).rejects.toThrow('httpfs')
  } finally {
    engine.close()
  }
})

it('goes on after a statement that failed, one after the other', async () => {
  const engine = await openEngine()
  try {
    const [failed, rows] = await Promise.allSettled([
      engine.run('SELECT nonsense'),
      engine.rows('SELECT 1 AS one'),
    ])
    expect(failed.status).toBe('rejected')
    expect(rows).toMatchObject({ value: [{ one: 1 }] })
  } finally {
    engine.close()
  }
})
