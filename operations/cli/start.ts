import { join } from 'node:path'
import { generateFinance } from '#datasets/finance/generate.ts'
import { datasets } from '#datasets/index.ts'
import { buildAll } from '../build.ts'
import { reconcile } from '../reconcile.ts'
import { takeStock, takeStockOfDecisions } from '../stock.ts'
import { type SourceWatch, watchSources } from '../watch.ts'
import { cannotWrite, Failure, isSystemError } from './failure.ts'
import { takeRun } from './generator-run.ts'
import { dataDirectory, startLocalCloud } from './local-cloud.ts'
import { type LocalPorts, openLocalPorts } from './local-ports.ts'
import { produce } from './produce.ts'
import { makeReport, measureLatency, type Report } from './report.ts'
import { openScreen, type Screen } from './screen.ts'
import { settle } from './settle.ts'

export type StartOptions = {
  readonly transactions?: number // undefined: until interrupted
  readonly rate?: number // transactions a second
  readonly seed: number
  readonly json?: boolean
  readonly plain?: boolean
  readonly inspect?: number // port of the first function's inspector
}

const alertLines = '[detectFraud] ALERT '
const unboundedRate = 100
const unboundedUsers = 500

/**
 * Run the whole on this machine: build, local cloud, sweep, generator. With a number of transactions: wait until every
 * record is settled, reconcile and report; 0 when the layers agree. Without: until Ctrl-C.
 */
export async function runStart(root: string, options: StartOptions): Promise<number> {
  const screen = await openScreen(options)
  const interrupted = new AbortController()
  const interrupt = () => {
    if (interrupted.signal.aborted) process.exit(130) // the services end in order by themselves
    interrupted.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)

  screen.note('Building the functions …')
  await buildAll(root).catch((error) => {
    throw isSystemError(error) ? cannotWrite(join(root, '.build'), error) : error
  })
  screen.note('Starting Kafka, S3, PostgreSQL and Lambda …')
  const listener = {
    onLine(line: string) {
      if (line.startsWith(alertLines)) screen.alert(line.slice(alertLines.length - 'ALERT '.length))
      if (line.startsWith('warning: ')) screen.note(line)
    },
    onMessage: screen.invocation,
    onReload: (functionKeys: readonly string[]) => screen.note(describeReload(functionKeys, sources)),
  }
  const cloud = await startLocalCloud(root, listener, options)
  const ports = openLocalPorts(cloud.endpoints)
  const sources = watchSources(root, screen.note)
  try {
    for (const [key, port] of Object.entries(cloud.inspectors))
      screen.note(`A debugger can attach to ${key} at 127.0.0.1:${port}.`)
    screen.running(cloud, ports, dataDirectory(root))
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
    screen.progress({ phase: 'stopping' })
    await sources.close()
    await ports.close()
    await cloud.stop()
    await screen.close()
  }
}

/** What reloaded, and how long after the edit that it comes from, if it comes from one. */
function describeReload(functionKeys: readonly string[], { changedMs }: SourceWatch): string {
  const tookMs = performance.now() - (changedMs() ?? Number.NEGATIVE_INFINITY)
  const since = tookMs < 5_000 ? `, ${Math.round(tookMs)} ms after the edit` : ''
  return `Reloaded ${functionKeys.join(', ')}${since}: the next invocation runs the new code.`
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
  const onSent = (sent: number) =>
    screen.progress({ phase: 'generating', sent, of: options.transactions, rate })
  onSent(0)
  const startedMs = Date.now() // as Kafka's timestamps are
  const started = performance.now()
  const produced = await produce(ports.kafka, records, { rate, paced: 'transactions', signal, onSent })
  screen.progress({ phase: 'settling' })
  await settle(ports, datasets, signal, join(dataDirectory(root), 'cupel.log'))
  if (signal.aborted) return undefined

  screen.progress({ phase: 'reconciling' })
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
