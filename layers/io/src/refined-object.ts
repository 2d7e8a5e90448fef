import { readFile } from 'node:fs/promises'
import type { Dataset } from '@cupel/core/dataset'
import { quarantineKey, silverKey } from '@cupel/core/keys'
import type { RefineCounts } from '@cupel/core/refinement'
import type { RefineFiles } from '@cupel/core/silver-sql'
import type { ObjectStore } from './object-store.ts'
import type { TemporaryFolder } from './temporary-folder.ts'

/** What silver and quarantine objects are made of: a bronze object, by a version of its dataset. */
export type Origin = {
  readonly key: string
  readonly name: string // of the key, without folder and ending
  readonly eTag: string
  readonly dataset: Dataset
}

const madeOf = ({ eTag, dataset }: Origin) => ({
  'bronze-etag': eTag,
  'dataset-version': String(dataset.version),
})

/** Whether the silver object that stands there was made of this. */
export async function isRefined(lake: Pick<ObjectStore, 'head'>, origin: Origin): Promise<boolean> {
  const present = await lake.head(silverKey(origin.dataset.silverFolder, origin.name))
  return Object.entries(madeOf(origin)).every(([name, value]) => present?.metadata[name] === value)
}

/** Refines NDJSON to a Parquet file and, where records are rejected, an NDJSON file of them. */
export type RefineFile = (dataset: Dataset, files: Required<RefineFiles>) => Promise<RefineCounts>
export type Refined = {
  readonly counts: RefineCounts
  readonly files: Pick<RefineFiles, 'silver' | 'quarantine'>
}

/** Refine a bronze object, whose bytes come in pieces, into files of the folder. */
export async function refineInto(
  folder: TemporaryFolder,
  { key, dataset }: Origin,
  bronze: RefineFiles['bronze'],
  refineFile: RefineFile,
): Promise<Refined> {
  const files = {
    key,
    bronze,
    silver: folder.file('silver.parquet'),
    quarantine: folder.file('quarantine.ndjson'),
  }
  return { counts: await refineFile(dataset, files), files }
}

type Lake = Pick<ObjectStore, 'put' | 'head'>

/**
 * Store what was refined. Silver is written last and says in its metadata what it was made of: one that stands there is
 * whole. Where nothing is rejected any more, a quarantine object that an earlier version left behind becomes empty.
 */
export async function putRefined(lake: Lake, origin: Origin, refined: Refined): Promise<void> {
  if (await changesQuarantine(lake, origin, refined)) await putQuarantine(lake, origin, refined)
  await putSilver(lake, origin, refined)
}

/**
 * The same where no silver object made of this stands; else false, and nothing changes. Most objects are refined once, so
 * that is asked by writing silver where none does, unless quarantine, which is to be that of the silver beside it, comes first.
 */
export async function putUnlessRefined(lake: Lake, origin: Origin, refined: Refined): Promise<boolean> {
  if (!(await changesQuarantine(lake, origin, refined)) && (await putSilver(lake, origin, refined, true)))
    return true
  if (await isRefined(lake, origin)) return false
  await putRefined(lake, origin, refined)
  return true
}

const changesQuarantine = async (lake: Lake, origin: Origin, { counts }: Refined): Promise<boolean> =>
  counts.quarantined > 0 || (await lake.head(rejectedOf(origin))) !== undefined

const rejectedOf = ({ dataset, name }: Origin): string => quarantineKey(dataset.name, name)

async function putQuarantine(lake: Lake, origin: Origin, { counts, files }: Refined): Promise<void> {
  const body = counts.quarantined > 0 ? await readFile(files.quarantine) : new Uint8Array()
  await lake.put(rejectedOf(origin), body, {
    contentType: 'application/x-ndjson',
    metadata: madeOf(origin),
  })
}

/** False when it was to be stored only where none stands, and one does. */
async function putSilver(
  lake: Lake,
  origin: Origin,
  { counts, files }: Refined,
  ifAbsent = false,
): Promise<boolean> {
  const { key, name, dataset } = origin
  return lake.put(silverKey(dataset.silverFolder, name), await readFile(files.silver), {
    ifAbsent,
    contentType: 'application/vnd.apache.parquet',
    metadata: {
      ...madeOf(origin),
      'bronze-key': encodeURI(key), // metadata are ASCII; keys of ours stay as they are
      dataset: dataset.name,
      records: String(counts.records),
      silver: String(counts.silver),
      quarantined: String(counts.quarantined),
      duplicates: String(counts.duplicates),
      warned: String(counts.warned),
    },
  })
}
