import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readConfig } from './config.ts'
import { droppedWindows } from './dropped-windows.ts'
import { runningEndpoints } from './endpoints-file.ts'
import type { FunctionLogLine } from './lambda/environment.ts'
import { type InvocationReport, startRuntime } from './lambda/runtime.ts'
import { endpointVariables, type LocalCloud, startLocalCloud } from './local-cloud.ts'
import { readTemplate, type Template, type Wiring } from './template.ts'

/** What this plugin uses of a Serverless (osls) instance. */
type Serverless = {
  readonly serviceDir: string
  readonly service: {
    readonly service: string
    readonly custom?: Readonly<Record<string, unknown>>
    readonly provider: { compiledCloudFormationTemplate: Template }
    readonly functions?: Readonly<Record<string, ServerlessFunction>>
    readonly layers?: Readonly<Record<string, ServerlessLayer>>
  }
  readonly pluginManager: {
    readonly plugins: readonly { readonly constructor: { readonly name: string } }[]
    readonly hooks: Record<string, unknown[]> // by lifecycle event
    spawn(command: string): Promise<void>
  }
  getProvider(name: 'aws'): {
    getRegion(): string
    readonly naming: { getStackName(): string; getLambdaLayerLogicalId(key: string): string }
  }
}
type ServerlessFunction = { name: string; events?: { schedule?: unknown }[]; package?: object }
type ServerlessLayer = { path?: string; package?: object }

type Run = {
  readonly serverless: Serverless
  readonly options: Readonly<Record<string, unknown>> // of the command line
  readonly packageDirectory: string // where plugin.cjs lies
  readonly projectDirectory: string // that of serverless.yml; a bundler may set serviceDir to another before functions run
}

const accountId = '123456789012' // the one that AWS's documentation uses

/**
 * `serverless offline`: compiles the template and puts the local cloud in the place of serverless-offline's Lambda
 * server. Ends the process with status 1 and one line when something can't start.
 */
export async function startOffline(run: Run): Promise<void> {
  const { serverless } = run
  const interrupted = new AbortController()
  // serverless-offline listens for these only when everything has started, and then ends the process itself.
  const interrupt = async () => {
    interrupted.abort()
    await stopInTime().catch(() => {})
    setTimeout(() => process.exit(0), 500)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
  // Who started this may be killed at any moment, and then nobody reads what is written either.
  process.once('disconnect', interrupt)
  if (process.send && !process.connected) void interrupt()
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {})
  let cloud: Promise<LocalCloud> | undefined

  await orEnd(async () => {
    const config = configOf(run)
    const wiring = await readWiring(run)
    const dropped = droppedWindows(serverless.service.functions ?? {}, wiring.kafkaMappings)
    for (const warning of [...wiring.warnings, ...dropped]) say(`warning: ${warning}`)
    await replaceLambda(serverless, {
      async start() {
        cloud = startLocalCloud({
          wiring,
          config,
          projectDirectory: run.projectDirectory,
          taskRoot: taskRootOf(run),
          bootstrap: bootstrapOf(run),
          region: regionOf(serverless),
          accountId,
          version: await versionOf(run),
          log: say,
          onFunctionLine: sayOfFunction(wiring),
          onInvocation: tellInvocation,
          onReload: tellReload,
          signal: interrupted.signal,
        })
        announce(await orEnd(() => cloud!, interrupted.signal), wiring)
      },
      stop: stopInTime,
    })
  }, interrupted.signal)

  async function stopInTime(): Promise<void> {
    const late = setTimeout(() => {
      say('the local cloud did not stop within 10 s and is ended')
      process.exit(1)
    }, 9_800)
    await (await cloud)?.stop()
    clearTimeout(late)
  }
}

/**
 * `serverless invoke local`: runs the built function with its layers, in the local runtime, with the endpoints of a
 * local cloud that runs in this project, if one does. Prints its answer; exit status 1 when the function fails.
 */
