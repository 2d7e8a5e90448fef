import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Dataset } from '@cupel/core/dataset'
import { datasets, summariesOf } from '#datasets/index.ts'
import { decidedOf } from '#datasets/pipelines.ts'
import { buildAll } from '../build.ts'
import { reconcile, sum } from '../reconcile.ts'
import { takeStockOfSummaries } from '../summary-stock.ts'
import { type SourceWatch, watchSources } from '../watch.ts'
import { startContainers, stopContainersCommand } from './compose.ts'
import { cannotWrite, Failure, isSystemError } from './failure.ts'
import { choosePipelines, type Feed, type FeedOptions, planFeed } from './feed.ts'
import { dataDirectory, type Endpoints, startLocalCloud } from './local-cloud.ts'
import { type LocalPorts, openLocalPorts } from './local-ports.ts'
import { makeReport, measureLatency, type Report } from './report.ts'
import { openScreen, type Screen } from './screen.ts'
import { settle } from './settle.ts'

export type StartOptions = Omit<FeedOptions, 'records'> & {
  readonly pipeline?: string
  readonly records?: number // of each pipeline; undefined: until interrupted
  readonly transactions?: number // the same, of a pipeline that counts them
  readonly generator: boolean // false: records come from elsewhere, until interrupted
  readonly services: 'embedded' | 'compose'
  readonly json?: boolean
  readonly plain?: boolean
  readonly inspect?: number // port of the first function's inspector
}

const alertLines = '[detectFraud] ALERT '

/** What runs: which datasets are watched, settled and reported, and what brings their records; nothing: somebody else. */
type Scope = {
  readonly datasets: readonly Dataset[]
  readonly feeds: readonly Feed[]
  readonly next: readonly string[] // what to do with the tables
}

/**
 * Run the whole on this machine: build, local cloud, sweep, generators. With a number of records: wait until every
 * record is settled, reconcile and report; 0 when the layers agree. Without: until Ctrl-C.
 */
export async function runStart(root: string, options: StartOptions): Promise<number> {
  const scope = await planScope(root, options) // refuses before anything is started
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
    return await startAndRun(root, options, scope, interrupted.signal, screen)
  } catch (error) {
    // A terminal's Ctrl-C reaches docker, esbuild and the services too, so what talks to them may fail first.
    if (interrupted.signal.aborted) return 130
    throw error
  } finally {
    await screen.close()
  }
}

async function planScope(
  root: string,
  { pipeline, transactions, generator, ...options }: StartOptions,
): Promise<Scope> {
  if (!generator) return { datasets, feeds: [], next: [] }
  const { users, rate, speed, dirt, fraud, seed } = options
  const asked: FeedOptions = {
    records: options.records ?? transactions,
    users,
    rate,
    speed,
    dirt,
    fraud,
    seed,
  }
  const chosen = choosePipelines(pipeline, asked)
  const feeds = await Promise.all(chosen.map((each) => planFeed(root, each, asked)))
  const others = feeds.filter(({ counted }) => counted !== 'transactions')
  if (transactions !== undefined && others.length > 0)
    throw new Failure(`${others[0]!.counted} are no transactions: --records bounds any pipeline`, 2)
  return {
    datasets: chosen.flatMap(({ datasets }) => datasets),
    feeds,
    next: chosen.flatMap(({ next }) => next ?? []),
  }
}

async function startAndRun(
  root: string,
  options: StartOptions,
  scope: Scope,
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
    const topics = new Set(scope.datasets.map(({ topic }) => topic))
    const consumerGroups = cloud.consumerGroups.filter(({ topic }) => topics.has(topic))
    const datasets = scope.datasets.map(({ name }) => name)
    screen.running({ endpoints: cloud.endpoints, datasets, consumerGroups }, ports, dataDirectory(root))
    for (const [name, url] of Object.entries(pages)) screen.note(`  ${name.padEnd(10)}  ${url}`)
    const died = cloud.ended.then((reason) => {
      throw new Failure(`the local cloud ended: ${reason}`)
    })
    const report = await Promise.race([run(root, ports, scope, signal, screen), died]).catch((error) => {
      if (!signal.aborted) throw error // else the services were interrupted too
    })
    if (!report) return isBounded(scope) ? 130 : 0
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
  const command = [join(root, 'operations/cli/cupel.mjs'), 'migrate', '--follow']
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

/** Whether it ends by itself. */
const isBounded = ({ feeds }: Scope): boolean => feeds.length > 0 && feeds.every(({ of }) => of !== undefined)

/** Undefined when it was interrupted. */
async function run(
  root: string,
  ports: LocalPorts,
  { datasets, feeds, next }: Scope,
  signal: AbortSignal,
  screen: Screen,
): Promise<Report | undefined> {
  if (feeds.length === 0) {
    screen.note(
      `Nothing is generated: records of yours in ${listed(datasets.flatMap(({ topic }) => topic ?? []))} are refined.`,
    )
    screen.progress({ phase: 'serving' })
    if (!signal.aborted) await once(signal, 'abort')
    return undefined
  }

  const counted = feeds.length === 1 ? feeds[0]!.counted : 'records'
  const total = (of: 'of' | 'rate') =>
    feeds.reduce<number | undefined>((sum, feed) => {
      const more = feed[of]
      return sum === undefined || more === undefined ? undefined : sum + more
    }, 0)
  let sent = 0
  const showSent = (more: number) => {
    sent += more
    screen.progress({ phase: 'generating', sent, of: total('of'), rate: total('rate'), counted })
  }
  const startedMs = Date.now() // as Kafka's timestamps are
  const started = performance.now()
  const directory = dataDirectory(root)
  const { kafka, upload } = ports
  const produced = await Promise.all(
    feeds.map((feed) => feed.send({ kafka, upload, directory, signal, note: screen.note, onSent: showSent })),
  )
  screen.progress({ phase: 'settling' })
  await settle(ports, datasets, signal, join(directory, 'cupel.log'))
  if (signal.aborted) return undefined

  screen.progress({ phase: 'reconciling' })
  const seconds = (performance.now() - started) / 1000
  const { takeStock, takeStockOfDecisions } = await import('../stock.ts') // with its engine, 35 MB
  const stocks = await takeStock(ports, datasets)
  const decided = decidedOf(datasets)
  const decisions = decided && (await takeStockOfDecisions(ports.warehouse, decided.topic))
  const sums = await takeStockOfSummaries(ports.warehouse, summariesOf(datasets))
  return makeReport(stocks, decisions, {
    seconds,
    recordsPerSecond: Math.round(sum(produced, (records) => records) / seconds),
    latencyMs: await measureLatency(ports.warehouse, datasets, startedMs),
    problems: reconcile(stocks, decisions, sums),
    next,
  })
}

const listed = (names: readonly string[]): string => `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
