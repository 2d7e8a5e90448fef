import { join } from 'node:path'
import { generateFinance } from '#datasets/finance/generate.ts'
import { datasets } from '#datasets/index.ts'
import { buildAll } from '../build.ts'
import { reconcile } from '../reconcile.ts'
import { takeStock, takeStockOfDecisions } from '../stock.ts'
import { cannotWrite, Failure, isSystemError } from './failure.ts'
import { takeRun } from './generator-run.ts'
import { dataDirectory, startLocalCloud } from './local-cloud.ts'
import { type LocalPorts, openLocalPorts } from './local-ports.ts'
import { produce } from './produce.ts'
import { makeReport, measureLatency, type Report } from './report.ts'
import { jsonScreen, plainScreen, type Screen } from './screen.ts'
import { settle } from './settle.ts'

export type StartOptions = {
  readonly transactions?: number // undefined: until interrupted
  readonly rate?: number // transactions a second
  readonly seed: number
  readonly json?: boolean
}

const unboundedRate = 100
const unboundedUsers = 500

/**
 * Run the whole on this machine: build, local cloud, sweep, generator. With a number of transactions: wait until every
 * record is settled, reconcile and report; 0 when the layers agree. Without: until Ctrl-C.
 */
export async function runStart(root: string, options: StartOptions): Promise<number> {
  const screen = options.json ? jsonScreen : plainScreen
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort())

  screen.note('Building the functions …')
  await buildAll(root).catch((error) => {
    throw isSystemError(error) ? cannotWrite(join(root, '.build'), error) : error
  })
  screen.note('Starting Kafka, S3, PostgreSQL and Lambda …')
  const cloud = await startLocalCloud(root, {
    onLine(line) {
      if (/\bALERT\b/.test(line)) screen.alert(line.slice(line.indexOf('ALERT')))
      if (line.startsWith('warning: ')) screen.note(line)
    },
    onMessage: screen.invocation,
  })
  const ports = openLocalPorts(cloud.endpoints)
  try {
    screen.running(cloud.endpoints, ports)
    const died = cloud.ended.then((reason) => {
      throw new Failure(`the local cloud ended: ${reason}`)
    })
    const report = await Promise.race([run(root, ports, options, interrupted.signal, screen), died]).catch(
      (error) => {
        // A terminal's Ctrl-C reaches the services too, so what talks to them may fail first.
        if (interrupted.signal.aborted) return undefined
        throw error
      },
    )
    if (report === undefined) return options.transactions === undefined ? 0 : 130
    screen.report(report)
    return report.problems.length === 0 ? 0 : 1
  } finally {
    await ports.close()
    screen.note('Stopping …')
    await cloud.stop()
    await screen.close()
  }
}

/** Undefined when it was interrupted. */
async function run(
  root: string,
  ports: LocalPorts,
  options: StartOptions,
  signal: AbortSignal,
  screen: Screen,
): Promise<Report | undefined> {
  // What an earlier run left half-way, however it ended, goes on first.
  await ports.sweep({ graceMs: 0 })

  const transactions = options.transactions ?? Number.POSITIVE_INFINITY
  const rate = options.rate ?? (options.transactions === undefined ? unboundedRate : undefined)
  const users = options.transactions === undefined ? unboundedUsers : undefined
  const records = generateFinance({
    ...(await takeRun(dataDirectory(root), options.seed, screen.note)),
    transactions,
    users,
  })
  screen.note(
    options.transactions === undefined
      ? `Generating ${rate} transactions a second until Ctrl-C; frauds appear below as they are found.\n`
      : `Generating ${options.transactions} transactions and what belongs to them …\n`,
  )
  const startedMs = Date.now() // as Kafka's timestamps are
  const started = performance.now()
  const produced = await produce(ports.kafka, records, { rate, paced: 'transactions', signal })
  await settle(ports, datasets, signal, join(dataDirectory(root), 'cupel.log'))
  if (signal.aborted) return undefined

  const seconds = (performance.now() - started) / 1000
  const stocks = await takeStock(ports, datasets)
  const decisions = await takeStockOfDecisions(ports.warehouse)
  const latencyMs = await measureLatency(
    ports.warehouse,
    datasets.map(({ table }) => table),
    startedMs,
  )
  return makeReport(stocks, decisions, {
    seconds,
    recordsPerSecond: Math.round(produced / seconds),
    latencyMs,
    problems: reconcile(stocks, decisions),
  })
}
