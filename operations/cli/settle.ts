import { setTimeout as sleep } from 'node:timers/promises'
import type { Dataset } from '@cupel/core/dataset'
import { keptFailures } from '../stock.ts'
import { Failure } from './failure.ts'
import type { LocalPorts } from './local-ports.ts'

/** Records that are through a stage, of all that Kafka holds. */
export type Progress = {
  readonly what: string // 'transactions in gold', …
  readonly done: number
  readonly of: number
}

const pollMs = 250
const sweepAfterMs = 15_000 // without progress
const giveUpAfterMs = 120_000 // without progress

/**
 * Wait until every record that Kafka holds is in gold, in quarantine or a counted duplicate, and every transaction is
 * decided. Asks for a sweep when nothing moves for a while, as the schedule would some minutes later.
 *
 * @throws {Failure} that says what is missing, when nothing has moved for two minutes.
 */
export async function settle(
  ports: Pick<LocalPorts, 'kafka' | 'warehouse' | 'failures' | 'sweep'>,
  datasets: readonly Dataset[],
  signal: AbortSignal,
): Promise<void> {
  let last = ''
  let movedMs = performance.now()
  let sweptMs = movedMs
  while (!signal.aborted) {
    const progress = await measureProgress(ports, datasets)
    const open = progress.filter(({ done, of }) => done < of)
    if (open.length === 0) return
    const now = performance.now()
    if (JSON.stringify(progress) !== last) {
      last = JSON.stringify(progress)
      movedMs = sweptMs = now
    }
    if (now - movedMs > giveUpAfterMs) {
      const missing = open.map(({ what, done, of }) => `${of - done} of ${of} ${what}`).join(', ')
      throw new Failure(
        `nothing has moved for two minutes: still waiting for ${missing}. .cupel/cupel.log may say why`,
      )
    }
    if (now - sweptMs > sweepAfterMs) {
      await ports.sweep({ graceMs: 10_000 })
      sweptMs = now
    }
    await sleep(pollMs)
  }
}

export async function measureProgress(
  { kafka, warehouse, failures }: Pick<LocalPorts, 'kafka' | 'warehouse' | 'failures'>,
  datasets: readonly Dataset[],
): Promise<readonly Progress[]> {
  const inGold = new Map(
    (
      await warehouse.query<{ dataset: string; records: string }>(
        'SELECT dataset, sum(records) AS records FROM ledger GROUP BY dataset',
      )
    ).map(({ dataset, records }) => [dataset, Number(records)]),
  )
  const kept = await keptFailures(failures)
  const totals = await Promise.all(
    datasets.map(async ({ name, topic }) => ({ name, topic, of: (await kafka.offsets(topic)).records })),
  )
  const stages = totals.map(({ name, topic, of }) => ({
    what: `${name} in gold`,
    done: (inGold.get(name) ?? 0) + kept.filter((failure) => failure.topic === topic).length,
    of,
  }))
  const [decided] = await warehouse.query<{ done: string | null }>(
    "SELECT sum(next_offset) AS done FROM fraud_progress WHERE topic = 'transactions'",
  )
  const of = totals.find(({ name }) => name === 'transactions')?.of ?? 0
  return [...stages, { what: 'transactions decided', done: Math.min(of, Number(decided?.done ?? 0)), of }]
}
