import { ObjectError, TopicReplacedError } from '@cupel/core/errors'
import { addressOf, decodeMskEvent } from '@cupel/core/kafka-event'
import { bronzeKey, bronzePrefix } from '@cupel/core/keys'
import type { ObjectStore } from '@cupel/io/object-store'
import { bronzeObject, firstDifference, type PartitionBatch, splitByPartition } from './plan.ts'

export type IngestPorts = {
  readonly lake: Pick<ObjectStore, 'put' | 'get' | 'head' | 'list'>
  readonly folderOf: (topic: string) => string | undefined
}
export type IngestResult = {
  readonly objects: number // written now
  readonly records: number // written now
  readonly redelivered: number // stood in bronze already
}

/**
 * Write each record of a Kafka batch to bronze, exactly as received.
 *
 * Delivery: every offset of a topic-partition stands in exactly one object, whatever is redelivered with whatever
 * boundaries. An object is created once (`If-None-Match: *`), and always begins where its predecessor ended: two
 * writers that know the same predecessor therefore want the same key, one wins, and the other starts after it.
 * Throws only when the store does, or when a topic was made anew; Lambda redelivers the batch.
 */
export function makeIngest({ lake, folderOf }: IngestPorts) {
  // What this environment wrote last, by topic-partition: going on from there needs no look-up.
  const ownNext = new Map<string, number>()

  return async (event: unknown): Promise<IngestResult> => {
    const batches = splitByPartition(decodeMskEvent(event), folderOf)
    const results = await Promise.all(batches.map((batch) => store(batch)))
    return results.reduce(add, { objects: 0, records: 0, redelivered: 0 })
  }

  async function store(batch: PartitionBatch): Promise<IngestResult> {
    const topicPartition = `${batch.topic}-${batch.partition}`
    let records = batch.records
    let goesOn = ownNext.get(topicPartition) === records[0]?.offset
    while (records[0] !== undefined) {
      if (!goesOn) {
        const unstored = await withoutStored({ ...batch, records })
        goesOn = unstored.length === records.length
        records = unstored
        continue
      }
      const object = bronzeObject({ ...batch, records })
      goesOn = await lake.put(object.key, object.body, {
        metadata: object.metadata,
        contentType: 'application/x-ndjson',
        ifAbsent: true,
      })
      if (goesOn) break
    }
    const last = records.at(-1)
    // Where the whole batch stood already, its end need not be bronze's: the next batch looks it up.
    if (last === undefined) ownNext.delete(topicPartition)
    else ownNext.set(topicPartition, last.offset + 1)
    const redelivered = batch.records.length - records.length
    return { objects: records.length > 0 ? 1 : 0, records: records.length, redelivered }
  }

  /** The records that the object before, or at, the first one's offset does not hold. */
  async function withoutStored({ folder, topic, partition, records }: PartitionBatch) {
    const predecessor = await findPredecessor(folder, topic, partition, records[0]!.offset)
    if (predecessor === undefined) return records
    const stored = records.filter(({ offset }) => offset <= predecessor.lastOffset)
    if (stored.length > 0) {
      const object = await lake.get(predecessor.key)
      const different = object && firstDifference(stored, object.body)
      if (different) throw new TopicReplacedError(addressOf(different), predecessor.key)
    }
    return records.slice(stored.length)
  }

  /**
   * The object with the greatest first offset ≤ `offset`. S3 lists forwards only, so look at a window that ends there,
   * wider and wider: objects hold at most 10,000 records (the largest batch), and gaps in a topic are rare. What lacks
   * the metadata of bronze was put there by somebody else and is passed over, unless it takes the batch's own place.
   */
  async function findPredecessor(folder: string, topic: string, partition: number, offset: number) {
    const at = { topic, partition }
    const last = bronzeKey(folder, at, offset)
    for (let width = 10_000; ; width *= 100) {
      const from = offset - width
      const found: string[] = []
      const startAfter = from > 0 ? bronzeKey(folder, at, from) : undefined
      for await (const { key } of lake.list(bronzePrefix(folder, at), { startAfter })) {
        if (key > last) break
        found.push(key)
      }
      for (const key of found.reverse()) {
        const object = await lake.head(key)
        if (object === undefined) throw new ObjectError(key, 'was listed and is gone')
        const lastOffset = Number(object.metadata['last-offset'])
        if (Number.isSafeInteger(lastOffset)) return { key, lastOffset }
        if (key === last)
          throw new ObjectError(
            key,
            'stands where a batch belongs, without the metadata of bronze. Move it away',
          )
      }
      if (startAfter === undefined) return undefined
    }
  }
}

const add = (a: IngestResult, b: IngestResult): IngestResult => ({
  objects: a.objects + b.objects,
  records: a.records + b.records,
  redelivered: a.redelivered + b.redelivered,
})
