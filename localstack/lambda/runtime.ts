import { randomUUID } from 'node:crypto'
import type { FunctionSettings } from '../template.ts'
import { Environment, type EnvironmentOptions } from './environment.ts'
import type { Invoke, InvokeResult } from './invoke.ts'

export type RuntimeOptions = {
  readonly functions: readonly FunctionSettings[]
  readonly accountId: string
  readonly onInvocation?: (report: InvocationReport) => void
} & Omit<EnvironmentOptions, 'settings'>

/** One invocation that has ended, for those who watch. A throttled one is none. */
export type InvocationReport = {
  readonly functionKey: string // in serverless.yml
  readonly startedMs: number // Unix time
  readonly durationMs: number
  readonly cold: boolean // a new environment: the duration includes its start
  readonly failed: boolean
  readonly payload: string // JSON text: the handler's answer, or {errorType, errorMessage}
  readonly event: string // JSON text
}

export type LambdaRuntime = {
  readonly functions: readonly FunctionSettings[]
  readonly invoke: Invoke
  /** The function of a deployed name, a key in serverless.yml, or an ARN; `:$LATEST` may follow. */
  find(name: string): FunctionSettings | undefined
  arnOf(name: string): string
  /** How many invocations of a function may run at once. */
  concurrencyOf(name: string): number
  /** The next invocations get fresh environments; running ones finish in theirs. */
  reload(): void
  /** Waits up to `graceMs` for running invocations, then ends every environment. */
  close(graceMs?: number): Promise<void>
}

/** Environments of a function that sets no reserved concurrency: bounded by a laptop's memory, not an account's. */
const defaultConcurrency = 4

/** Thrown for a name that no function has. */
export class UnknownFunctionError extends Error {
  override name = 'UnknownFunctionError'
  readonly functionArn: string

  constructor(functionArn: string) {
    super(`Function not found: ${functionArn}`)
    this.functionArn = functionArn
  }
}

type Pool = { readonly settings: FunctionSettings; idle: Environment[]; readonly busy: Set<Environment> }

/**
 * The local Lambda service: runs each function in environments of its own, at most its concurrency at once.
 *
 * A call over that limit is throttled (429), as on AWS: callers of the Invoke API see it, event sources retry.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
 */
export function startRuntime(options: RuntimeOptions): LambdaRuntime {
  const { functions, region, accountId, onInvocation } = options
  const pools = new Map<string, Pool>(
    functions.map((settings) => [settings.name, { settings, idle: [], busy: new Set() }]),
  )
  const running = new Set<Promise<unknown>>()
  let outdated = new Set<Environment>()
  let closed = false

  const arnOf = (name: string) => `arn:aws:lambda:${region}:${accountId}:function:${name}`

  const find = (name: string) => {
    const [, plain] =
      /^(?:arn:aws[\w-]*:lambda:[^:]*:)?(?:\d+:)?(?:function:)?([^:]+)(?::\$LATEST)?$/.exec(name) ?? []
    if (plain === undefined) return undefined
    return pools.get(plain)?.settings ?? functions.find((settings) => settings.key === plain)
  }

  const concurrencyOf = (name: string) => find(name)?.reservedConcurrency ?? defaultConcurrency

  const invoke: Invoke = async (name, payload, { requestId = randomUUID() } = {}) => {
    if (closed) throw new Error('the local Lambda service is stopped')
    const settings = find(name)
    const pool = settings && pools.get(settings.name)
    if (!pool) throw new UnknownFunctionError(name.startsWith('arn:') ? name : arnOf(name))
    if (pool.busy.size >= concurrencyOf(pool.settings.name))
      return throttled(pool.settings.reservedConcurrency !== undefined)
    pool.idle = pool.idle.filter((environment) => environment.usable) // one may have crashed while idle
    const waiting = pool.idle.pop()
    const environment = waiting ?? new Environment({ ...options, settings: pool.settings })
    const startedMs = Date.now()
    const started = performance.now()
    pool.busy.add(environment)
    const work = environment.invoke({ requestId, functionArn: arnOf(pool.settings.name), payload })
    running.add(work)
    try {
      const outcome = await work
      onInvocation?.({
        functionKey: pool.settings.key,
        startedMs,
        durationMs: performance.now() - started,
        cold: waiting === undefined,
        ...outcome,
        event: payload,
      })
      return {
        statusCode: 200,
        payload: outcome.payload,
        ...(outcome.failed && { functionError: 'Unhandled' }),
      }
    } finally {
      running.delete(work)
      pool.busy.delete(environment)
      if (!environment.usable || closed || outdated.delete(environment)) void environment.stop()
      else pool.idle.push(environment)
    }
  }

  const reload = () => {
    for (const pool of pools.values()) {
      for (const environment of pool.idle) void environment.stop()
      pool.idle = []
      outdated = new Set([...outdated, ...pool.busy])
    }
  }

  const close = async (graceMs = 0) => {
    closed = true
    let timer: NodeJS.Timeout | undefined
    const grace = new Promise((resolve) => {
      timer = setTimeout(resolve, graceMs)
    })
    await Promise.race([Promise.allSettled([...running]), grace])
    clearTimeout(timer)
    const environments = [...pools.values()].flatMap((pool) => [...pool.idle, ...pool.busy])
    await Promise.all(environments.map((environment) => environment.stop()))
  }

  return { functions, invoke, find, arnOf, concurrencyOf, reload, close }
}

function throttled(reserved: boolean): InvokeResult {
  const prefix = reserved ? 'ReservedFunction' : ''
  const Reason = `${prefix}ConcurrentInvocationLimitExceeded`
  return { statusCode: 429, payload: JSON.stringify({ Reason, Type: 'User', message: 'Rate Exceeded.' }) }
}
