import type { Dataset } from '@cupel/core/dataset'
import { identifier, literal } from '@cupel/core/kinds/strings'
import { copyColumns } from '@cupel/core/warehouse-sql'
import type { Engine } from './engine.ts'

/**
 * Write a silver file as CSV for PostgreSQL's COPY: no header, the columns of `copyColumns`, NULL as nothing, instants
 * with their offset. A file that is no Parquet, or not of this dataset, is data: `unreadable` says why.
 *
 * Throws when the file is not there or the CSV cannot be written.
 */
export async function parquetToCsv(
  engine: Engine,
  dataset: Dataset,
  { parquet, csv }: { readonly parquet: string; readonly csv: string },
): Promise<{ unreadable?: string }> {
  let columns: Map<string, string>
  try {
    const described = await engine.rows(`DESCRIBE SELECT * FROM read_parquet(${literal(parquet)})`)
    columns = new Map(described.map((row) => [identifier(String(row.column_name)), String(row.column_type)]))
  } catch (error) {
    if (/No files found|Cannot open file|Permission denied/i.test(String(error))) throw error
    return { unreadable: 'not a Parquet file' }
  }
  const missing = copyColumns(dataset).filter((column) => !columns.has(column))
  if (missing.length > 0) return { unreadable: `lacks ${missing.join(', ')}` }
  const wrong = Object.entries(dataset.fields).filter(
    ([name, { kind }]) => columns.get(identifier(name)) !== kind.duckdbType.replace(', ', ','),
  )
  if (wrong.length > 0)
    return { unreadable: `other types than the dataset's: ${wrong.map(([name]) => name).join(', ')}` }
  await engine.run(
    `COPY (SELECT ${copyColumns(dataset).join(', ')} FROM read_parquet(${literal(parquet)})) TO ${literal(csv)} (FORMAT csv, HEADER false)`,
  )
  return {}
}
