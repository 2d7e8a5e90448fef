import { createHash } from 'node:crypto'
import type { Dataset } from '@cupel/core/dataset'
import { ObjectError } from '@cupel/core/errors'
import { landedBronzePrefix, landedContentKey, landedObjectKey, parseLandingKey } from '@cupel/core/keys'
import { forEachObject } from '@cupel/core/s3-event'
import type { ObjectStore } from '@cupel/io/object-store'
import { type TemporaryFolder, withTemporaryFolder } from '@cupel/io/temporary-folder'
import { bronzeObjects } from './bronze.ts'
import { type ReadPorts, readFile } from './read.ts'

export type LandPorts = {
  readonly lake: Pick<ObjectStore, 'put' | 'head' | 'stream' | 'list'>
  readonly datasets: readonly Dataset[]
  readonly openParquet: ReadPorts['openParquet']
  readonly warn: (line: string) => void
}
export type LandResult = {
  readonly files: number // landed now
  readonly records: number // that bronze holds of them
  readonly rejected: number // of these, no records: refine puts them into quarantine
  readonly skipped: number // landed before, under this name or another; gone since; or of no dataset
}
type Counts = { readonly records: number; readonly rejected: number; readonly objects: number }
/** A file under landing/, as it is now. */
type Source = {
  readonly key: string
  readonly name: string // below landing/<dataset>/
  readonly eTag: string
  readonly dataset: Dataset
}

const putsAtOnce = 4

/**
 * Take each file that an event names into bronze, record by record, and mark it as landed. The file stays where it is.
 *
 * Delivery: what is written depends on the file's content, and its place in bronze on its SHA-256; objects are created
 * once (`If-None-Match: *`). So the same content gives the same objects under any name, a second time changes nothing,
 * and what a crash interrupted goes on. Bad rows, and files that nobody can read, become records that refine puts into
 * quarantine. Throws only when the store or the engine does; Lambda retries.
 */
export const makeLandFile =
  ({ lake, datasets, openParquet, warn }: LandPorts) =>
  async (event: unknown): Promise<LandResult> => {
    const outcomes = await forEachObject(event, 'landed', land)
    const landed = outcomes.filter((counts) => counts !== undefined)
    return {
      files: landed.length,
      records: landed.reduce((sum, { records }) => sum + records, 0),
      rejected: landed.reduce((sum, { rejected }) => sum + rejected, 0),
      skipped: outcomes.length - landed.length,
    }

    async function land(key: string): Promise<Counts | undefined> {
      if (key.endsWith('/')) return undefined // how consoles make a folder
      const place = parseLandingKey(key)
      const takers = datasets.filter(({ landing }) => landing)
      const dataset = takers.find(({ name }) => name === place?.folder)
      if (!place || !dataset) {
        const known = takers.map(({ name }) => name).join(', ')
        warn(`${key} is not read: files go under landing/<dataset>/, and those that take any are ${known}`)
        return undefined
      }
      const object = await lake.head(key)
      if (!object) return undefined
      const source = { key, name: place.name, eTag: object.eTag, dataset }
      const marker = landedObjectKey(dataset.name, source)
      if (await lake.head(marker)) return undefined

      const sha256 = await hashOf(source)
      const content = landedContentKey(dataset.name, sha256)
      const isKnown = await lake.head(content)
      const counts = isKnown
        ? undefined
        : await withTemporaryFolder((folder) => store(source, sha256, folder))
      if (counts) await mark(content, { file: key, sha256, ...counts })
      await mark(marker, { file: key, sha256 })
      return counts
    }

    async function hashOf(source: Source): Promise<string> {
      const hash = createHash('sha256')
      for await (const bytes of (await open(source)).body) hash.update(bytes)
      return hash.digest('hex')
    }

    /** @throws {ObjectError} when it is gone, or another: Lambda's retry sees what stands there then. */
    async function open({ key, eTag }: Source) {
      const object = await lake.stream(key, { eTag })
      if (!object) throw new ObjectError(key, 'went away while it was read')
      return object
    }

    async function store(source: Source, sha256: string, folder: TemporaryFolder): Promise<Counts> {
      const { key, name, dataset } = source
      const { body, modifiedMs } = await open(source)
      const tell = (what: string): void => warn(`${key} ${what}`)
      const records = readFile({ name, body, dataset, spool: folder.file('file') }, { openParquet, tell })
      const stands = new Set<string>() // left by an attempt that did not come to its end
      for await (const { key } of lake.list(landedBronzePrefix(dataset.bronzeFolder, sha256))) stands.add(key)

      const counts = { records: 0, rejected: 0, objects: 0 }
      const puts: Promise<unknown>[] = []
      for await (const object of bronzeObjects(dataset, { name, sha256, modifiedMs }, records)) {
        counts.records += object.records
        counts.rejected += object.rejected
        counts.objects += 1
        if (stands.has(object.key)) continue
        const { metadata } = object
        const put = lake.put(object.key, object.body, {
          metadata,
          contentType: 'application/x-ndjson',
          ifAbsent: true,
        })
        put.catch(() => {}) // thrown where it is awaited
        if (puts.push(put) >= putsAtOnce) await puts.shift()
      }
      await Promise.all(puts)
      if (counts.records === 0) tell('holds no records')
      return counts
    }

    /** What it says stands in the object for people, and in its metadata for who looks at many. */
    async function mark(key: string, says: Record<string, string | number>): Promise<void> {
      const metadata = Object.entries(says).map(([name, value]) => [name, encodeURI(String(value))])
      await lake.put(key, Buffer.from(`${JSON.stringify(says)}\n`), {
        contentType: 'application/json',
        metadata: Object.fromEntries(metadata), // ASCII
      })
    }
  }
