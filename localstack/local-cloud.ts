import { join } from 'node:path'
import type { S3Client } from '@aws-sdk/client-s3'
import { queueFile } from './async-settings.ts'
import { defaultPartitions, type LocalConfig } from './config.ts'
import { settleFormat } from './data-format.ts'
import { takeDirectory, unusableDirectory } from './directory-lock.ts'
import { type Endpoints, publishEndpoints } from './endpoints-file.ts'
import { StartError, systemCode } from './errors.ts'
import { deliverGivenUp } from './event-sources/async-destinations.ts'
import { type AsyncQueue, makeAsyncQueue } from './event-sources/async-queue.ts'
import { scaledClock } from './event-sources/clock.ts'
import { bucketDestination, fileDestination, topicDestination } from './event-sources/kafka/destinations.ts'
import type { Destination } from './event-sources/kafka/on-failure.ts'
import { startKafkaEventSource } from './event-sources/kafka/source.ts'
import { readS3EventQueue } from './event-sources/s3/queue.ts'
import { makeS3EventSource, type S3EventSource } from './event-sources/s3/source.ts'
import { readS3EventTopic } from './event-sources/s3/topic.ts'
import { startSchedule } from './event-sources/schedule/source.ts'
import { seededRandom } from './event-sources/seeded-random.ts'
import { startBroker } from './kafka/broker.ts'
import type { FailureDestination } from './kafka-mapping.ts'
import { watchCode } from './lambda/code-watch.ts'
import type { FunctionLogLine } from './lambda/environment.ts'
import type { Invoke } from './lambda/invoke.ts'
import { startInvokeEndpoint } from './lambda/invoke-endpoint.ts'
import { type InvocationReport, type LambdaRuntime, startRuntime } from './lambda/runtime.ts'
import { keepPostgresRunning } from './postgres/keep-running.ts'
import { announceChanges, createBuckets, createTopics, openS3, runPrepare } from './provision.ts'
import { startS3 } from './s3/server.ts'
import type { Wiring } from './template.ts'

export type LocalCloudOptions = {
  readonly wiring: Wiring
  readonly config: LocalConfig
  readonly projectDirectory: string // where the prepare command runs
  readonly taskRoot: string // where handlers are looked up: the same, or where a bundler puts them
  readonly bootstrap: string // path of lambda/bootstrap.mjs
  readonly region: string
  readonly accountId: string
  readonly version: string // of this program, as people know it
  readonly log: (line: string) => void
  readonly onFunctionLine: (line: FunctionLogLine) => void
  readonly onInvocation?: (report: InvocationReport) => void
  readonly onReload?: (functionKeys: readonly string[]) => void // their code changed, the next invocations run it
  readonly signal?: AbortSignal // gives the start up
}

export type LocalCloud = {
  readonly endpoints: Endpoints
  readonly inspectors: Readonly<Record<string, number>> // ports by function key; empty when nothing is inspected
  stop(): Promise<void>
}

/** Takes S3 notifications by POST, at the Lambda endpoint, for object stores that are not the embedded one. */
const s3EventsPath = '/_localstack/s3-events'

// How long a stop may wait for what runs; with the services after it, all of it stays below 10 s.
const sourcesClosingMs = 3_000
const queueClosingMs = 1_500

/**
 * Starts everything that the template wires together, on loopback: services, topics and buckets, the prepare
 * command, then the event sources. Events that come earlier wait for them. One local cloud a directory.
 *
 * When a part can't start, the others are stopped again, and the error's message is a line that says what to do.
 * `stop` takes 10 s at most: event sources first, so that what is not finished comes again at the next start; then
 * functions; then services. Asynchronous events that still wait are dropped and counted.
 */
