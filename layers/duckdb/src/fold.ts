import type { Dataset } from '@cupel/core/dataset'
import { identifier, literal } from '@cupel/core/kinds/strings'
import { foldSql } from '@cupel/core/silver-sql'
import type { Engine } from './engine.ts'
import { isDamaged, silverProblems } from './silver.ts'

/**
 * Fold silver files: of each key the newest record, by the comparison that gold's upsert uses. Writes its key, partition
 * and offset as CSV without a header; no files, no rows; none of a key whose newest record is a tombstone that deletes. A file that is no silver of the dataset, or is damaged,
 * counts for nothing, as in loading.
 */
export async function foldToCsv(
  engine: Engine,
  dataset: Dataset,
  { files, csv }: { readonly files: readonly string[]; readonly csv: string },
): Promise<void> {
  const problems = await silverProblems(engine, dataset, files)
  const silver = files.filter((_, i) => problems[i] === undefined)
  const columns = [...dataset.key, '_partition', '_offset'].map(identifier).join(', ')
  const fold = (from: readonly string[]): Promise<number> =>
    engine.run(
      `COPY (${
        from.length > 0
          ? `SELECT ${columns} FROM (${foldSql(dataset, `read_parquet([${from.map(literal).join(', ')}])`)})`
          : 'SELECT 1 WHERE false'
      }) TO ${literal(csv)} (FORMAT csv, HEADER false)`,
    )
  try {
    await fold(silver)
  } catch (error) {
    if (!isDamaged(error)) throw error
    await fold(await filter(silver, (file) => canBeRead(engine, file)))
  }
}

/** Whether all pages of a Parquet file can be decoded. */
async function canBeRead(engine: Engine, file: string): Promise<boolean> {
  try {
    await engine.rows(`SELECT count(hash(row)) FROM read_parquet(${literal(file)}) AS row`)
    return true
  } catch (error) {
    if (isDamaged(error)) return false
    throw error
  }
}

async function filter(
  files: readonly string[],
  keep: (file: string) => Promise<boolean>,
): Promise<readonly string[]> {
  const kept: string[] = []
  for (const file of files) if (await keep(file)) kept.push(file)
  return kept
}
