import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaPort, OutgoingRecord } from '@cupel/io/kafka'

const batchRecords = 1_000
const tickMs = 50 // how often a limited rate sends

export type Pace = {
  readonly rate: number | undefined
  readonly paced: string // topic
  readonly signal: AbortSignal
  readonly onSent?: (paced: number) => void // how many of the paced topic were acknowledged so far
}

/**
 * Append records in the order given until they end or `signal` is aborted: those of `paced` topics at most `rate` a
 * second, all others, and all without a rate, as fast as the broker takes them. Returns how many were acknowledged;
 * an abort does not wait for a broker that takes none.
 */
export async function produce(
  kafka: Pick<KafkaPort, 'produce'>,
  records: Iterable<OutgoingRecord>,
  { rate, paced, signal, onSent }: Pace,
): Promise<number> {
  const aborted = once(signal, 'abort').then(() => false)
  const iterator = records[Symbol.iterator]()
  let startedMs: number | undefined // of the first paced record
  let sentPaced = 0
  let produced = 0
  for (let next = iterator.next(); !next.done && !signal.aborted; ) {
    const batch: OutgoingRecord[] = []
    for (; !next.done && batch.length < batchRecords; next = iterator.next()) {
      if (next.value.topic === paced) {
        startedMs ??= performance.now()
        if (rate !== undefined && sentPaced >= ((performance.now() - startedMs) / 1000) * rate) break
        sentPaced++
      }
      batch.push(next.value)
    }
    if (batch.length > 0) {
      const acknowledged = await Promise.race([kafka.produce(batch).then(() => true), aborted])
      if (!acknowledged) break
    }
    produced += batch.length
    if (batch.length > 0) onSent?.(sentPaced)
    if (batch.length < batchRecords) await sleep(tickMs, undefined, { signal }).catch(() => {})
  }
  return produced
}
