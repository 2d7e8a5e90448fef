import type { Dataset } from '@cupel/core/dataset'
import { literal } from '@cupel/core/kinds/strings'
import { copyColumns } from '@cupel/core/warehouse-sql'
import type { Engine } from './engine.ts'
import { isDamaged, silverProblem } from './silver.ts'

/**
 * Write a silver file as CSV for PostgreSQL's COPY: no header, the columns of `copyColumns`, NULL as nothing, instants
 * with their offset. A file that is no Parquet, is damaged, or is not of this dataset, is data: `unreadable` says why.
 *
 * Throws when the file is not there or the CSV cannot be written.
 */
export async function parquetToCsv(
  engine: Engine,
  dataset: Dataset,
  { parquet, csv }: { readonly parquet: string; readonly csv: string },
): Promise<{ unreadable?: string }> {
  const unreadable = await silverProblem(engine, dataset, parquet)
  if (unreadable !== undefined) return { unreadable }
  const columns = copyColumns(dataset).join(', ')
  try {
    await engine.run(
      `COPY (SELECT ${columns} FROM read_parquet(${literal(parquet)})) TO ${literal(csv)} (FORMAT csv, HEADER false)`,
    )
    return {}
  } catch (error) {
    if (isDamaged(error)) return { unreadable: 'its pages are damaged' }
    throw error
  }
}
