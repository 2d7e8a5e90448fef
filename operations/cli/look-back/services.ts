import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '#localstack/config.ts'
import { settleFormat } from '#localstack/data-format.ts'
import { takeDirectory } from '#localstack/directory-lock.ts'
import { runningEndpoints } from '#localstack/endpoints-file.ts'
import { StartError } from '#localstack/errors.ts'
import { startBroker } from '#localstack/kafka/broker.ts'
import { startPostgres } from '#localstack/postgres/server.ts'
import { startS3 } from '#localstack/s3/server.ts'
import { type DataPorts, openDataPorts } from '../data-ports.ts'
import { Failure } from '../failure.ts'
import { dataDirectory, type Endpoints } from '../local-cloud.ts'

export type ServiceName = 'kafka' | 's3' | 'postgres'
/** What a look back works with. */
export type Services = {
  readonly ports: DataPorts
  readonly running: (Endpoints & { readonly pid: number }) | undefined // the local cloud that runs in the folder
  readonly postgres: string // URL, for who needs a connection of its own
  readonly directory: string
  readonly signal: AbortSignal // Ctrl-C: end what runs in an engine
}

const waitMs = 10_000 // for whoever holds the folder

/**
 * Give `work` the services that hold the data: those of the local cloud that runs in the folder, or else the embedded
 * ones, opened for the time being in this process on free ports, without functions or event sources: nothing goes on
 * meanwhile, and nothing changes. What KAFKA_BROKERS, S3_ENDPOINT and DATABASE_URL name is used as it is.
 *
 * The exit code that `work` gives, or 130 after Ctrl-C; what was opened is closed in any case.
 *
 * @throws {Failure} that says what to do: there are no data, or somebody else holds the folder.
 */
export async function withServices(
  root: string,
  work: (services: Services) => Promise<number>,
  needed: readonly ServiceName[] = ['kafka', 's3', 'postgres'],
): Promise<number> {
  const interrupted = new AbortController()
  const interrupt = () => interrupted.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
  const { signal } = interrupted
  const aborted = new Promise<number>((resolve) => {
    signal.addEventListener('abort', () => resolve(130), { once: true })
  })
  const directory = dataDirectory(root)
  const opened = await open(root, directory, needed)
  const { endpoints } = opened
  const ports = openDataPorts(endpoints)
  try {
    const services = { ports, running: opened.running, postgres: endpoints.postgres, directory, signal }
    const done = work(services)
    done.catch(() => {}) // after Ctrl-C nobody asks
    return await Promise.race([done, aborted])
  } finally {
    await ports.close()
    await opened.close()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt)
  }
}

type Opened = {
  readonly endpoints: Pick<Endpoints, ServiceName>
  readonly running: Services['running']
  readonly close: () => Promise<void>
}

async function open(root: string, directory: string, needed: readonly ServiceName[]): Promise<Opened> {
  for (const startedMs = performance.now(); ; await sleep(100)) {
    const running = runningEndpoints(directory)
    if (running) return { endpoints: running, running, close: async () => {} }
    try {
      return { ...(await openStopped(root, directory, needed)), running: undefined }
    } catch (error) {
      if (!(error instanceof StartError && error.code === 'DIRECTORY_IN_USE')) throw error
      if (performance.now() - startedMs < waitMs) continue
      throw new Failure(`${error.message.replace(/: stop it first.*/, '')} and is not ready: try again`)
    }
  }
}

/** The real services that the environment names, and the embedded ones for the rest. */
async function openStopped(
  root: string,
  directory: string,
  needed: readonly ServiceName[],
): Promise<Omit<Opened, 'running'>> {
  const { real, database } = readConfig(undefined, process.env, {
    directory: root,
    service: 'cupel',
    lambdaPort: 0,
  })
  const named: Partial<Record<ServiceName, string>> = {
    ...(real.kafkaBrokers && { kafka: real.kafkaBrokers }),
    ...(real.s3 && { s3: real.s3.endpoint }),
    ...(real.databaseUrl && { postgres: real.databaseUrl }),
  }
  const embedded = needed.filter((name) => named[name] === undefined)
  const places = { kafka: 'kafka', s3: 's3', postgres: 'postgres/data' }
  const missing = embedded.find((name) => !existsSync(join(directory, places[name])))
  if (missing)
    throw new Failure(
      `there are no data in ${directory}: npm start makes them, or CUPEL_DIRECTORY names where they are`,
    )
  const closing: (() => Promise<void>)[] = []
  const release = embedded.length > 0 ? takeDirectory(directory, 'cupel command') : () => {}
  const close = async () => {
    await Promise.allSettled(closing.map((stop) => stop()))
    release()
  }
  const releasing = async (error: unknown) => {
    await close()
    throw error
  }
  const log = () => {} // what recovers is told at the next start
  const starts: Record<ServiceName, () => Promise<string>> = {
    async kafka() {
      const broker = await startBroker({ directory: join(directory, 'kafka'), autoCreateTopics: false, log })
      closing.push(broker.close)
      return broker.bootstrapServers
    },
    async s3() {
      const server = await startS3({ directory: join(directory, 's3'), log })
      closing.push(server.close)
      return server.endpoint
    },
    async postgres() {
      const server = await startPostgres({ directory: join(directory, 'postgres'), database, log })
      closing.push(server.stop)
      return server.url
    },
  }
  if (embedded.length > 0) await settleFormat(directory, { madeBy: 'cupel' }).catch(releasing)
  const endpoints = { kafka: notOpen, s3: `http://${notOpen}`, postgres: `postgres://${notOpen}`, ...named }
  const started = await Promise.allSettled(
    embedded.map(async (name) => {
      endpoints[name] = await starts[name]()
    }),
  )
  const failed = started.find((result) => result.status === 'rejected')
  if (failed) await releasing(failed.reason)
  return { endpoints, close }
}

const notOpen = '127.0.0.1:1' // nobody listens there, and nobody asks
