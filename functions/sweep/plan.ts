import { parseBronzeKey, silverKey } from '@cupel/core/keys'
import type { ListedObject } from '@cupel/io/object-store'

/**
 * The bronze objects that have no silver object yet. Both listings are of one dataset and in key order, in which a
 * bronze object and the silver one made of it stand at the same place: one pass over both, flat memory.
 */
export async function* withoutSilver(
  bronze: AsyncIterable<ListedObject>,
  silver: AsyncIterable<ListedObject>,
  silverFolder: string,
): AsyncGenerator<ListedObject> {
  const made = silver[Symbol.asyncIterator]()
  let next = await made.next()
  for await (const object of bronze) {
    const place = parseBronzeKey(object.key)
    if (!place) continue
    const expected = silverKey(silverFolder, place.name)
    while (!next.done && next.value.key < expected) next = await made.next()
    if (next.done || next.value.key !== expected) yield object
  }
}
