import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { FunctionSettings } from '../template.ts'
import { logTail, makeTailCollector } from './log-tail.ts'

export type FunctionLogLine = {
  readonly functionName: string
  readonly requestId?: string // of the running or the last invocation; absent while the environment initialises
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}

export type EnvironmentOptions = {
  readonly settings: FunctionSettings
  readonly taskRoot: string // the project's directory, which stands for /var/task
  readonly bootstrap: string // path of bootstrap.mjs
  readonly variables: Readonly<Record<string, string>> // win over the function's own
  readonly region: string
  readonly log: (line: FunctionLogLine) => void
  readonly inspectorPort?: number // where a debugger attaches, and then nothing times out
  readonly temporary?: string // folder of one that timed out or crashed, to go on with; default: a new one
}

export type Invocation = {
  readonly requestId: string
  readonly functionArn: string
  readonly payload: string | Buffer // JSON text, or its UTF-8
  readonly trace: string // header, see lineage.ts
  readonly tail?: boolean // the outcome has the end of the log
}

export type Outcome = {
  readonly failed: boolean
  readonly payload: string // JSON text
  readonly logTail?: string // base64
}

/** Longest module initialisation. Longer than AWS's 10 s, because a laptop starts several at once. */
const initLimitMs = 30_000

// What a person may take at a breakpoint: about the longest that a timer takes.
const inspectedSeconds = 20 * 24 * 60 * 60

const longestMessage = 128 * 1024 // characters or bytes of an event

// Measured on AWS, 100 bytes more than 6 MiB.
const responseLimitBytes = 6_291_556

/**
 * One execution environment: a child process that runs one function, one invocation at a time, with a temporary folder
 * (`TMPDIR`, for AWS's `/tmp`) that is deleted when it is stopped, unless it was handed on.
 *
 * `usable` turns false when it timed out, crashed or was stopped; then it is never used again. Whatever happens in
 * it becomes an outcome with AWS's error body; `invoke` does not throw.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
 */
export class Environment {
  usable = true
  initialised = false // its module is loaded
  /** Whether its module could be loaded. */
  readonly ready: Promise<boolean>
  readonly startedMs = performance.now()
  readonly #options: EnvironmentOptions
  readonly #child: ChildProcess
  readonly #temporary: string
  readonly #createdMs = performance.now()
  #initMs = 0
  #startedMs = 0 // of the running or the last invocation
  #tail: ReturnType<typeof makeTailCollector> | undefined
  #handedOn = false
  #maxMemoryMb: number | undefined
  #requestId: string | undefined
  #begun = false // somebody has waited for its module
  #reloads = 0
  #tellReady = (_loaded: boolean) => {}
  #answer: ((answer: Answer) => void) | undefined
  #early: Answer | undefined // came before anybody asked
  readonly #gone: Promise<unknown>
  #stopped = false

  constructor(options: EnvironmentOptions) {
    this.#options = options
    const { bootstrap, taskRoot, settings, inspectorPort } = options
    this.#temporary = options.temporary ?? mkdtempSync(join(tmpdir(), 'lambda-'))
    this.#child = fork(bootstrap, inspectorPort === undefined ? [] : [String(inspectorPort)], {
      cwd: taskRoot,
      env: { ...environmentVariables(options), TMPDIR: this.#temporary },
      execArgv: ['--max-semi-space-size=2', `--max-old-space-size=${settings.memoryMb}`],
      serialization: 'advanced', // hands megabytes of text over without escaping them
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.ready = new Promise((resolve) => {
      this.#tellReady = resolve
    })
    this.#forward('stdout')
    this.#forward('stderr')
    // After everything else that arrived with it: what the handler wrote before it answered belongs to this request.
    const settle = (answer: Answer) => void setImmediate(() => this.#settle(answer))
    this.#child.on('message', (message) => settle(message as Answer))
    this.#child.on('error', (error) => settle({ exit: error.message }))
    this.#child.on('exit', (code, signal) => settle({ exit: describeExit(code, signal) }))
    this.#gone = new Promise((resolve) => {
      this.#child.once('exit', resolve)
      this.#child.once('error', resolve)
    })
  }

