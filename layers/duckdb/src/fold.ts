import type { Dataset } from '@cupel/core/dataset'
import { identifier, literal } from '@cupel/core/kinds/strings'
import { newestOnlySql } from '@cupel/core/refine-sql'
import type { Engine } from './engine.ts'
import { silverProblem } from './silver.ts'

/**
 * Fold silver files: of each key the newest record, by the comparison that gold's upsert uses. Writes its key, partition
 * and offset as CSV without a header; no files, no rows. A file that is no silver of the dataset counts for nothing, as
 * in loading.
 */
export async function foldToCsv(
  engine: Engine,
  dataset: Dataset,
  { files, csv }: { readonly files: readonly string[]; readonly csv: string },
): Promise<void> {
  const readable: string[] = []
  for (const file of files)
    if ((await silverProblem(engine, dataset, file)) === undefined) readable.push(file)
  const columns = [...dataset.key, '_partition', '_offset'].map(identifier).join(', ')
  const fold =
    readable.length > 0
      ? `SELECT ${columns} FROM read_parquet([${readable.map(literal).join(', ')}]) ${newestOnlySql(dataset)}`
      : 'SELECT 1 WHERE false'
  await engine.run(`COPY (${fold}) TO ${literal(csv)} (FORMAT csv, HEADER false)`)
}
