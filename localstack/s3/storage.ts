import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { open, readdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCode } from '../errors.ts'
import { noSuchBucket, noSuchKey, S3Error } from './errors.ts'
import { compareKeys, lowerBound } from './key-order.ts'
import { Draft, type ObjectMetadata, readMetadataSync, StoredObject } from './object-file.ts'
import { isLongPath, keyOfPath, objectPath, segmentName } from './object-path.ts'
import { makeSequencer } from './sequencer.ts'

/** What is kept in memory of each object: what a listing shows. */
export type Summary = {
  readonly size: number // bytes
  readonly eTag: string // without quotes
  readonly lastModifiedMs: number
  readonly uploadId?: string
}

/** A change that has happened: the object as it is now (created) or was last (removed), and the number of the change. */
export type Change = Summary & { readonly key: string; readonly timeMs: number; readonly sequencer: string }

export type Bucket = {
  readonly name: string
  readonly folder: string
  readonly createdMs: number
  readonly objects: Map<string, Summary>
  readonly keys: string[] // the keys of `objects` in the order of listings
}

/**
 * Buckets and objects on disk, with the keys in memory. One process owns a directory (`lockDirectory`).
 *
 * ```
 * buckets/<name>/objects/…      one file an object, see object-path.ts and object-file.ts
 * buckets/<name>/uploads/<id>/  upload.json and a file a part
 * temporary/                    what is being written or removed; emptied at start
 * sequence                      see sequencer.ts
 * ```
 * Drafts are written and synced aside. Publishing checks conditions, renames and changes the memory in one synchronous
 * step: nothing comes between, so of concurrent conditional writes one wins, and a crash leaves the old object or the new
 * one. After it the folder is synced, before the caller goes on.
 */
export class Store {
  readonly buckets = new Map<string, Bucket>()
  readonly #directory: string
  readonly #nextSequencer: () => string
  #drafts = 0

  private constructor(directory: string) {
    this.#directory = directory
    this.#nextSequencer = makeSequencer(join(directory, 'sequence'))
  }

  /** Reads what is there. Files that are no objects stay where they are; `log` gets a line for each. */
  static async open(directory: string, log: (line: string) => void): Promise<Store> {
    const store = new Store(directory)
    await rm(join(directory, 'temporary'), { recursive: true, force: true })
    mkdirSync(join(directory, 'temporary'), { recursive: true })
    mkdirSync(join(directory, 'buckets'), { recursive: true })
    for (const entry of await readdir(join(directory, 'buckets'), { withFileTypes: true })) {
      const name = keyOfPath(`${entry.name}@`)
      if (!entry.isDirectory() || name === undefined) continue
      const bucket = store.#addBucket(name)
      await loadObjects(join(bucket.folder, 'objects'), '', bucket.objects, log)
      for (const key of [...bucket.objects.keys()].sort(compareKeys)) bucket.keys.push(key)
      await sweepUploads(bucket)
    }
    return store
  }

  bucket(name: string): Bucket {
    const bucket = this.buckets.get(name)
    if (!bucket) throw noSuchBucket(name)
    return bucket
  }

