import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import type { FunctionSettings } from '../template.ts'
import { Environment, type EnvironmentOptions } from './environment.ts'
import type { Invoke, InvokeResult } from './invoke.ts'
import { traceOfInvocation } from './lineage.ts'

export type RuntimeOptions = {
  readonly functions: readonly FunctionSettings[]
  readonly accountId: string
  readonly onInvocation?: (report: InvocationReport) => void
  readonly idleMs?: number // an environment that nobody used for so long ends, a young one sooner; default a minute
  /**
   * For debuggers: each function has one environment, which stays, with an inspector at its own port: this one for the
   * first function, then upwards. Calls wait for it and nothing times out, as a person may stand at a breakpoint.
   */
  readonly firstInspectorPort?: number
} & Omit<EnvironmentOptions, 'settings'>

/** One invocation that has ended, for those who watch. A throttled one is none. */
export type InvocationReport = {
  readonly functionKey: string // in serverless.yml
  readonly startedMs: number // Unix time
  readonly durationMs: number
  readonly cold: boolean // a new environment: the duration includes its start
  readonly failed: boolean
  readonly payload: string // JSON text: the handler's answer, or {errorType, errorMessage}
  readonly event: string | Buffer // JSON text, or its UTF-8
}

export type LambdaRuntime = {
  readonly functions: readonly FunctionSettings[]
  readonly invoke: Invoke
  /** The function of a deployed name, a key in serverless.yml, or an ARN; `:$LATEST` may follow. */
  find(name: string): FunctionSettings | undefined
  arnOf(name: string): string
  /** How many invocations of a function may run at once. */
  concurrencyOf(name: string): number
  /**
   * The next invocations of these functions (default: all) run the code as it is now; running ones finish as they are.
   * Fresh environments start at once where there were any. Of functions in `handlerAlone`, of whose code the handler's
   * file alone changed, the old ones load that file and go on until the fresh ones are ready.
   */
  reload(functionKeys?: readonly string[], handlerAlone?: readonly string[]): void
  /** Where a debugger attaches to a function; undefined unless the runtime inspects. */
  inspectorPortOf(functionKey: string): number | undefined
  /** Waits up to `graceMs` for running invocations, then ends every environment. */
  close(graceMs?: number): Promise<void>
}

/** Environments of a function that sets no reserved concurrency: bounded by a laptop's memory, not an account's. */
const defaultConcurrency = 4

const grownConcurrency = 2 // of these, how many for calls that wait

// An environment costs 60 MB and more: a further one is worth it when work piles up, and goes when nothing needs it.
const growAfterMs = 1_000
const defaultIdleMs = 60_000

/** Thrown for a name that no function has. */
export class UnknownFunctionError extends Error {
  override name = 'UnknownFunctionError'
  readonly functionArn: string

  constructor(functionArn: string) {
    super(`Function not found: ${functionArn}`)
    this.functionArn = functionArn
  }
}

class RuntimeClosedError extends Error {
  override name = 'RuntimeClosedError'
  override message = 'the local Lambda service is stopped'
}

type Pool = {
  readonly settings: FunctionSettings
  idle: Environment[]
  readonly busy: Set<Environment>
  fresh?: Environment | undefined // starts with edited code, and takes over when it is ready
  readonly folders: string[] // temporary ones of environments that timed out or crashed, for those after them
  readonly waiting: ((environment: Environment | undefined) => void)[] // callers, first come first served
}

/**
 * The local Lambda service: runs each function in environments of its own, at most its concurrency at once.
 *
 * A call over that limit is throttled (429), as on AWS, or waits for its turn when it says so. Waiting calls get a
 * further environment only when none is free for a while. One that nobody uses ends, see `keepMs`.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
 */
