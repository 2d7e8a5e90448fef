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

/**
 * Store what was refined; false where the silver object that stands there was made of this already. Silver is written last
 * and says in its metadata what it was made of: one that stands there is whole. Where nothing is rejected any more, a
 * quarantine object that an earlier version left behind becomes empty.
 *
 * Most objects are refined once, so whether silver stands there is asked by writing it where none does.
 */
export async function putRefined(
  lake: Pick<ObjectStore, 'put' | 'head'>,
  origin: Origin,
  { counts, files }: Refined,
): Promise<boolean> {
  const { key, name, dataset } = origin
  const rejected = quarantineKey(dataset.name, name)
  if (counts.quarantined > 0 || (await lake.head(rejected))) {
    if (await isRefined(lake, origin)) return false // quarantine is to be that of this silver object
    await lake.put(rejected, counts.quarantined > 0 ? await readFile(files.quarantine) : new Uint8Array(), {
      contentType: 'application/x-ndjson',
      metadata: madeOf(origin),
    })
  }
  const silver = silverKey(dataset.silverFolder, name)
  const body = await readFile(files.silver)
  const options = {
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
  }
  if (await lake.put(silver, body, { ...options, ifAbsent: true })) return true
  if (await isRefined(lake, origin)) return false
  return lake.put(silver, body, options)
}
