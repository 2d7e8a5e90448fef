import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaPort, OutgoingRecord } from '@cupel/io/kafka'

const batchRecords = 1_000
const tickMs = 50 // how often a limited rate sends

/**
 * Append records in the order given, at most `rate` a second (undefined: as fast as the broker takes them), until they
 * end or `signal` is aborted. Returns how many were acknowledged.
 */
export async function produce(
  kafka: Pick<KafkaPort, 'produce'>,
  records: Iterable<OutgoingRecord>,
  { rate, signal }: { rate?: number; signal: AbortSignal },
): Promise<number> {
  const iterator = records[Symbol.iterator]()
  const startedMs = performance.now()
  let produced = 0
  for (;;) {
    if (signal.aborted) return produced
    const allowed =
      rate === undefined
        ? batchRecords
        : Math.floor(((performance.now() - startedMs) / 1000) * rate) - produced
    const batch = take(iterator, Math.min(batchRecords, allowed))
    if (batch === undefined) return produced
    if (batch.length > 0) await kafka.produce(batch)
    produced += batch.length
    if (rate !== undefined) await sleep(tickMs, undefined, { signal }).catch(() => {})
  }
}

/** The next records, `most` at the most; undefined when there are no more. */
function take<T>(iterator: Iterator<T>, most: number): T[] | undefined {
  const taken: T[] = []
  while (taken.length < most) {
    const next = iterator.next()
    if (next.done) return taken.length > 0 ? taken : undefined
    taken.push(next.value)
  }
  return taken
}
