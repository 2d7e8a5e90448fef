import { type Dataset, storedFields } from '@cupel/core/dataset'
import { identifier, literal } from '@cupel/core/kinds/strings'
import { copyColumns } from '@cupel/core/warehouse-sql'
import { type Engine, isFatal } from './engine.ts'

/**
 * Why a file is no silver file of the dataset, or undefined when it is one: Parquet with the dataset's columns and
 * types, and its lineage. Throws when the file is not there or the engine is at its end: that is the world, not the file.
 */
export async function silverProblem(
  engine: Engine,
  dataset: Dataset,
  file: string,
): Promise<string | undefined> {
  let columns: Map<string, string>
  try {
    const described = await engine.rows(`DESCRIBE SELECT * FROM read_parquet(${literal(file)})`)
    columns = new Map(described.map((row) => [String(row.column_name), String(row.column_type)]))
  } catch (error) {
    if (
      isFatal(error) ||
      /Out of Memory|No files found|Cannot open file|Permission denied/i.test(String(error))
    )
      throw error
    return 'not a Parquet file'
  }
  const missing = copyColumns(dataset).filter((column) => !columns.has(column.slice(1, -1)))
  if (missing.length > 0) return `lacks ${missing.join(', ')}`
  const other = Object.entries(storedFields(dataset))
    .filter(([name, { kind }]) => {
      const type = columns.get(name)
      const isOlder = kind.name === 'uuid' && type === 'UUID' // as silver was until it had to be read by Spark
      return !isOlder && type !== kind.duckdbType.replace(', ', ',')
    })
    .map(([name]) => identifier(name))
  return other.length > 0 ? `has another type than the dataset's in ${other.join(', ')}` : undefined
}

/** Of each file, in their order, what `silverProblem` says. Files of the same schema cost one look, however many they are. */
export async function silverProblems(
  engine: Engine,
  dataset: Dataset,
  files: readonly string[],
): Promise<readonly (string | undefined)[]> {
  const problems = new Map<string, string | undefined>()
  for (const alike of files.length > 0 ? await groupBySchema(engine, files) : []) {
    const problem = await silverProblem(engine, dataset, alike[0]!)
    for (const file of alike) problems.set(file, problem)
  }
  return files.map((file) => problems.get(file))
}

/** One file that is no Parquet spoils the question for all that are asked about with it, so halves are asked about then. */
async function groupBySchema(
  engine: Engine,
  files: readonly string[],
): Promise<readonly (readonly string[])[]> {
  if (files.length === 1) return [files]
  try {
    const groups = await engine.rows(
      `SELECT list(file_name) AS files FROM (
         SELECT file_name, list((name, type, type_length, repetition_type, num_children, converted_type, scale, precision,
                                 logical_type) ORDER BY column_id) AS columns
           FROM parquet_schema([${files.map(literal).join(', ')}]) GROUP BY file_name)
        GROUP BY columns`,
    )
    return groups.map((group) => group.files as string[])
  } catch (error) {
    if (isFatal(error)) throw error
    const half = Math.ceil(files.length / 2)
    return [
      ...(await groupBySchema(engine, files.slice(0, half))),
      ...(await groupBySchema(engine, files.slice(half))),
    ]
  }
}

/** Whether DuckDB says that a file's pages cannot be decoded, behind a footer that can: the file's fault, not the world's. */
export const isDamaged = (error: unknown): boolean =>
  /^(Invalid|Serialization)\b.* Error\b/.test(error instanceof Error ? error.message : String(error))
