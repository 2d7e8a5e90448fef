import { tmpdir } from 'node:os'
import type { SettingsReader } from '@cupel/core/settings'
import { type DuckDBConnection, DuckDBInstance, type JS } from '@duckdb/node-api'

export type EngineSettings = {
  readonly memoryLimit?: string // as DuckDB writes it: '512MB'
  readonly threads?: number
  readonly tempDirectory?: string // where it spills; default: the system's
}

const defaultMemoryLimit = '512MB'
const defaultThreads = 1

/** What a function's environment says about its engine. */
export const engineSettings = (from: SettingsReader): EngineSettings => ({
  memoryLimit: from.text('DUCKDB_MEMORY_LIMIT', defaultMemoryLimit),
  threads: from.count('DUCKDB_THREADS', defaultThreads),
})

/** A DuckDB of its own, in memory: one an execution environment. Statements run one after the other. */
export type Engine = {
  /** Run a statement, with values for `$1`, `$2`, …; the number of rows it changed or wrote. */
  readonly run: (sql: string, values?: readonly string[]) => Promise<number>
  /** Rows of a query, as JavaScript values: BIGINT as bigint, LIST as array. */
  readonly rows: (sql: string) => Promise<Record<string, JS>[]>
  /** As `rows`, some at a time: for more than fit in memory. The next statement waits until the last one was taken. */
  readonly stream: (sql: string) => AsyncIterable<Record<string, JS>[]>
  /** The first column of a query, likewise. */
  readonly column: (sql: string) => Promise<readonly JS[]>
  readonly close: () => void
}

/**
 * Open DuckDB. Nothing is downloaded at run time: the extensions needed (json, parquet, icu) are built in, and no other
 * is installed or loaded. Times are UTC.
 */
export async function openEngine(settings: EngineSettings = {}): Promise<Engine> {
  const { memoryLimit = defaultMemoryLimit, threads = defaultThreads, tempDirectory = tmpdir() } = settings
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: memoryLimit,
    threads: String(threads),
    temp_directory: tempDirectory,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    enable_external_file_cache: 'false', // it takes a file for one of the same name and length within a second
  })
  const connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
  // Looking for it takes a third of the time to plan a refine statement, and finds nothing that pays.
  await connection.run("SET disabled_optimizers = 'common_subexpressions'")
  const next = inTurn()
  return {
    run: (sql, values) => next(async () => (await connection.run(sql, values && [...values])).rowsChanged),
    rows: (sql) => next(() => readRows(connection, sql)),
    async *stream(sql) {
      let release = () => {}
      const ended = new Promise<void>((resolve) => {
        release = resolve
      })
      await new Promise<void>((begin) => {
        void next(async () => {
          begin()
          await ended
        })
      })
      try {
        yield* (await connection.stream(sql)).yieldRowObjectJs()
      } finally {
        release()
      }
    },
    column: (sql) => next(async () => (await connection.runAndReadAll(sql)).getColumnsJS()[0] ?? []),
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

/** Lends an engine to a piece of work. */
export type WithEngine = <T>(work: (engine: Engine) => Promise<T>) => Promise<T>

/**
 * One engine for as long as it is sound. After an error that invalidates a database (DuckDB then refuses every statement
 * until it is opened again), or when opening failed, the next work gets a new one; the error is thrown.
 */
export function lastingEngine(open: () => Promise<Engine>): WithEngine {
  let current: Promise<Engine> | undefined
  return async (work) => {
    current ??= open()
    const mine = current
    try {
      return await work(await mine)
    } catch (error) {
      const isOpen = await mine.then(
        () => true,
        () => false,
      )
      // Not closed: statements that still wait in it are to fail as this one did. It goes when nobody holds it any more.
      if (current === mine && (!isOpen || isFatal(error))) current = undefined
      throw error
    }
  }
}

/** Whether DuckDB refuses all that follows. https://duckdb.org/docs/stable/dev/internal_errors */
export const isFatal = (error: unknown): boolean =>
  /^(FATAL|INTERNAL) Error\b|database has been invalidated/.test(
    error instanceof Error ? error.message : String(error),
  )

const readRows = async (connection: DuckDBConnection, sql: string): Promise<Record<string, JS>[]> =>
  (await connection.runAndReadAll(sql)).getRowObjectsJS()

/** Runs what it is given one after the other, whatever the outcome of those before. */
function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = last.then(work, work)
    last = result
    return result
  }
}
