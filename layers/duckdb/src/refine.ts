import { writeFile } from 'node:fs/promises'
import type { Dataset } from '@cupel/core/dataset'
import { ObjectRefusedError } from '@cupel/core/errors'
import type { Secrets } from '@cupel/core/record'
import { type RefineCounts, startRefining } from '@cupel/core/refinement'
import { RowPages } from '@cupel/core/row-pages'
import { type RefineFiles, silverStatement } from '@cupel/core/silver-sql'
import type { Engine } from './engine.ts'

/**
 * Refine a bronze object: good records, of each key the newest, into a silver file; rejected ones with all their reasons
 * into a quarantine file, which is written only when there are any. The same input gives the same bytes.
 *
 * Throws when a file cannot be written, a line is no bronze line, or a hashed field has no key: never because of what a
 * record holds, unless the dataset says so.
 *
 * @throws {ObjectRefusedError} when more records are bad than the dataset allows, or one breaks a rule with the policy `fail`.
 */
export async function refineFile(
  engine: Engine,
  dataset: Dataset,
  { bronze, silver, quarantine, key = 'the object' }: RefineFiles,
  secrets: Secrets = {},
): Promise<RefineCounts> {
  const rows = `${silver}.csv`
  const pages = idlePages.pop() ?? new RowPages()
  const refining = startRefining(dataset, pages, secrets)
  for await (const piece of bronze) refining.take(piece)
  const { counts, csv, longestRow, rejected, problem } = refining.end()
  if (problem !== undefined) throw new ObjectRefusedError(key, dataset.name, problem)
  await writeFile(rows, csv)
  pages.clear()
  idlePages.push(pages)
  if (rejected.length > 0) await writeFile(quarantine, rejected.join(''))
  const written = await engine.run(silverStatement(dataset, { rows, longestRow, silver }))
  if (written !== counts.silver) throw new Error(`${counts.silver} rows became ${written} in ${silver}`)
  return counts
}

/** Kept between objects, as many as were refined at a time: memory that is let go comes back late. Those of an object that failed are not. */
const idlePages: RowPages[] = []
