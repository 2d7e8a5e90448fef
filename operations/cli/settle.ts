import { setTimeout as sleep } from 'node:timers/promises'
import type { Dataset } from '@cupel/core/dataset'
import type { TopicOffsets } from '@cupel/io/kafka'
import { summariesOf } from '#datasets/index.ts'
import { isDecided } from '#datasets/pipelines.ts'
import { keptFailures } from '../kept-failures.ts'
import { type LandedFile, landedFiles, landedRecords } from '../landed-files.ts'
import { countOffsets, type KeptFailure, sum } from '../reconcile.ts'
import { changesToSummarize } from '../summary-stock.ts'
import { Failure } from './failure.ts'
import type { LocalPorts } from './local-ports.ts'

/** Records that are through a stage, of all that Kafka holds. */
export type Progress = {
  readonly what: string // 'transactions in gold', …
  readonly done: number
  readonly of: number
}

const pollMs = 250
const summarizeAgainMs = 5_000
const sweepAfterMs = 15_000 // without progress
const giveUpAfterMs = 120_000 // without progress

/**
 * Wait until every record that Kafka holds is in gold, in quarantine or a counted duplicate, and decided where
 * decisions are taken, and the summaries are up to date. Asks for a sweep when nothing moves for a while, and for the
 * summaries when all else is done, as the schedules would some minutes later.
 *
 * @throws {Failure} that says what is missing, when nothing has moved for two minutes.
 */
export async function settle(
  ports: Pick<LocalPorts, 'kafka' | 'lake' | 'warehouse' | 'failures' | 'sweep' | 'summarize'>,
  datasets: readonly Dataset[],
  signal: AbortSignal,
  log = '.cupel/cupel.log', // where the local cloud writes why
): Promise<void> {
  const known: Known = { failures: new Map(), files: new Map() }
  let last = ''
  let movedMs = performance.now()
  let sweptMs = movedMs
  let summarizedMs = Number.NEGATIVE_INFINITY
  let failure = ''
  while (!signal.aborted) {
    let open: readonly Progress[] | undefined // undefined: nobody can tell
    try {
      const changes = await changesToSummarize(ports.warehouse, summariesOf(datasets))
      const progress = [
        ...(await measureProgress(ports, datasets, known)),
        { what: 'changes in summaries', done: 0, of: changes },
      ]
      open = progress.filter(({ done, of }) => done < of)
      if (open.length === 0) return
      if (open.length === 1 && changes > 0 && performance.now() - summarizedMs > summarizeAgainMs) {
        summarizedMs = performance.now()
        await ports.summarize({})
      }
      if (JSON.stringify(progress) !== last) {
        last = JSON.stringify(progress)
        movedMs = sweptMs = performance.now()
      }
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error) // a restart of PostgreSQL, a busy broker
    }
    const now = performance.now()
    if (now - movedMs > giveUpAfterMs) {
      const missing = open?.map(({ what, done, of }) => `${of - done} of ${of} ${what}`).join(', ')
      throw new Failure(
        `nothing has moved for two minutes: ${missing ? `still waiting for ${missing}` : failure}. ${log} may say why`,
      )
    }
    if (now - sweptMs > sweepAfterMs) {
      await ports.sweep({ graceMs: 10_000 }).catch(() => {}) // asked for again
      sweptMs = now
    }
    await sleep(pollMs)
  }
}

/** What was read once and need not be again, by key: see keptFailures and landedFiles. */
type Known = {
  readonly failures: Map<string, readonly KeptFailure[]>
  readonly files: Map<string, LandedFile['bronze']>
}

export async function measureProgress(
  { kafka, lake, warehouse, failures }: Pick<LocalPorts, 'kafka' | 'lake' | 'warehouse' | 'failures'>,
  datasets: readonly Dataset[],
  known?: Known,
): Promise<readonly Progress[]> {
  const loaded = await warehouse.query<{ dataset: string; partition: string | null; records: string }>(
    `SELECT dataset, substring(bronze_key FROM 'partition=(\\d+)/') AS partition, sum(records) AS records
       FROM ledger GROUP BY 1, 2`,
  )
  const fromFiles = await warehouse.query<{ dataset: string; records: string }>(
    "SELECT dataset, sum(records) AS records FROM ledger WHERE bronze_key ~ '^bronze/[^/]+/file=' GROUP BY 1",
  )
  const kept = await keptFailures(failures, known?.failures)
  const totals = await Promise.all(
    datasets.flatMap((dataset) => {
      const { topic } = dataset
      return topic === undefined
        ? []
        : [kafka.offsets(topic).then((offsets) => ({ dataset, topic, offsets }))]
    }),
  )
  const stages = totals.map(({ dataset: { name }, topic, offsets }) => {
    const tooLarge = kept.filter((failure) => failure.topic === topic)
    const inGold = loaded.filter(
      ({ dataset, partition }) =>
        dataset === name && offsets.partitions.some((each) => String(each.partition) === partition),
    )
    return {
      what: `${name} in gold`,
      done: sum(inGold, ({ records }) => Number(records)) + countOffsets(tooLarge),
      of: offsets.records,
    }
  })
  const files = await Promise.all(
    datasets.map(async (dataset) => {
      const found = await landedFiles(lake, dataset, known?.files)
      const open = found.filter(({ bronze }) => !bronze).length
      const inGold = fromFiles.find((row) => row.dataset === dataset.name)
      const of = landedRecords(found) + open
      return { what: `${dataset.name} of files in gold`, done: Number(inGold?.records ?? 0), of }
    }),
  )
  const decided = await warehouse.query<{ topic: string; partition: number; next_offset: string }>(
    'SELECT topic, partition, next_offset FROM fraud_progress',
  )
  const decisions = totals
    .filter(({ dataset }) => isDecided(dataset))
    .map(({ topic, offsets }) => {
      const progress = decided.filter((row) => row.topic === topic)
      const next = new Map(progress.map((row) => [row.partition, Number(row.next_offset)]))
      const tooLarge = kept.filter((failure) => failure.topic === topic)
      return { what: `${topic} decided`, done: countDecided(offsets, next, tooLarge), of: offsets.records }
    })
  return [...stages, ...files.filter(({ of }) => of > 0), ...decisions]
}

/**
 * How many of a topic's records detect-fraud is through with. It never sees those that are too large for an event: what
 * lies before `next` is counted there, what lies behind the last record that it saw is counted here.
 */
export function countDecided(
  { partitions }: TopicOffsets,
  next: ReadonlyMap<number, number>, // by partition
  tooLarge: readonly Omit<KeptFailure, 'topic'>[],
): number {
  return sum(partitions, ({ partition, start, end }) => {
    const from = Math.min(end, Math.max(start, next.get(partition) ?? start))
    const behind = tooLarge.filter(
      (failure) => failure.partition === partition && failure.firstOffset >= from,
    )
    return from - start + countOffsets(behind)
  })
}