  async invoke(invocation: Invocation): Promise<Outcome> {
    if (!invocation.tail) return this.#run(invocation)
    const cold = !this.initialised
    const written = makeTailCollector()
    this.#tail = written
    this.#startedMs = performance.now()
    const outcome = await this.#run(invocation)
    this.#tail = undefined
    const report = {
      requestId: invocation.requestId,
      durationMs: performance.now() - this.#startedMs,
      memoryMb: this.#options.settings.memoryMb,
      ...(this.#maxMemoryMb !== undefined && { maxMemoryMb: this.#maxMemoryMb }),
      ...(cold && this.initialised && { initMs: this.#initMs }),
      ...(!this.usable && { ended: JSON.parse(outcome.payload).errorType }),
    }
    return { ...outcome, logTail: logTail(written.text(), report) }
  }

  async #run(invocation: Invocation): Promise<Outcome> {
    const { requestId } = invocation
    const { settings, inspectorPort } = this.#options
    const timeoutSeconds = inspectorPort === undefined ? settings.timeoutSeconds : inspectedSeconds
    if (!this.#begun) {
      this.#begun = true
      const ready = await this.#next(initLimitMs + timeoutSeconds * 1000)
      if (!('ready' in ready)) return this.#fail(requestId, ready)
    }
    this.#requestId = requestId
    this.#startedMs = performance.now()
    if (!this.usable) return this.#fail(requestId, this.#early ?? { exit: describeExit(null, 'SIGKILL') })
    const timeoutMs = timeoutSeconds * 1000
    const { payload, ...about } = invocation
    this.#child.send({ ...about, ...this.#handOver(payload), timeoutMs }, () => {}) // a dead child answers by its exit
    const answer = await this.#next(timeoutSeconds * 1000)
    this.#maxMemoryMb = 'maxMemoryMb' in answer ? answer.maxMemoryMb : undefined
    if (!('result' in answer)) return this.#fail(requestId, answer)
    if (Buffer.byteLength(answer.result) <= responseLimitBytes)
      return { failed: false, payload: answer.result }
    const limit = `maximum allowed payload size (${responseLimitBytes} bytes).`
    return failure('Function.ResponseSizeTooLarge', `Response payload size exceeded ${limit}`)
  }

  /**
   * A large event goes through a file: through the channel it would come in hundreds of pieces, each of which waits until
   * this process has time for it.
   */
  #handOver(payload: string | Buffer): { readonly payload: string } | { readonly file: string } {
    if (payload.length < longestMessage) return { payload: payload.toString() }
    const file = join(this.#temporary, '.event')
    try {
      writeFileSync(file, payload, { mode: 0o600 })
      return { file }
    } catch {
      return { payload: payload.toString() } // a full disk
    }
  }

  /**
   * Load the handler's file again, in this process: milliseconds, where a new environment takes some hundred. What it
   * imports stays as it was, so this is for an edit of that file alone, until a new environment takes over. Between
   * invocations only. False when it could not be loaded; the environment is not usable then.
   */
  async reloadHandler(): Promise<boolean> {
    if (!this.#begun) {
      this.#begun = true
      await this.#next(initLimitMs)
    }
    if (!this.usable) return false
    this.#child.send({ reload: ++this.#reloads }, () => {})
    return 'ready' in (await this.#next(initLimitMs))
  }

  /** Ends the process at once, as AWS does with functions without extensions. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#kill()
    await this.#gone
    if (!this.#handedOn) rmSync(this.#temporary, { recursive: true, force: true })
  }

  /** The temporary folder, for the environment that takes this one's place; `stop` leaves it then. */
  handOnTemporary(): string {
    this.#handedOn = true
    return this.#temporary
  }

  #kill(): void {
    this.usable = false
    this.#child.kill('SIGKILL')
  }

  #next(limitMs: number): Promise<Answer> {
    return new Promise((resolve) => {
      if (this.#early) {
        resolve(this.#early)
        this.#early = undefined
        return
      }
      const timer = setTimeout(() => this.#settle({ timedOut: true }), limitMs)
      this.#answer = (answer) => {
        clearTimeout(timer)
        resolve(answer)
      }
    })
  }

  #settle(answer: Answer): void {
    if ('exit' in answer || 'fatal' in answer) this.usable = false
    if ('ready' in answer && !this.initialised) {
      this.initialised = true
      this.#initMs = performance.now() - this.#createdMs
    }
    this.#tellReady(this.usable)
    const waiting = this.#answer
    this.#answer = undefined
    if (waiting) waiting(answer)
    else this.#early ??= answer
  }

  #fail(requestId: string, answer: Answer): Outcome {
    const { settings, log } = this.#options
    if ('error' in answer) return { failed: true, payload: answer.error }
    const announced = !this.#stopped // nobody wonders why a stopped environment ended
    this.#kill()
    const timedOut = 'timedOut' in answer
    const what = timedOut
      ? `Task timed out after ${settings.timeoutSeconds.toFixed(2)} seconds`
      : `Runtime exited ${'exit' in answer ? answer.exit : 'without providing a reason'}`
    if (announced) log({ functionName: settings.name, requestId, stream: 'stderr', text: what })
    this.#tail?.line(`${new Date().toISOString()} ${requestId} ${what}`)
    return failure(
      timedOut ? 'Sandbox.Timedout' : 'Runtime.ExitError',
      `RequestId: ${requestId} Error: ${what}`,
    )
  }

