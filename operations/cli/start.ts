import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { generateFinance } from '#datasets/finance/generate.ts'
import { datasets } from '#datasets/index.ts'
import { buildAll } from '../build.ts'
import { reconcile } from '../reconcile.ts'
import { type SourceWatch, watchSources } from '../watch.ts'
import { startContainers, stopContainersCommand } from './compose.ts'
import { cannotWrite, Failure, isSystemError } from './failure.ts'
import { takeRun } from './generator-run.ts'
import { dataDirectory, type Endpoints, startLocalCloud } from './local-cloud.ts'
import { type LocalPorts, openLocalPorts } from './local-ports.ts'
import { byClock, evenly, type Pace, planPace, shown } from './pace.ts'
import { produce } from './produce.ts'
import { makeReport, measureLatency, type Report } from './report.ts'
import { openScreen, type Screen } from './screen.ts'
import { settle } from './settle.ts'

export type StartOptions = {
  readonly transactions?: number // undefined: until interrupted
  readonly users?: number
  readonly rate?: number // transactions a second
  readonly speed?: number // simulated days a minute
  readonly dirt: number // percent of the records
  readonly fraud: number // percent of the transactions
  readonly seed: number
  readonly generator: boolean // false: records come from elsewhere, until interrupted
  readonly services: 'embedded' | 'compose'
  readonly json?: boolean
  readonly plain?: boolean
  readonly inspect?: number // port of the first function's inspector
}

const alertLines = '[detectFraud] ALERT '

/**
 * Run the whole on this machine: build, local cloud, sweep, generator. With a number of transactions: wait until every
 * record is settled, reconcile and report; 0 when the layers agree. Without: until Ctrl-C.
 */
export async function runStart(root: string, options: StartOptions): Promise<number> {
  const pace = planPace(options) // refuses before anything is started
  const screen = await openScreen(options)
  const interrupted = new AbortController()
  const interrupt = () => interrupted.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      interrupt()
      process.on(signal, () => process.exit(130)) // the services end in order by themselves
    })
  // Nobody reads any more: a terminal that was closed, `| head`.
  process.on('SIGHUP', interrupt)
  process.stdout.on('error', interrupt)
  try {
    return await startAndRun(root, { ...options, pace }, interrupted.signal, screen)
  } catch (error) {
    // A terminal's Ctrl-C reaches docker, esbuild and the services too, so what talks to them may fail first.
    if (interrupted.signal.aborted) return 130
    throw error
  } finally {
    await screen.close()
  }
}

async function startAndRun(
  root: string,
  options: StartOptions & { readonly pace: Pace },
  signal: AbortSignal,
  screen: Screen,
): Promise<number> {
  const pages = options.services === 'compose' ? await useContainers(root, screen, signal) : {}
  screen.note('Building the functions …')
  await buildAll(root).catch((error) => {
    throw isSystemError(error) ? cannotWrite(join(root, '.build'), error) : error
  })
  screen.note(
    options.services === 'compose' ? 'Starting Lambda …' : 'Starting Kafka, S3, PostgreSQL and Lambda …',
  )
  signal.throwIfAborted()
  const listener = {
    onLine(line: string) {
      if (line.startsWith(alertLines)) screen.alert(line.slice(alertLines.length - 'ALERT '.length))
      if (line.startsWith('warning: ')) screen.note(line)
    },
    onMessage: screen.invocation,
    onReload: (functionKeys: readonly string[]) => screen.note(describeReload(functionKeys, sources)),
  }
  const starting = startLocalCloud(root, listener, options)
  const sources = watchSources(root, screen.note, async () =>
    migrateAnew(root, (await starting).endpoints, screen.note),
  )
  const cloud = await starting.catch(async (error) => {
    await sources.close()
    throw error
  })
  const ports = openLocalPorts(cloud.endpoints)
  try {
    for (const [key, port] of Object.entries(cloud.inspectors))
      screen.note(`A debugger can attach to ${key} at 127.0.0.1:${port}.`)
    screen.running(cloud, ports, dataDirectory(root))
    for (const [name, url] of Object.entries(pages)) screen.note(`  ${name.padEnd(10)}  ${url}`)
    const died = cloud.ended.then((reason) => {
      throw new Failure(`the local cloud ended: ${reason}`)
    })
    const report = await Promise.race([run(root, ports, options, signal, screen), died]).catch((error) => {
      if (!signal.aborted) throw error // else the services were interrupted too
    })
    if (!report) return options.transactions === undefined ? 0 : 130
    screen.report(report)
    return report.problems.length === 0 ? 0 : 1
  } finally {
    screen.progress({ phase: 'stopping' })
    await sources.close()
    await ports.close()
    await cloud.stop()
    await screen.close()
    if (options.services === 'compose' && !options.json)
      console.log(`The containers keep running: ${stopContainersCommand} stops them and keeps their data`)
  }
}