export async function invokeLocally(run: Run): Promise<void> {
  const { serverless } = run
  const osls = pluginOf(serverless, 'AwsInvokeLocal') as
    | {
        options: { function: string; data?: unknown }
        loadEnvVars(): Promise<void>
        invokeLocal(): Promise<void>
      }
    | undefined
  if (!osls) return
  osls.loadEnvVars = async () => {} // asks AWS for credentials and for what the environment refers to
  osls.invokeLocal = async () => {
    const config = configOf(run)
    const wiring = await readWiring(run)
    const region = regionOf(serverless)
    const endpoints = runningEndpoints(config.directory)
    if (!endpoints)
      process.stderr.write(
        `no local cloud runs in ${config.directory}, so the function calls AWS itself: start one with serverless offline\n`,
      )
    const runtime = startRuntime({
      functions: wiring.functions,
      // Where a bundler has built what is to be invoked, if one did.
      taskRoot: serverless.serviceDir,
      bootstrap: bootstrapOf(run),
      variables: endpoints ? endpointVariables(endpoints, region) : {},
      region,
      accountId,
      log: ({ text }) => process.stderr.write(`${text}\n`),
    })
    const { data = '' } = osls.options
    const { payload, functionError } = await runtime.invoke(
      osls.options.function,
      data === '' ? '{}' : JSON.stringify(data),
    )
    await runtime.close()
    process.stdout.write(`${JSON.stringify(JSON.parse(payload), null, 2)}\n`)
    if (functionError) process.exitCode = 1
  }
}

/**
 * The wiring of the project's compiled template, made without packaging, credentials or network.
 * Functions and layers get an empty artifact for the time, or osls would zip them.
 */
async function readWiring({ serverless, projectDirectory }: Run): Promise<Wiring> {
  const { service, pluginManager } = serverless
  const functions = Object.entries(service.functions ?? {})
  const layers = Object.entries(service.layers ?? {})
  const packaged = [...functions, ...layers].map(([, item]) => ({ item, before: item.package }))
  const { naming } = serverless.getProvider('aws')

  const nothing = async () => {}
  // Asks AWS which layers the last deployment had.
  Object.assign(pluginOf(serverless, 'AwsCompileLayers') ?? {}, { compareWithLastLayer: nothing })
  // The template stays in memory: `.serverless/` may be in the hands of a `serverless package` at this moment.
  Object.assign(pluginOf(serverless, 'AwsCommon') ?? {}, {
    cleanupTempDir: nothing,
    moveArtifactsToPackage: nothing,
  })
  Object.assign(pluginOf(serverless, 'AwsPackage') ?? {}, {
    saveServiceState: nothing,
    saveCompiledTemplate: nothing,
  })
  const temporary = await mkdtemp(join(tmpdir(), 'localstack-'))
  const artifact = join(temporary, 'empty.zip')
  await writeFile(artifact, Buffer.from(`504b0506${'00'.repeat(18)}`, 'hex')) // the end record of a zip with no files
  // There is nothing to package, and a bundler (serverless-esbuild) would delete afterwards what it has built to be run.
  const { hooks } = pluginManager
  const around = /^(before|after):package:(createDeploymentArtifacts|function:package)$/
  const bundlers = Object.entries(hooks).filter(([event]) => around.test(event))
  try {
    for (const [event] of bundlers) hooks[event] = []
    for (const { item, before } of packaged) item.package = { ...before, artifact }
    await pluginManager.spawn('package')
  } finally {
    Object.assign(hooks, Object.fromEntries(bundlers))
    for (const { item, before } of packaged) {
      if (before === undefined) delete item.package
      else item.package = before
    }
    await rm(temporary, { recursive: true, force: true })
  }
  return readTemplate(structuredClone(service.provider.compiledCloudFormationTemplate), {
    stackName: naming.getStackName(),
    region: regionOf(serverless),
    accountId,
    functionKeys: Object.fromEntries(functions.map(([key, { name }]) => [name, key])),
    layerDirectories: Object.fromEntries(
      layers.flatMap(([key, { path }]) =>
        path === undefined ? [] : [[naming.getLambdaLayerLogicalId(key), resolve(projectDirectory, path)]],
      ),
    ),
  })
}

/** Puts `server` in the place of serverless-offline's Lambda service, and takes the schedules from it. */
async function replaceLambda(
  serverless: Serverless,
  server: { start(): Promise<void>; stop(): Promise<void> },
): Promise<void> {
  const fromProject = createRequire(join(serverless.serviceDir, 'package.json'))
  const module = pathToFileURL(fromProject.resolve('serverless-offline/lambda')).href
  const { default: Lambda } = (await import(module)) as { default: { prototype: object } }
  Object.assign(Lambda.prototype, server)
  const functions = Object.values(serverless.service.functions ?? {})
  for (const each of functions)
    each.events = each.events?.filter(({ schedule }) => schedule === undefined) ?? []
  if (functions.length === 0) throw new Error('there are no functions in serverless.yml to run')
}

