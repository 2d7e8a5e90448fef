import type { ObjectStore } from '@cupel/io/object-store'
import { inParallel } from './in-parallel.ts'
import type { KeptFailure } from './reconcile.ts'

/**
 * Records that are too large for an event, from the batch information of AWS's on-failure records, each once: a source
 * that was killed before it committed keeps a record again. Other objects in the bucket count for nothing: a batch that
 * failed too often is missing in bronze until somebody puts it there.
 *
 * What is `known`, by key, is not read again: such an object holds the whole record, and never changes.
 */
export async function keptFailures(
  failures: Pick<ObjectStore, 'list' | 'get'>,
  known = new Map<string, readonly KeptFailure[]>(),
): Promise<readonly KeptFailure[]> {
  const kept = await inParallel(failures.list(''), async ({ key }) => {
    const found = known.get(key) ?? failuresIn(Buffer.from((await failures.get(key))!.body).toString())
    known.set(key, found)
    return found
  })
  return [...new Map(kept.flat().map((failure) => [Object.values(failure).join(' '), failure])).values()]
}

/** https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html */
type OnFailureRecord = {
  requestContext?: { condition?: string }
  KafkaBatchInfo?: { recordsInfo?: Record<string, Record<string, string>> }
}

function failuresIn(document: string): readonly KeptFailure[] {
  let failure: OnFailureRecord | undefined
  try {
    failure = JSON.parse(document)
  } catch {} // not written by an event source
  if (failure?.requestContext?.condition !== 'MaximumPayloadSizeExceeded') return []
  return Object.entries(failure.KafkaBatchInfo?.recordsInfo ?? {}).map(([topicPartition, info]) => ({
    topic: topicPartition.slice(0, topicPartition.lastIndexOf('-')),
    partition: Number(topicPartition.slice(topicPartition.lastIndexOf('-') + 1)),
    firstOffset: Number(info.firstRecordOffset),
    lastOffset: Number(info.lastRecordOffset),
  }))
}
