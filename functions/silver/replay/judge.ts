import { readFile } from 'node:fs/promises'
import type { Dataset } from '@cupel/core/dataset'
import { ObjectError } from '@cupel/core/errors'
import { parseBronzeKey, quarantineKey } from '@cupel/core/keys'
import type { Reason } from '@cupel/core/record'
import type { ObjectStore } from '@cupel/io/object-store'
import { type Origin, type Refined, type RefineFile, refineInto } from '@cupel/io/refined-object'
import type { TemporaryFolder } from '@cupel/io/temporary-folder'
import { type Entry, parseEntries } from './entry.ts'

export type JudgePorts = {
  readonly lake: Pick<ObjectStore, 'get' | 'stream'>
  readonly refineFile: RefineFile // as in refine, the very same code
}

/** What becomes of an entry; `reasons` are there when it is rejected again. */
export type Judged = { readonly entry: Entry; readonly reasons?: readonly Reason[] }
export type Judgement = {
  readonly origin: Origin
  readonly refined: Refined
  readonly entries: readonly Judged[]
  readonly lost: number // records that the version before accepted, and this one rejects
}

/** Refine a bronze object as the dataset is now, into files of the folder, and compare with what quarantine holds of it. */
export async function judgeObject(
  { lake, refineFile }: JudgePorts,
  dataset: Dataset,
  key: string,
  folder: TemporaryFolder,
): Promise<Judgement> {
  const name = parseBronzeKey(key)?.name
  const bronze = await lake.stream(key)
  if (name === undefined || bronze === undefined) throw new ObjectError(key, 'is not in bronze any more')
  const quarantined = await lake.get(quarantineKey(dataset.name, name))
  const before = parseEntries(name, quarantined?.body ?? new Uint8Array())
  const origin = { key, name, eTag: bronze.eTag, dataset }
  const refined = await refineInto(folder, origin, bronze.body, refineFile)
  const { counts, files } = refined
  const rejected = counts.quarantined > 0 ? parseEntries(name, await readFile(files.quarantine)) : []
  const reasons = new Map(rejected.map((entry) => [entry.offset, entry.reasons]))
  const known = new Set(before.map(({ offset }) => offset))
  return {
    origin,
    refined,
    entries: before.map((entry) => ({ entry, reasons: reasons.get(entry.offset) })),
    lost: rejected.filter(({ offset }) => !known.has(offset)).length,
  }
}