function announce(
  { endpoints, inspectors }: LocalCloud,
  { functions, buckets, kafkaMappings }: Wiring,
): void {
  const { kafka, s3, lambda, postgres } = endpoints
  say(`Kafka       ${kafka}`)
  say(`S3          ${s3}`)
  say(`Lambda      ${lambda}`)
  if (postgres !== undefined) say(`PostgreSQL  ${withoutPassword(postgres)}`)
  for (const [key, port] of Object.entries(inspectors)) say(`Inspector   127.0.0.1:${port} ${key}`)
  tell({
    type: 'ready',
    endpoints,
    inspectors,
    functions: functions.map(({ name }) => name),
    buckets,
    consumerGroups: kafkaMappings.map(({ topic, consumerGroupId, functionName }) => ({
      topic,
      groupId: consumerGroupId,
      functionKey: functions.find(({ name }) => name === functionName)?.key,
    })),
  })
}

/** To the program that started this one and watches: what ran, without the records themselves. */
function tellInvocation({ event, payload, ...report }: InvocationReport): void {
  if (!process.connected) return
  tell({
    type: 'invocation',
    ...report,
    eventMs: eventTimeMs(event),
    ...(payload.length <= longestAnswer && { answer: JSON.parse(payload) }),
  })
}

function tellReload(functions: readonly string[]): void {
  say(`reloaded ${functions.join(', ')}`)
  tell({ type: 'reloaded', functions })
}

/** It may be killed at this moment: 'disconnect' says so, and not an error here. */
function tell(message: object): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

const longestAnswer = 4096 // characters of a handler's answer that are told

/** When an event came about: the time of an S3 event, or of the first Kafka record in it; null for others. */
function eventTimeMs(event: string | Buffer): number | null {
  const head = String(event.slice(0, 4096))
  const [, time, timestamp] = /"eventTime":"([^"]+)"|"timestamp":(-?\d+)/.exec(head) ?? []
  const timeMs = time === undefined ? Number(timestamp ?? Number.NaN) : Date.parse(time)
  return Number.isFinite(timeMs) ? timeMs : null
}

function withoutPassword(url: string): string {
  const shown = new URL(url)
  if (shown.hostname !== '127.0.0.1') shown.password = ''
  return shown.href
}

/** Of this package, with its name. */
async function versionOf({ packageDirectory }: Run): Promise<string> {
  const { name, version } = JSON.parse(await readFile(join(packageDirectory, 'package.json'), 'utf8'))
  return `${name} ${version}`
}

function configOf({ serverless, options, projectDirectory }: Run) {
  const { service } = serverless
  const offline = service.custom?.['serverless-offline'] as { lambdaPort?: number } | undefined
  const lambdaPort = Number(options.lambdaPort ?? offline?.lambdaPort ?? 3002)
  return readConfig(service.custom?.localstack, process.env, {
    directory: projectDirectory,
    service: service.service,
    lambdaPort,
  })
}

/**
 * Where the handlers lie: in the project, or where serverless-offline is told that they were built (`location`, which
 * serverless-esbuild sets when it has bundled).
 */
function taskRootOf({ serverless, options, projectDirectory }: Run): string {
  const { service } = serverless
  const offline = service.custom?.['serverless-offline'] as { location?: string } | undefined
  return resolve(projectDirectory, String(options.location ?? offline?.location ?? '.'))
}

const pluginOf = ({ pluginManager }: Serverless, name: string): object | undefined =>
  pluginManager.plugins.find((plugin) => plugin.constructor.name === name)
const regionOf = (serverless: Serverless) => serverless.getProvider('aws').getRegion()
const bootstrapOf = ({ packageDirectory }: Run) => join(packageDirectory, 'lambda', 'bootstrap.mjs')
const say = (line: string) => void process.stdout.write(`${line}\n`)

const sayOfFunction = ({ functions }: Wiring) => {
  const keys = new Map(functions.map(({ name, key }) => [name, key]))
  return ({ functionName, text }: FunctionLogLine) => say(`[${keys.get(functionName)}] ${text}`)
}

/** Errors that a person can do something about become one line; mistakes in the program keep their stack. */
async function orEnd<T>(work: () => Promise<T>, interrupted: AbortSignal): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (interrupted.aborted) process.exit(0)
    const { name, message } = error as Error
    if (/^(Type|Reference|Range|Syntax|Assertion)Error$/.test(name)) throw error
    process.stderr.write(`Error: ${message}\n`)
    process.exit(1)
  }
}
