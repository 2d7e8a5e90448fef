import type { Dataset } from '@cupel/core/dataset'
import {
  landedBronzePrefix,
  landedContentKey,
  landedObjectKey,
  landedObjectPrefix,
  landingPrefix,
  parseLandingKey,
} from '@cupel/core/keys'
import type { ObjectStore } from '@cupel/io/object-store'
import { inParallel } from './in-parallel.ts'

/** A file under landing/, and what stands in bronze of it; null: it has not landed. */
export type LandedFile = {
  readonly key: string
  readonly bronze: { readonly prefix: string; readonly records: number } | null
}

/** The files of a dataset. What is `known` of one, by its mark, is not read again: it never changes. */
export async function landedFiles(
  lake: Pick<ObjectStore, 'list' | 'head'>,
  { name, bronzeFolder, landing }: Pick<Dataset, 'name' | 'bronzeFolder' | 'landing'>,
  known = new Map<string, LandedFile['bronze']>(),
): Promise<readonly LandedFile[]> {
  if (!landing) return []
  const marks = new Set<string>()
  for await (const { key } of lake.list(landedObjectPrefix(name))) marks.add(key)
  const files = await inParallel(lake.list(landingPrefix(name)), async (file) => {
    const mark = landedObjectKey(name, file)
    if (marks.has(mark) && !known.has(mark)) known.set(mark, await whatStands(mark))
    return { key: file.key, bronze: known.get(mark) ?? null }
  })
  return files.filter(({ key }) => parseLandingKey(key) !== undefined)

  async function whatStands(mark: string): Promise<LandedFile['bronze']> {
    const sha256 = (await lake.head(mark))?.metadata.sha256 ?? ''
    const content = await lake.head(landedContentKey(name, sha256))
    return {
      prefix: landedBronzePrefix(bronzeFolder, sha256),
      records: Number(content?.metadata.records) || 0,
    }
  }
}

/** The records that files hold: each content once, however many files have it. */
export const landedRecords = (files: readonly LandedFile[]): number =>
  [
    ...new Map(files.flatMap(({ bronze }) => (bronze ? [[bronze.prefix, bronze.records]] : []))).values(),
  ].reduce((sum, records) => sum + records, 0)