  async createBucket(name: string): Promise<void> {
    this.#addBucket(name)
    await syncFolder(join(this.#directory, 'buckets'))
  }

  async deleteBucket(name: string): Promise<void> {
    const bucket = this.bucket(name)
    if (bucket.keys.length > 0) {
      throw new S3Error('BucketNotEmpty', 'The bucket you tried to delete is not empty', { BucketName: name })
    }
    const away = this.#temporary()
    renameSync(bucket.folder, away)
    this.buckets.delete(name)
    await rm(away, { recursive: true, force: true })
  }

  /** Lends a new file to write an object or a part into. What is not published by the end of `use` is removed. */
  async withDraft<T>(use: (draft: Draft) => Promise<T>): Promise<T> {
    const draft = await Draft.create(this.#temporary())
    try {
      return await use(draft)
    } finally {
      await draft.discard()
    }
  }

  /**
   * Puts a sealed draft in place. `check` gets the object that it would replace and throws to refuse; it runs in the same
   * step as the replacement.
   */
  async publish(
    bucket: Bucket,
    draft: Draft,
    { key, size, eTag, lastModifiedMs, uploadId }: ObjectMetadata,
    check: (current: Summary | undefined) => void,
  ): Promise<Change> {
    const path = this.#path(bucket, key)
    check(bucket.objects.get(key))
    if (this.buckets.get(bucket.name) !== bucket) throw noSuchBucket(bucket.name)
    const sequencer = this.#nextSequencer()
    const made = mkdirSync(dirname(path), { recursive: true })
    renameSync(draft.path, path)
    if (!bucket.objects.has(key)) bucket.keys.splice(lowerBound(bucket.keys, key), 0, key)
    const summary = { size, eTag, lastModifiedMs, ...(uploadId && { uploadId }) }
    bucket.objects.set(key, summary)
    await syncFolders(dirname(path), made ? dirname(made) : dirname(path))
    return { ...summary, key, timeMs: lastModifiedMs, sequencer }
  }

  /** Removes an object; undefined when there is none. `check` as in `publish`. */
  async remove(
    bucket: Bucket,
    key: string,
    check: (current: Summary | undefined) => void,
  ): Promise<Change | undefined> {
    const current = bucket.objects.get(key)
    check(current)
    if (!current) return undefined
    const path = this.#path(bucket, key)
    const sequencer = this.#nextSequencer()
    rmSync(path, { force: true })
    bucket.objects.delete(key)
    bucket.keys.splice(lowerBound(bucket.keys, key), 1)
    await syncFolder(dirname(path))
    return { ...current, key, timeMs: Date.now(), sequencer }
  }

  /** Opens an object as it is now; the caller closes it. Throws `NoSuchKey`. */
  async object(bucket: Bucket, key: string): Promise<StoredObject> {
    if (!bucket.objects.has(key)) throw noSuchKey(key)
    try {
      return await StoredObject.open(this.#path(bucket, key))
    } catch (error) {
      if (systemCode(error) === 'ENOENT') throw noSuchKey(key)
      throw error
    }
  }

  #path(bucket: Bucket, key: string): string {
    return join(bucket.folder, 'objects', objectPath(key))
  }

  #temporary(): string {
    return join(this.#directory, 'temporary', String(++this.#drafts))
  }

  #addBucket(name: string): Bucket {
    const folder = join(this.#directory, 'buckets', segmentName(name))
    mkdirSync(join(folder, 'objects'), { recursive: true })
    mkdirSync(join(folder, 'uploads'), { recursive: true })
    const createdMs = Math.trunc(statSync(folder).birthtimeMs)
    const bucket = { name, folder, createdMs, objects: new Map<string, Summary>(), keys: [] }
    this.buckets.set(name, bucket)
    return bucket
  }
}

/** Reads a folder of objects and those below it, and removes folders that hold nothing. Gives the number of entries left. */
async function loadObjects(
  root: string,
  folder: string,
  objects: Map<string, Summary>,
  log: (line: string) => void,
): Promise<number> {
  const entries = await readdir(join(root, folder), { withFileTypes: true })
  let left = 0
  for (const entry of entries) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) {
      if ((await loadObjects(root, path, objects, log)) > 0) left++
      else await rmdir(join(root, path))
      continue
    }
    left++
    // Synchronous: a hundred thousand small reads take 1.5 s so, and several times that through the thread pool.
    const metadata = entry.isFile() ? readMetadataSync(join(root, path)) : undefined
    const key = isLongPath(path) ? metadata?.key : keyOfPath(path)
    if (metadata && metadata.key === key && objectPath(key) === path) {
      const { size, eTag, lastModifiedMs, uploadId } = metadata
      objects.set(key, { size, eTag, lastModifiedMs, ...(uploadId && { uploadId }) })
    } else {
      log(`S3 leaves out ${join(root, path)}: it is no complete object. Remove it, or put the object again`)
    }
  }
  return left
}

/** Removes uploads whose object came into being just before a crash. */
async function sweepUploads(bucket: Bucket): Promise<void> {
  for (const id of await readdir(join(bucket.folder, 'uploads'))) {
    const folder = join(bucket.folder, 'uploads', id)
    let key: unknown
    try {
      key = JSON.parse(readFileSync(join(folder, 'upload.json'), 'utf8')).key
    } catch {
      key = undefined // the crash came before the upload existed
    }
    if (typeof key !== 'string' || bucket.objects.get(key)?.uploadId === id) {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** Syncs `folder` and those above it up to `top`. */
async function syncFolders(folder: string, top: string): Promise<void> {
  await syncFolder(folder)
  if (folder.length > top.length) await syncFolders(dirname(folder), top)
}

/** Brings the names in a folder to disk. Windows can't, and does without. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  try {
    const handle = await open(folder, 'r')
    await handle.sync().finally(() => handle.close())
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error // removed meanwhile, and with it what was to be kept
  }
}

export const newUploadId = (): string => randomUUID().replaceAll('-', '')
