import type { Dataset } from '@cupel/core/dataset'
import { parseBronzeKey } from '@cupel/core/keys'
import type { RefineCounts } from '@cupel/core/refinement'
import { forEachObject } from '@cupel/core/s3-event'
import type { ObjectStore } from '@cupel/io/object-store'
import { putUnlessRefined, type RefineFile, refineInto } from '@cupel/io/refined-object'
import { type TemporaryFolder, type WithFolder, withTemporaryFolder } from '@cupel/io/temporary-folder'

export type RefinePorts = {
  readonly lake: Pick<ObjectStore, 'put' | 'stream' | 'head'>
  readonly datasetOf: (bronzeFolder: string) => Dataset | undefined
  readonly refineFile: RefineFile
  readonly withFolder?: WithFolder
}
export type RefineResult = RefineCounts & {
  readonly objects: number // refined now
  readonly skipped: number // refined before, gone since, or not of a dataset
}

/**
 * Refine each bronze object that an event names to one silver object and, where records are rejected, one quarantine
 * object. Same bronze and dataset version, same keys and bytes.
 *
 * Delivery: silver is written last (`putUnlessRefined`), so an object that stands there is whole and a second delivery
 * changes nothing. Throws only when the store or the engine does, or an object is no bronze; the other objects of the
 * event are refined all the same, and Lambda retries.
 */
export const makeRefine =
  ({ lake, datasetOf, refineFile, withFolder = withTemporaryFolder }: RefinePorts) =>
  async (event: unknown): Promise<RefineResult> => {
    const outcomes = await forEachObject(event, 'refined', (key) =>
      withFolder((folder) => refineObject(key, folder)),
    )
    const refined = outcomes.filter((counts) => counts !== undefined)
    const total = (name: keyof RefineCounts): number => refined.reduce((sum, counts) => sum + counts[name], 0)
    return {
      objects: refined.length,
      skipped: outcomes.length - refined.length,
      records: total('records'),
      silver: total('silver'),
      quarantined: total('quarantined'),
      duplicates: total('duplicates'),
      warned: total('warned'),
    }

    async function refineObject(key: string, folder: TemporaryFolder): Promise<RefineCounts | undefined> {
      const place = parseBronzeKey(key)
      const dataset = place && datasetOf(place.folder)
      if (!place || !dataset) return undefined

      const bronze = await lake.stream(key)
      if (bronze === undefined) return undefined
      const origin = { key, name: place.name, eTag: bronze.eTag, dataset }
      const refined = await refineInto(folder, origin, bronze.body, refineFile)
      return (await putUnlessRefined(lake, origin, refined)) ? refined.counts : undefined
    }
  }
