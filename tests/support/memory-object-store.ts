import { createHash } from 'node:crypto'
import type { Metadata, ObjectStore } from '@cupel/io/object-store'

type Entry = {
  readonly body: Uint8Array
  readonly eTag: string
  readonly metadata: Metadata
  readonly modifiedMs: number
}

/** One bucket in memory. tests/contracts/object-store.test.ts holds it to what S3 does. */
export function memoryObjectStore(
  now: () => number = Date.now,
): ObjectStore & { readonly keys: () => string[] } {
  const objects = new Map<string, Entry>()
  const inOrder = () => [...objects.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return {
    keys: inOrder,
    async put(key, body, { metadata = {}, ifAbsent } = {}) {
      if (ifAbsent && objects.has(key)) return false
      const eTag = createHash('md5').update(body).digest('hex')
      objects.set(key, { body: Uint8Array.from(body), eTag, metadata, modifiedMs: now() })
      return true
    },
    get: async (key) => objects.get(key),
    head: async (key) => objects.get(key),
    async *list(prefix, { startAfter } = {}) {
      for (const key of inOrder()) {
        const after =
          startAfter === undefined || Buffer.compare(Buffer.from(key), Buffer.from(startAfter)) > 0
        if (!key.startsWith(prefix) || !after) continue
        const { eTag, body, modifiedMs } = objects.get(key)!
        yield { key, eTag, size: body.byteLength, modifiedMs }
      }
    },
  }
}