export function startRuntime(options: RuntimeOptions): LambdaRuntime {
  const { functions, region, accountId, onInvocation, idleMs = defaultIdleMs, firstInspectorPort } = options
  const inspects = firstInspectorPort !== undefined
  const pools = new Map<string, Pool>(
    functions.map((settings) => [
      settings.name,
      { settings, idle: [], busy: new Set(), folders: [], waiting: [] },
    ]),
  )
  const running = new Set<Promise<unknown>>()
  const reaping = new Map<Environment, NodeJS.Timeout>()
  const outdated = new Set<Environment>() // busy ones that end when they are done
  const stale = new Set<Environment>() // busy ones that load their handler again when they are done
  let closed = false

  const arnOf = (name: string) => `arn:aws:lambda:${region}:${accountId}:function:${name}`

  const find = (name: string) => {
    const [, plain] =
      /^(?:arn:aws[\w-]*:lambda:[^:]*:)?(?:\d+:)?(?:function:)?([^:]+)(?::\$LATEST)?$/.exec(name) ?? []
    if (plain === undefined) return undefined
    return pools.get(plain)?.settings ?? functions.find((settings) => settings.key === plain)
  }

  const inspectorPortOf = (key: string) =>
    inspects ? firstInspectorPort + functions.findIndex((settings) => settings.key === key) : undefined

  const limitOf = ({ reservedConcurrency }: FunctionSettings) => {
    const limit = reservedConcurrency ?? defaultConcurrency
    return inspects ? Math.min(1, limit) : limit
  }
  const concurrencyOf = (name: string) => {
    const settings = find(name)
    return settings ? limitOf(settings) : defaultConcurrency
  }

  const invoke: Invoke = async (
    name,
    payload,
    { requestId = randomUUID(), waits = false, tail = false, trace: parent } = {},
  ) => {
    if (closed) throw new RuntimeClosedError()
    const settings = find(name)
    const pool = settings && pools.get(settings.name)
    if (!pool) throw new UnknownFunctionError(name.startsWith('arn:') ? name : arnOf(name))
    const environment = await take(pool, waits)
    if (closed) throw new RuntimeClosedError()
    if (!environment) return throttled(pool.settings.reservedConcurrency !== undefined)
    const cold = !environment.initialised
    const startedMs = Date.now()
    const started = performance.now()
    const functionArn = arnOf(pool.settings.name)
    const trace = traceOfInvocation(parent, pool.settings.name)
    const work = environment.invoke({ requestId, functionArn, payload, trace, ...(tail && { tail }) })
    running.add(work)
    try {
      const { logTail, ...outcome } = await work
      onInvocation?.({
        functionKey: pool.settings.key,
        startedMs,
        durationMs: performance.now() - started,
        cold,
        ...outcome,
        event: payload,
      })
      return {
        statusCode: 200,
        payload: outcome.payload,
        ...(outcome.failed && { functionError: 'Unhandled' }),
        ...(logTail !== undefined && { logTail }),
      }
    } finally {
      running.delete(work)
      pool.busy.delete(environment)
      const isOutdated = outdated.delete(environment)
      const isStale = stale.delete(environment)
      if (closed || isOutdated) void environment.stop()
      else if (isStale && environment.usable) void renew(pool, environment)
      else if (!environment.usable) replace(pool, environment)
      else rest(pool, environment)
      if (inspects && pool.idle.length === 0 && !closed) rest(pool, start(pool))
      advance(pool, 'freed')
    }
  }

  /** A busy environment for a caller; undefined when it is throttled, or the runtime closes while it waits. */
  const take = (pool: Pool, waits: boolean): Promise<Environment | undefined> | Environment | undefined => {
    const limit = limitOf(pool.settings)
    if ((waits || inspects) && limit > 0) return turn(pool)
    if (pool.busy.size >= limit) return undefined
    const environment = wake(pool) ?? start(pool)
    pool.busy.add(environment)
    return environment
  }

  const turn = async (pool: Pool): Promise<Environment | undefined> => {
    let growing: NodeJS.Timeout | undefined
    const mine = new Promise<Environment | undefined>((resolve) => {
      pool.waiting.push(resolve)
      growing = setInterval(() => advance(pool, 'late'), growAfterMs)
      advance(pool, 'came')
    })
    return mine.finally(() => clearInterval(growing))
  }

  /**
   * Gives the one who waits longest the environment that just became free, or the only one that works at all. Others
   * stay idle, or are not started, until a call is late.
   */
  const advance = (pool: Pool, why: 'came' | 'freed' | 'late') => {
    const { waiting, busy, settings } = pool
    if (closed || waiting.length === 0 || busy.size >= limitOf(settings)) return
    if (why === 'came' && busy.size > 0) return
    const most = settings.reservedConcurrency ?? grownConcurrency
    if (why === 'late' && (busy.size >= most || [...busy].some(({ initialised }) => !initialised))) return
    const environment = wake(pool) ?? start(pool)
    busy.add(environment)
    waiting.shift()?.(environment)
  }

  const start = ({ settings, folders }: Pool) => {
    const inspectorPort = inspectorPortOf(settings.key)
    const temporary = folders.pop()
    return new Environment({
      ...options,
      settings,
      ...(inspects && { inspectorPort }),
      ...(temporary !== undefined && { temporary }),
    })
  }

  /** Ends one that timed out or crashed. What it left in its temporary folder stays, as on AWS, for the next one. */
  const replace = ({ folders }: Pool, environment: Environment) => {
    folders.push(environment.handOnTemporary())
    void environment.stop()
  }

  const wake = (pool: Pool): Environment | undefined => {
    for (const crashed of pool.idle.filter(({ usable }) => !usable)) {
      clearTimeout(reaping.get(crashed))
      reaping.delete(crashed)
      replace(pool, crashed)
    }
    pool.idle = pool.idle.filter(({ usable }) => usable)
    const environment = pool.idle.pop()
    if (environment) {
      clearTimeout(reaping.get(environment))
      reaping.delete(environment)
    }
    return environment
  }

  const rest = (pool: Pool, environment: Environment) => {
    pool.idle.push(environment)
    if (inspects) return
    const end = () => {
      pool.idle = pool.idle.filter((each) => each !== environment)
      reaping.delete(environment)
      void environment.stop()
    }
    const livedMs = performance.now() - environment.startedMs
    reaping.set(environment, setTimeout(end, keepMs(livedMs, idleMs)).unref())
  }

  /** Loads the handler again in an environment that is nobody's now. */
  const renew = async (pool: Pool, environment: Environment) => {
    pool.busy.add(environment)
    let loaded = true
    do {
      stale.delete(environment)
      loaded = await environment.reloadHandler()
    } while (loaded && stale.has(environment)) // edited again meanwhile
    pool.busy.delete(environment)
    if (loaded && !closed && !outdated.delete(environment)) rest(pool, environment)
    else void environment.stop()
    advance(pool, 'freed')
  }

  /** The environments there are go on with the handler as it is now, until a fresh one takes over. */
  const renewAll = async (pool: Pool) => {
    for (const busy of pool.busy) stale.add(busy)
    const old: Environment[] = [...pool.busy]
    for (let idle = wake(pool); idle; idle = wake(pool)) {
      old.push(idle)
      void renew(pool, idle)
    }
    if (old.length === 0) return
    const fresh = start(pool)
    pool.fresh = fresh
    const isWanted = (await fresh.ready) && !closed && pool.fresh === fresh
    if (!isWanted) return void fresh.stop()
    pool.fresh = undefined
    for (let idle = wake(pool); idle; idle = wake(pool)) void idle.stop()
    for (const busy of pool.busy) if (old.includes(busy)) outdated.add(busy)
    rest(pool, fresh)
    advance(pool, 'freed')
  }

  const reload = (functionKeys = functions.map(({ key }) => key), handlerAlone: readonly string[] = []) => {
    for (const pool of pools.values()) {
      if (!functionKeys.includes(pool.settings.key) || closed) continue
      pool.fresh = undefined
      if (handlerAlone.includes(pool.settings.key) && !inspects) {
        void renewAll(pool)
        continue
      }
      const wasUsed = pool.idle.length + pool.busy.size > 0
      deleteFolders(pool)
      for (let old = wake(pool); old; old = wake(pool)) void old.stop()
      for (const old of pool.busy) outdated.add(old)
      // Two cannot hold one inspector's port: a busy one is replaced when it is done.
      if (inspects ? pool.busy.size === 0 : wasUsed) rest(pool, start(pool))
    }
  }

  const deleteFolders = ({ folders }: Pool) => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  }

  const close = async (graceMs = 0) => {
    closed = true
    for (const { waiting } of pools.values()) for (const give of waiting.splice(0)) give(undefined)
    for (const timer of reaping.values()) clearTimeout(timer)
    let timer: NodeJS.Timeout | undefined
    const grace = new Promise((resolve) => {
      timer = setTimeout(resolve, graceMs)
    })
    await Promise.race([Promise.allSettled([...running]), grace])
    clearTimeout(timer)
    const environments = [...pools.values()].flatMap(({ idle, busy, fresh }) => [
      ...new Set([...idle, ...busy, ...(fresh ? [fresh] : [])]),
    ])
    await Promise.all(environments.map((environment) => environment.stop()))
    for (const pool of pools.values()) deleteFolders(pool)
  }

  return { functions, invoke, find, arnOf, concurrencyOf, inspectorPortOf, reload, close }
}

/**
 * How long an environment is kept that nobody uses: `idleMs`, or as long as it lived till then where that is less, and a
 * quarter of it at least. One that a burst or a schedule needed for a moment holds its memory for no minute.
 */
export const keepMs = (livedMs: number, idleMs: number): number =>
  Math.min(idleMs, Math.max(idleMs / 4, livedMs))

function throttled(reserved: boolean): InvokeResult {
  const prefix = reserved ? 'ReservedFunction' : ''
  const Reason = `${prefix}ConcurrentInvocationLimitExceeded`
  return { statusCode: 429, payload: JSON.stringify({ Reason, Type: 'User', message: 'Rate Exceeded.' }) }
}