export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const { wiring, config, region, log, signal } = options
  const stopping = makeStages(log)
  try {
    const instead = 'start this one with CUPEL_DIRECTORY set to another folder'
    stopping.claims.push(takeDirectory(config.directory, 'local cloud', instead))
    await writing(config.directory, () => settleFormat(config.directory, { madeBy: options.version }))
    const variables: Record<string, string> = {}
    const runtime = startRuntime({
      ...options,
      functions: wiring.functions,
      variables,
      log: options.onFunctionLine,
      ...(config.inspect !== undefined && { firstInspectorPort: config.inspect }),
    })
    stopping.functions.push(() => runtime.close())
    const firstEvents = firstEventsOf(config, runtime)
    let open = () => {}
    const prepared = new Promise<void>((resolve) => {
      open = resolve
    })
    const opened: { s3?: S3Client } = {}
    const queue = startQueue(runtime, options, prepared, opened)
    stopping.intake.push(() => queue.close(queueClosingMs * config.timeScale))
    const notifications = wiring.bucketNotifications
    const s3Source = makeS3EventSource({ notifications, enqueue: queue.enqueue, region, log })
    stopping.sources.push(() => s3Source.close())

    const endpoints = await startServices(options, runtime, queue, s3Source, stopping)
    Object.assign(variables, endpointVariables(endpoints, region))
    signal?.throwIfAborted()

    const s3 = openS3(endpoints.s3, config.real.s3, region)
    stopping.services.push(() => s3.destroy())
    opened.s3 = s3
    const { s3Events } = config.real
    const eventTopics = s3Events?.topic === undefined ? [] : [s3Events.topic]
    const mappingTopics = wiring.kafkaMappings.flatMap(({ topic, onFailure }) =>
      onFailure?.kind === 'topic' ? [topic, onFailure.topic] : [topic],
    )
    await Promise.all([
      createTopics(endpoints.kafka, [...mappingTopics, ...eventTopics], config, log),
      createBuckets(s3, wiring.buckets, endpoints.s3, region),
    ])
    if (s3Events?.target !== undefined) await announceChanges(s3, notifications, s3Events.target)
    signal?.throwIfAborted()
    if (config.prepare !== undefined)
      await runPrepare(config.prepare, options.projectDirectory, variables, log, signal)
    open()
    if (config.inspect !== undefined) runtime.reload() // debuggers attach before anything happens
    const code = watchCode({
      functions: wiring.functions,
      taskRoot: options.taskRoot,
      ignored: [config.directory],
      onChange(functionKeys, handlerAlone) {
        runtime.reload(functionKeys, handlerAlone)
        options.onReload?.(functionKeys)
      },
    })
    stopping.sources.push(() => code.close())

    const { announce } = s3Source
    if (s3Events?.topic !== undefined) {
      const { topic, groupId } = s3Events
      const bootstrapServers = endpoints.kafka
      stopping.sources.push(readS3EventTopic({ bootstrapServers, topic, groupId, announce, log }).close)
    }
    if (s3Events?.queue && config.real.s3) {
      const { queue, credentials } = { queue: s3Events.queue, credentials: config.real.s3 }
      stopping.sources.push(readS3EventQueue({ ...queue, region, credentials, announce, log }).close)
    }
    for (const schedule of wiring.schedules) {
      const { close } = startSchedule({ schedule, enqueue: queue.enqueue, log })
      stopping.sources.push(close)
    }
    const sources = await Promise.all(
      wiring.kafkaMappings.map(async (mapping) => {
        const source = await startKafkaEventSource({
          mapping,
          bootstrapServers: endpoints.kafka,
          invoke: inTurn(runtime.invoke),
          log,
          ...(mapping.onFailure && {
            destination: destinationOf(mapping.id, mapping.onFailure, s3, endpoints.kafka, config.directory),
          }),
        })
        stopping.sources.push(() => source.close(sourcesClosingMs))
        return source
      }),
    )
    await withinMs(15_000, Promise.all(sources.map((source) => source.ready)))
    signal?.throwIfAborted()
    for (const [functionName, event] of firstEvents) queue.enqueue(functionName, JSON.stringify(event))
    stopping.intake.push(await writing(config.directory, () => publishEndpoints(config.directory, endpoints)))
    return { endpoints, inspectors: inspectorsOf(runtime), stop: stopping.run }
  } catch (error) {
    await stopping.run()
    throw error
  }
}