/** Migrates by the datasets as they are in their files now, for which it takes another process. */
async function migrateAnew(root: string, { postgres }: Endpoints, note: Screen['note']): Promise<void> {
  const env = { ...process.env, DATABASE_URL: postgres }
  const command = [join(root, 'operations/cli/cupel.mjs'), 'migrate']
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: root, env }).catch(
    (error) => {
      throw new Failure(error.stderr.trim().replace(/^cupel: /, ''))
    },
  )
  if (stdout.includes('applied')) note(stdout.trim())
}

/** What reloaded, and how long after the edit that it comes from, if it comes from one. */
function describeReload(functionKeys: readonly string[], { changedMs }: SourceWatch): string {
  const tookMs = performance.now() - (changedMs() ?? Number.NEGATIVE_INFINITY)
  const since = tookMs < 5_000 ? `, ${Math.round(tookMs)} ms after the edit` : ''
  return `Reloaded ${functionKeys.join(', ')}${since}: the next invocation runs the new code.`
}

/** Have this process, and all that it starts, use the services in the containers. Gives the pages for a browser. */
async function useContainers(root: string, { note }: Screen, signal: AbortSignal) {
  const { variables, pages } = await startContainers(root, { note, signal })
  Object.assign(process.env, variables)
  return pages
}

/** Undefined when it was interrupted. */
async function run(
  root: string,
  ports: LocalPorts,
  { transactions, pace, dirt, fraud, seed, generator: generates }: StartOptions & { readonly pace: Pace },
  signal: AbortSignal,
  screen: Screen,
): Promise<Report | undefined> {
  // What an earlier run left half-way, however it ended, goes on first.
  await ports.sweep({ graceMs: 0 })
  if (!generates) {
    screen.note(
      `Nothing is generated: records of yours in ${listed(datasets.flatMap(({ topic }) => topic ?? []))} are refined.`,
    )
    screen.progress({ phase: 'serving' })
    if (!signal.aborted) await once(signal, 'abort')
    return undefined
  }

  const generator = takeRun(dataDirectory(root), seed, screen.note)
  const { run, startMs } = generator
  const stream = generateFinance({
    seed,
    run,
    startMs,
    transactions: transactions ?? Number.POSITIVE_INFINITY,
    users: pace.users,
    dirt: dirt / 100,
    fraud: fraud / 100,
  })
  function* remembered() {
    for (const record of stream) {
      generator.reach(record.timestampMs)
      yield record
    }
  }
  screen.note(describeWorld(pace, startMs))
  if (startMs > Date.now())
    screen.note('The simulated time is ahead of the clock by now; npm run reset begins anew.')
  let sent = 0
  const showSent = () =>
    screen.progress({
      phase: 'generating',
      sent,
      of: transactions,
      rate: pace.rate && Number(pace.rate.toPrecision(3)),
    })
  showSent()
  const startedMs = Date.now() // as Kafka's timestamps are
  const started = performance.now()
  const produced = await produce(ports.kafka, remembered(), {
    due: dueOf(pace),
    signal,
    onSent(records) {
      for (const { topic } of records) if (topic === 'transactions') sent += 1
      showSent()
    },
    onBehind: (share) => screen.note(describeBehind(pace, share)),
  }).finally(generator.close)
  screen.progress({ phase: 'settling' })
  await settle(ports, datasets, signal, join(dataDirectory(root), 'cupel.log'))
  if (signal.aborted) return undefined

  screen.progress({ phase: 'reconciling' })
  const seconds = (performance.now() - started) / 1000
  const { takeStock, takeStockOfDecisions } = await import('../stock.ts') // with its engine, 35 MB
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

const dueOf = ({ follows, rate, speed }: Pace) =>
  follows === 'rate'
    ? evenly('transactions', rate!)
    : follows === 'clock'
      ? byClock('transactions', speed!)
      : undefined

const describeWorld = ({ users, speed, follows }: Pace, startMs: number): string =>
  [
    `The world: ${shown(users)} users, from ${new Date(startMs).toISOString().slice(0, 10)} on`,
    ...(follows === 'nothing' ? [] : [`${shown(speed!)} simulated days a minute`]),
  ].join(', ')

const listed = (names: readonly string[]): string => `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`

const describeBehind = ({ follows, rate, speed }: Pace, share: number): string =>
  follows === 'rate'
    ? `asked for ${shown(rate!)} transactions a second, sends ${shown(rate! * share)}: this machine takes no more`
    : `asked for ${shown(speed!)} simulated days a minute, goes through ${shown(speed! * share)}: this machine takes no more`
