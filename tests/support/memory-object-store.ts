import { createHash } from 'node:crypto'
import { ObjectError } from '@cupel/core/errors'
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
    async stream(key, { eTag } = {}) {
      const object = objects.get(key)
      if (object && eTag !== undefined && eTag !== object.eTag)
        throw new ObjectError(key, 'could not be read (PreconditionFailed)')
      return object && { ...object, size: object.body.byteLength, body: pieces(object.body) }
    },
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

async function* pieces(body: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < body.byteLength; from += 65_536) yield body.subarray(from, from + 65_536)
}