/** By names of functions. Throws where there is no such function. */
function firstEventsOf({ atStart }: LocalConfig, { find, functions }: LambdaRuntime) {
  return Object.entries(atStart).map(([key, event]) => {
    const name = find(key)?.name
    if (name !== undefined) return [name, event] as const
    const keys = functions.map((each) => each.key).join(', ')
    throw new Error(`custom.localstack.atStart.${key} is no function of the template; there are ${keys}`)
  })
}

function destinationOf(
  mappingId: string,
  to: FailureDestination,
  s3: S3Client,
  kafka: string,
  directory: string,
): Destination {
  switch (to.kind) {
    case 'bucket':
      return bucketDestination(s3, to.bucket, mappingId)
    case 'topic':
      return topicDestination(kafka, to.topic)
    case 'queue':
      return fileDestination(join(directory, queueFile(to.arn)))
  }
}

const inspectorsOf = ({ functions, inspectorPortOf }: LambdaRuntime): Record<string, number> =>
  Object.fromEntries(
    functions.flatMap(({ key }) => {
      const port = inspectorPortOf(key)
      return port === undefined ? [] : [[key, port]]
    }),
  )

/** What functions, and the prepare command, are told about where the services are. */
export function endpointVariables(
  { kafka, s3, s3Credentials, lambda, postgres }: Endpoints,
  region: string,
): Record<string, string> {
  return {
    KAFKA_BROKERS: kafka,
    S3_ENDPOINT: s3,
    AWS_ENDPOINT_URL_S3: s3,
    AWS_ENDPOINT_URL_LAMBDA: lambda,
    ...(postgres !== undefined && { DATABASE_URL: postgres }),
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: s3Credentials?.accessKeyId ?? 'local',
    AWS_SECRET_ACCESS_KEY: s3Credentials?.secretAccessKey ?? 'local-secret',
    // Functions are given a token too, as on AWS. An S3 that checks credentials refuses one that it did not issue.
    ...(s3Credentials && { AWS_SESSION_TOKEN: '' }),
  }
}

type Stop = () => unknown
type Stages = Readonly<Record<'sources' | 'intake' | 'functions' | 'services' | 'claims', Stop[]>> & {
  run(): Promise<void>
}

/** What there is to stop, in stages: one after the other, the parts of one at a time. Runs once. */
function makeStages(log: (line: string) => void): Stages {
  const stages = { sources: [], intake: [], functions: [], services: [], claims: [] } as Omit<Stages, 'run'>
  let running: Promise<void> | undefined
  const run = async () => {
    for (const stage of Object.values(stages)) {
      const results = await Promise.allSettled(stage.map(async (stop) => stop()))
      for (const result of results) {
        if (result.status === 'rejected') log(`while stopping: ${result.reason}`)
      }
    }
  }
  return {
    ...stages,
    run: () => {
      running ??= run()
      return running
    },
  }
}

/** As event sources invoke: where AWS would throttle them and they would try again, they wait. */
const inTurn =
  (invoke: Invoke): Invoke =>
  (name, payload, options) =>
    invoke(name, payload, { ...options, waits: true })