  #forward(stream: 'stdout' | 'stderr'): void {
    const { settings, log } = this.#options
    createInterface({ input: this.#child[stream]!, crlfDelay: Number.POSITIVE_INFINITY }).on(
      'line',
      (text) => {
        if (this.#requestId !== undefined) this.#tail?.line(text)
        log({ functionName: settings.name, requestId: this.#requestId, stream, text })
      },
    )
  }
}

type Answer =
  | { readonly ready: true }
  | { readonly result: string; readonly maxMemoryMb?: number }
  | { readonly error: string; readonly maxMemoryMb?: number; readonly fatal?: true }
  | { readonly exit: string }
  | { readonly timedOut: true }

const failure = (errorType: string, errorMessage: string): Outcome => ({
  failed: true,
  payload: JSON.stringify({ errorType, errorMessage }),
})

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal) return `with error: signal: ${signal === 'SIGKILL' ? 'killed' : signal}`
  return code === 0 ? 'without providing a reason' : `with error: exit status ${code}`
}

/**
 * What a function sees: AWS's variables, its own, then the local cloud's. Of the developer's shell only what
 * programs need to run at all, so that nothing works here by accident.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
function environmentVariables({
  settings,
  taskRoot,
  variables,
  region,
}: EnvironmentOptions): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env
  const date = new Date().toISOString().slice(0, 10).replaceAll('-', '/')
  return {
    PATH,
    HOME,
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local-secret',
    MALLOC_ARENA_MAX: '2', // glibc's heaps for many threads keep what native code freed, by tens of megabytes
    AWS_SESSION_TOKEN: 'local-session',
    AWS_XRAY_CONTEXT_MISSING: 'LOG_ERROR',
    // This machine's Node is not the one that functions are deployed to.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`,
    ...settings.environment,
    ...variables,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_LAMBDA_FUNCTION_NAME: settings.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(settings.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${settings.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `${date}/[$LATEST]${randomBytes(16).toString('hex')}`,
    LAMBDA_TASK_ROOT: taskRoot,
    // All layers unpack into /opt, so of two that hold the same package the later one wins.
    NODE_PATH: settings.layers
      .map((layer) => `${layer}/nodejs/node_modules`)
      .reverse()
      .join(':'),
    _HANDLER: settings.handler,
  }
}
