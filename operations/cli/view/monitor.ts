import { setTimeout as sleep } from 'node:timers/promises'
import { keptFailures } from '../../kept-failures.ts'
import { countOffsets, type KeptFailure, lagOf, sum } from '../../reconcile.ts'
import type { ConsumerGroup } from '../local-cloud.ts'
import type { LocalPorts } from '../local-ports.ts'
import type { Measurement } from './model.ts'

export type MonitorPorts = Pick<LocalPorts, 'kafka' | 'warehouse' | 'failures'>
/** What is looked at: datasets, by their names, and who reads their topics. */
export type Watched = {
  readonly datasets: readonly string[]
  readonly consumerGroups: readonly ConsumerGroup[]
}
export type Monitor = {
  /** Something happened: measure at the usual pace again. */
  readonly wake: () => void
  readonly stop: () => void
}

const idleAfter = 5 // measurements alike
const idleEveryMs = 5_000
const failuresEveryMs = 10_000
const ledgerShare = 50 // the ledger is summed again after this many times as long as it took

/**
 * Measure every `everyMs` until `stop`, and more seldom while nothing moves. No measurement takes longer the longer a run
 * is, but for the sum of the ledger, which is taken the more seldom the longer it takes: never more than 2 % of the time.
 * A measurement that fails (a restart of PostgreSQL) is left out.
 */
export function startMonitor(
  ports: MonitorPorts,
  watched: Watched,
  { everyMs, onMeasurement }: { everyMs: number; onMeasurement: (measurement: Measurement) => void },
): Monitor {
  const measure = makeMeasure(ports, watched)
  const stopped = new AbortController()
  let woken = new AbortController()
  let alike = 0
  let last = ''
  const run = async () => {
    while (!stopped.signal.aborted) {
      const measurement = await measure().catch(() => undefined)
      if (stopped.signal.aborted) return
      if (measurement) {
        onMeasurement(measurement)
        const { atMs, ...counts } = measurement
        const text = JSON.stringify(counts)
        alike = text === last ? alike + 1 : 0
        last = text
      }
      woken = new AbortController()
      const signal = AbortSignal.any([stopped.signal, woken.signal])
      if (alike < idleAfter) await sleep(everyMs, undefined, { signal: stopped.signal }).catch(() => {})
      else await sleep(idleEveryMs, undefined, { signal }).catch(() => {})
    }
  }
  void run()
  return {
    wake() {
      if (alike >= idleAfter) woken.abort()
      alike = 0
    },
    stop: () => stopped.abort(),
  }
}

/** One measurement at a time; each asks what may have changed since the one before. */
export function makeMeasure(
  { kafka, warehouse, failures }: MonitorPorts,
  { datasets, consumerGroups }: Watched,
): () => Promise<Measurement> {
  const ingest = consumerGroups.filter(({ functionKey }) => functionKey === 'ingestStream')
  const detect = consumerGroups.filter(({ functionKey }) => functionKey === 'detectFraud')
  const known = new Map<string, readonly KeptFailure[]>()
  let frauds: number | undefined
  const tooLarge = atMostEvery(
    () => failuresEveryMs,
    async () => countOffsets(await keptFailures(failures, known)),
  )
  const ledger = atMostEvery(
    (tookMs) => tookMs * ledgerShare,
    () =>
      oneRow<'records' | 'quarantined' | 'duplicates' | 'beside'>(
        `SELECT coalesce(sum(records), 0) AS records, coalesce(sum(quarantined), 0) AS quarantined,
                coalesce(sum(duplicates), 0) AS duplicates,
                coalesce(sum(records) FILTER (WHERE bronze_key !~ '/partition=\\d+/'), 0) AS beside
           FROM ledger WHERE dataset = ANY($1)`,
        [datasets],
      ),
  )
  return async () => {
    const topics = [...new Set(consumerGroups.map(({ topic }) => topic))]
    const offsets = new Map(
      await Promise.all(topics.map(async (topic) => [topic, await kafka.offsets(topic)] as const)),
    )
    const through = async (groups: readonly ConsumerGroup[]) => {
      const found = await Promise.all(
        groups.map(async ({ groupId, topic }) => {
          const committed = await kafka.committed(groupId, topic)
          const topicOffsets = offsets.get(topic)!
          return {
            through: sum(topicOffsets.partitions, ({ partition }) => committed.get(partition) ?? 0),
            lag: lagOf(topicOffsets, committed),
          }
        }),
      )
      return { through: sum(found, ({ through }) => through), lag: sum(found, ({ lag }) => lag) }
    }
    const fraud = async () => {
      frauds ??= (
        await oneRow<'found'>("SELECT count(*) AS found FROM fraud_decisions WHERE verdict = 'fraud'")
      ).found
      const { lag } = await through(detect)
      const counts = await oneRow<'through' | 'duplicates'>(
        `SELECT coalesce(sum(next_offset - first_offset), 0) AS through, coalesce(sum(duplicates), 0) AS duplicates
           FROM fraud_progress`,
      )
      return { lag, ...counts, found: frauds }
    }
    // Files and edits have no offsets: what is known of them is what is in gold.
    const { beside, ...counted } = await ledger()
    const streamed = await through(ingest)
    return {
      atMs: performance.now(),
      bronze: { ...streamed, through: streamed.through + beside },
      tooLarge: await tooLarge(),
      ledger: counted,
      ...(detect.length > 0 && { fraud: await fraud() }),
    }
  }

  async function oneRow<Name extends string>(
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<Record<Name, number>> {
    const [row] = await warehouse.query<Record<Name, string>>(sql, values) // bigint and numeric come as text
    return Object.fromEntries(Object.entries(row!).map(([name, value]) => [name, Number(value)])) as Record<
      Name,
      number
    >
  }
}

/** `look`, or what it found last when it is not yet `pauseMs` ago, of how long it took. */
function atMostEvery<T>(pauseMs: (tookMs: number) => number, look: () => Promise<T>): () => Promise<T> {
  let found: { readonly value: T; readonly untilMs: number } | undefined
  return async () => {
    const startedMs = performance.now()
    if (found && startedMs < found.untilMs) return found.value
    const value = await look()
    const endedMs = performance.now()
    found = { value, untilMs: endedMs + pauseMs(endedMs - startedMs) }
    return value
  }
}