/** The queue of asynchronous events; nothing runs before `open`. */
function startQueue(
  runtime: LambdaRuntime,
  { wiring: { functions }, config, log }: LocalCloudOptions,
  open: Promise<void>,
  opened: { readonly s3?: S3Client }, // before anything can be given up
): AsyncQueue {
  const settings = (name: string) => functions.find((each) => each.name === name)
  const { duplicates, timeScale } = config
  const random = seededRandom(1)
  const queue = makeAsyncQueue({
    invoke: async (...call) => {
      await open
      return inTurn(runtime.invoke)(...call)
    },
    log,
    maximumRetryAttempts: (name) => settings(name)?.maximumRetryAttempts ?? 2,
    maximumEventAgeMs: (name) => (settings(name)?.maximumEventAgeSeconds ?? 21_600) * 1000,
    async onGiveUp(record, name) {
      const { onFailure, deadLetterArn } = settings(name) ?? {}
      if (!onFailure && deadLetterArn === undefined) return
      if (!opened.s3) throw new Error('the services are not started yet')
      const { directory } = config
      const { enqueue } = queue
      await deliverGivenUp(record, name, { onFailure, deadLetterArn, s3: opened.s3, directory, enqueue })
    },
    concurrency: runtime.concurrencyOf,
    functionArn: runtime.arnOf,
    mayStartItself: (name) => settings(name)?.mayStartItself ?? false,
    ...(duplicates > 0 && { duplicates: () => random() < duplicates }),
    ...(timeScale !== 1 && { clock: scaledClock(timeScale) }),
  })
  return queue
}

/** Starts what the environment does not name a real one for, all at once. */
async function startServices(
  { config, region, log }: LocalCloudOptions,
  runtime: LambdaRuntime,
  queue: AsyncQueue,
  s3Source: S3EventSource,
  stopping: Stages,
): Promise<Endpoints> {
  const { directory, ports, real } = config
  const kafka = async () => {
    if (real.kafkaBrokers !== undefined) return real.kafkaBrokers
    const options = { directory: join(directory, 'kafka'), port: ports.kafka, log }
    const broker = await startBroker({ ...options, defaultPartitions })
    stopping.services.push(() => broker.close())
    return broker.bootstrapServers
  }
  const s3 = async () => {
    if (real.s3) return real.s3.endpoint
    const options = { directory: join(directory, 's3'), port: ports.s3, region, log }
    const server = await startS3({ ...options, onChange: s3Source.handle })
    stopping.services.push(() => server.close())
    return server.endpoint
  }
  const postgres = async () => {
    if (real.databaseUrl !== undefined) return real.databaseUrl
    if (!config.postgres) return undefined
    const options = { directory: join(directory, 'postgres'), port: ports.postgres, log }
    const server = await keepPostgresRunning({ ...options, database: config.database })
    stopping.services.push(() => server.stop())
    return server.url
  }
  const lambda = async () => {
    const endpoint = await startInvokeEndpoint({
      runtime,
      enqueue: queue.enqueue,
      port: ports.lambda,
      routes: { [s3EventsPath]: s3Source.announce },
    })
    stopping.intake.push(() => endpoint.close())
    return endpoint.endpoint
  }
  // All of them settle, so that what did start is known and can be stopped.
  const starts = [kafka(), s3(), lambda(), postgres()] as const
  await Promise.allSettled(starts)
  const [kafkaAt, s3At, lambdaAt, postgresAt] = await Promise.all(starts)
  if (real.s3 && !real.s3Events) {
    log(`${s3At} announces uploads by its own webhook: point it at ${lambdaAt}${s3EventsPath}`)
  }
  return {
    kafka: kafkaAt,
    s3: s3At,
    ...(real.s3 && {
      s3Credentials: { accessKeyId: real.s3.accessKeyId, secretAccessKey: real.s3.secretAccessKey },
    }),
    lambda: lambdaAt,
    ...(postgresAt !== undefined && { postgres: postgresAt }),
  }
}

/** What the system refuses, a full disk above all, becomes one line that names the directory. */
async function writing<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw systemCode(error) === undefined || error instanceof StartError
      ? error
      : unusableDirectory(directory, 'local cloud', error)
  }
}

/** Waits for `work`, but not longer than `limitMs`. */
async function withinMs(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise((resolve) => {
    timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([work, limit])
  clearTimeout(timer)
}
