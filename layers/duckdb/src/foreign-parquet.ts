import { messageWithoutValues, UnreadableFileError } from '@cupel/core/errors'
import { identifier, literal } from '@cupel/core/kinds/strings'
import { type Engine, isFatal } from './engine.ts'

/** A Parquet file that somebody else wrote. What reads it throws an UnreadableFileError where the fault is the file's. */
export type ForeignParquet = {
  readonly columns: readonly string[]
  /**
   * The rows as JSON objects, in their order, some at a time. `nameOf` says what a column is called there.
   *
   * Scalars are strings, so that no digit of a number gets lost: decimals and integers of any size as they are, times in
   * UTC (Parquet stores them so), bytes as the text that they are in UTF-8, else as base64. Only booleans and what is
   * nested stay JSON.
   */
  readonly rows: (nameOf: (column: string) => string) => AsyncIterable<readonly string[]>
  readonly close: () => void
}

/** Opens a file with an engine of its own, which ends with it. One that is damaged anywhere is not opened. */
export async function openForeign(engine: Engine, file: string): Promise<ForeignParquet> {
  const from = `read_parquet(${literal(file)})`
  const columns = await describe(engine, from).catch((error) => {
    engine.close()
    rethrow(error)
  })
  return {
    columns: columns.map(({ name }) => name),
    async *rows(nameOf) {
      const members = columns.flatMap((column) => [literal(nameOf(column.name)), valueSql(column)])
      const json = `CAST(json_object(${members.join(', ')}) AS VARCHAR)`
      try {
        for await (const some of engine.stream(`SELECT ${json} AS json FROM ${from}`))
          yield some.map((row) => String(row.json))
      } catch (error) {
        rethrow(error)
      }
    },
    close: engine.close,
  }
}

/** Reads all of it once: how many rows come before DuckDB meets damage depends on more than the file. */
async function describe(engine: Engine, from: string) {
  const described = await engine.rows(`DESCRIBE SELECT * FROM ${from}`)
  const columns = described.map((row) => ({ name: String(row.column_name), type: String(row.column_type) }))
  await engine.rows(
    `SELECT max(hash(${columns.map(({ name }) => identifier(name)).join(', ')})) FROM ${from}`,
  )
  return columns
}

function valueSql({ name, type }: { name: string; type: string }): string {
  const column = identifier(name)
  if (type === 'BOOLEAN') return column
  if (type === 'BLOB') return `coalesce(TRY(decode(${column})), base64(${column}))`
  if (/^(STRUCT|MAP|UNION|VARIANT)\b|\]$/.test(type)) return `to_json(${column})`
  if (type.startsWith('TIMESTAMP')) return `strftime(CAST(${column} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%fZ')`
  return `CAST(${column} AS VARCHAR)`
}

function rethrow(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error)
  const isWorld = /Out of Memory|No files found|Cannot open file|Permission denied|No space left/i.test(
    message,
  )
  if (isFatal(error) || isWorld || !/^[A-Z][\w ]* Error: /.test(message)) throw error
  throw new UnreadableFileError(`Parquet: ${messageWithoutValues(message.split('\n')[0])}`)
}
