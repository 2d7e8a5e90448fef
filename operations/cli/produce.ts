import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaPort, OutgoingRecord } from '@cupel/io/kafka'
import type { Due } from './pace.ts'

const batchRecords = 1_000
const tickMs = 50 // how often paced records are sent
const mostBehindMs = 1_000 // what is caught up with; more is let go, so that no flood follows a pause
const watchMs = 5_000
const sayAgainMs = 60_000
const tooSlow = 0.9

export type ProduceOptions<Outgoing> = {
  readonly due?: Due<Outgoing> // undefined: everything as fast as the broker takes it
  readonly signal: AbortSignal
  readonly onSent?: (acknowledged: readonly Outgoing[]) => void
  /** Told, at most once a minute, when for ten seconds only this share of the pace was kept. */
  readonly onBehind?: (share: number) => void
}

/**
 * Append records in the order given until they end or `signal` is aborted, none before it is due. Returns how many were
 * acknowledged; an abort does not wait for a broker that takes none.
 */
export async function produce<Outgoing extends OutgoingRecord>(
  kafka: Pick<KafkaPort, 'produce'>,
  records: Iterable<Outgoing>,
  { due = () => undefined, signal, onSent = () => {}, onBehind = () => {} }: ProduceOptions<Outgoing>,
): Promise<number> {
  const aborted = once(signal, 'abort').then(() => false)
  const iterator = records[Symbol.iterator]()
  const take = () => {
    const next = iterator.next()
    return { next, dueMs: next.done ? undefined : due(next.value) }
  }
  const watch = watchPace(onBehind)
  let startedMs: number | undefined // of the first record that waits, later by all that was let go
  let produced = 0
  for (let { next, dueMs } = take(); !next.done && !signal.aborted; ) {
    const batch: Outgoing[] = []
    let lastDueMs: number | undefined
    for (; !next.done && batch.length < batchRecords; { next, dueMs } = take()) {
      if (dueMs !== undefined) {
        startedMs ??= performance.now()
        if (dueMs > performance.now() - startedMs) break
        lastDueMs = dueMs
      }
      batch.push(next.value)
    }
    if (batch.length > 0) {
      const acknowledged = await Promise.race([kafka.produce(batch).then(() => true), aborted])
      if (!acknowledged) break
    }
    produced += batch.length
    if (batch.length > 0) onSent(batch)
    if (startedMs !== undefined) {
      const behindMs = lastDueMs === undefined ? 0 : performance.now() - startedMs - lastDueMs
      const lostMs = Math.max(0, behindMs - mostBehindMs)
      startedMs += lostMs
      watch(performance.now(), lostMs)
    }
    if (batch.length < batchRecords) await sleep(tickMs, undefined, { signal }).catch(() => {})
  }
  return produced
}

/** Notices when a good part of the time is lost in two stretches of watching after each other: one may be a laptop's sleep. */
export function watchPace(onBehind: (share: number) => void): (nowMs: number, lostMs: number) => void {
  let sinceMs: number | undefined
  let lost = 0
  let wasSlow = false
  let saidMs = Number.NEGATIVE_INFINITY
  return (nowMs, lostMs) => {
    sinceMs ??= nowMs
    lost += lostMs
    if (nowMs - sinceMs < watchMs) return
    const share = Math.max(0, 1 - lost / (nowMs - sinceMs))
    const isSlow = share < tooSlow
    if (isSlow && wasSlow && nowMs - saidMs >= sayAgainMs) {
      saidMs = nowMs
      onBehind(share)
    }
    wasSlow = isSlow
    sinceMs = nowMs
    lost = 0
  }
}
