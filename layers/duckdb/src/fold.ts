import type { Dataset } from '@cupel/core/dataset'
import { identifier, literal } from '@cupel/core/kinds/strings'
import { newestColumns } from '@cupel/core/refine-sql'
import type { Engine } from './engine.ts'

/**
 * Fold silver files: of each key the newest record, by the comparison that gold's upsert uses. Writes its key, partition
 * and offset as CSV without a header; no files, no rows.
 */
export async function foldToCsv(
  engine: Engine,
  dataset: Dataset,
  { files, csv }: { readonly files: readonly string[]; readonly csv: string },
): Promise<void> {
  const key = dataset.key.map(identifier).join(', ')
  const newest = newestColumns(dataset).map((column) => `${identifier(column)} DESC`)
  const source = files.length > 0 ? `read_parquet([${files.map(literal).join(', ')}])` : undefined
  const fold = source
    ? `SELECT ${key}, _partition, _offset FROM ${source}
       QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY ${newest.join(', ')}) = 1`
    : 'SELECT 1 WHERE false'
  await engine.run(`COPY (${fold}) TO ${literal(csv)} (FORMAT csv, HEADER false)`)
}
