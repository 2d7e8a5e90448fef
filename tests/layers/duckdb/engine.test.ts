import { type Engine, lastingEngine, openEngine } from '@cupel/duckdb/engine'
import { silverProblem } from '@cupel/duckdb/silver'
import { describe, expect, it } from 'vitest'
import { merchants } from '#datasets/finance/merchants.ts'

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

describe('an engine that lasts', () => {
  const invalidated = 'FATAL Error: Failed: database has been invalidated because of a previous fatal error.'
  /** Engines that answer with their number, one after the other. */
  const numbered = () => {
    let opened = 0
    const open = async (): Promise<Engine> => {
      const number = ++opened
      return {
        run: async () => number,
        rows: async () => [],
        column: async () => [],
        stream: async function* () {},
        close: () => {},
      }
    }
    return { open }
  }
  const ask = (engine: Engine) => engine.run('')

  it('is one, and stays it when a statement fails', async () => {
    const { open } = numbered()
    const withEngine = lastingEngine(open)
    expect(await Promise.all([withEngine(ask), withEngine(ask)])).toEqual([1, 1])
    const failing = withEngine(() => Promise.reject(new Error('Parser Error: syntax')))
    await expect(failing).rejects.toThrow('syntax')
    expect(await withEngine(ask)).toBe(1)
  })

  it.each([invalidated, 'INTERNAL Error: Attempted to access index 3'])(
    'is opened anew after %j, once for all that failed with it',
    async (message) => {
      const { open } = numbered()
      const withEngine = lastingEngine(open)
      const fail = () => withEngine(() => Promise.reject(new Error(message)))
      const failures = await Promise.allSettled([fail(), fail()])
      expect(failures.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      expect(await withEngine(ask)).toBe(2)
    },
  )

  it('is opened again when opening failed', async () => {
    const { open } = numbered()
    let refused = false
    const withEngine = lastingEngine(async () => {
      if (refused) return open()
      refused = true
      throw new Error('no space')
    })
    await expect(withEngine(ask)).rejects.toThrow('no space')
    expect(await withEngine(ask)).toBe(1)
  })

  it('is at its end: no file is called unreadable for that', async () => {
    for (const message of [invalidated, 'Out of Memory Error: failed to allocate data of size 16.0 MiB']) {
      const engine = { ...(await numbered().open()), rows: () => Promise.reject(new Error(message)) }
      await expect(silverProblem(engine, merchants, 'sound.parquet')).rejects.toThrow(message)
    }
  })
})
