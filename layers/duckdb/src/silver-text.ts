import type { Dataset } from '@cupel/core/dataset'
import { identifier, literal } from '@cupel/core/kinds/strings'
import { silverTypes } from '@cupel/core/silver-sql'
import { silverColumns } from '@cupel/core/warehouse-sql'
import type { Engine } from './engine.ts'
import { isDamaged, silverProblem } from './silver.ts'

/** How the rows of a silver file are handed to PostgreSQL: for COPY, or as the parameter of a statement. */
export type SilverText = {
  readonly format: 'csv' | 'json'
  readonly rows: number
  readonly tombstones: number // among them
  readonly oldestMs: number | null // the least Kafka timestamp; null of no row
}

/**
 * Write a silver file as text of PostgreSQL, the columns of `copyColumns`: few rows as a JSON array of objects of strings,
 * more of them as CSV without a header, NULL as nothing. Both hold the same text of a value, instants with their offset.
 * A file that is no Parquet, is damaged, or is not of this dataset, is data: `unreadable` says why.
 *
 * Throws when the file is not there or the text cannot be written.
 */
export async function silverToText(
  engine: Engine,
  dataset: Dataset,
  { parquet, text }: { readonly parquet: string; readonly text: string },
  // Up to here a parameter costs PostgreSQL less than to make a temporary table and copy into it (decision 22).
  { mostRowsInJson = 500 }: { readonly mostRowsInJson?: number } = {},
): Promise<SilverText | { readonly unreadable: string }> {
  const unreadable = await silverProblem(engine, dataset, parquet)
  if (unreadable !== undefined) return { unreadable }
  const from = `FROM read_parquet(${literal(parquet)})`
  try {
    const tombstones = dataset.tombstones === 'quarantine' ? '0' : 'count(*) FILTER (_deleted)'
    const [counted] = await engine.rows(
      `SELECT count(*) AS rows, ${tombstones} AS tombstones, min(_timestamp_ms) AS oldest ${from}`,
    )
    const rows = Number(counted!.rows)
    const oldestMs = counted!.oldest === null ? null : Number(counted!.oldest)
    const format = rows <= mostRowsInJson ? 'json' : 'csv'
    const types = silverTypes(dataset)
    const columns = silverColumns(dataset).map(([name]) => {
      const column = identifier(name)
      if (types[name] === 'TIMESTAMP WITH TIME ZONE') return `${instantText(column)} AS ${column}`
      return format === 'json' ? `CAST(${column} AS VARCHAR) AS ${column}` : column
    })
    const options = format === 'json' ? 'FORMAT json, ARRAY true' : 'FORMAT csv, HEADER false'
    await engine.run(
      `COPY (SELECT ${columns.join(', ')} ${from}) TO ${literal(text)} (${options}, USE_TMP_FILE false)`,
    )
    return { format, rows, tombstones: Number(counted!.tombstones), oldestMs }
  } catch (error) {
    if (isDamaged(error)) return { unreadable: 'its pages are damaged' }
    throw error
  }
}

/** As DuckDB casts an instant in UTC, without the calendar of ICU: half of what all else costs here. */
const instantText = (column: string): string => `make_timestamp(epoch_us(${column})) || '+00'`
