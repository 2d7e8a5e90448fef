import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeSync } from 'node:fs'
import { mkdir, rename, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoints as PublishedEndpoints } from '#localstack/endpoints-file.ts'
import { cannotWrite, Failure } from './failure.ts'

export const dataDirectory = (root: string): string => resolve(root, process.env.CUPEL_DIRECTORY || '.cupel')

/** Where the services of a running local cloud listen. */
export type Endpoints = PublishedEndpoints & { readonly postgres: string }
/** A function's subscription to a topic. */
export type ConsumerGroup = {
  readonly groupId: string
  readonly topic: string
  readonly functionKey: string // in serverless.yml
}
/** What the local cloud tells while it runs. */
export type CloudMessage = {
  readonly type: 'invocation'
  readonly functionKey: string // in serverless.yml
  readonly startedMs: number // Unix time
  readonly durationMs: number
  readonly cold: boolean // in a new environment
  readonly failed: boolean
  readonly eventMs: number | null // when its event came about: an S3 event's time, the first Kafka record's timestamp
  readonly answer?: unknown // what the handler returned, or {errorType, errorMessage}; absent when it is long
}
type Reloaded = { readonly type: 'reloaded'; readonly functions: readonly string[] }
export type CloudListener = {
  readonly onLine: (line: string) => void
  readonly onMessage?: (message: CloudMessage) => void
  /** The code of these functions, by their keys, changed; the next invocations run it. */
  readonly onReload?: (functionKeys: readonly string[]) => void
}
export type LocalCloud = {
  readonly endpoints: Endpoints
  readonly consumerGroups: readonly ConsumerGroup[]
  readonly inspectors: Readonly<Record<string, number>> // ports by function key; empty unless it was asked to inspect
  /** Resolves when the local cloud has ended by itself, with what it said last. */
  readonly ended: Promise<string>
  /** End it in order; resolves when all its processes have ended, after 10 s at most. */
  readonly stop: () => Promise<void>
}

const stopMs = 10_000
const lastLinesMs = 500 // for what an ended process printed, unless a child of it keeps the pipe
const longestLogBytes = 10_000_000

/**
 * Run `serverless offline` as a child, with the local cloud's plugin inside, and wait until its event sources run.
 * All that it prints goes to `<data>/cupel.log`, and line by line to `onLine`.
 *
 * @throws {Failure} with the line in which it said why, when it ends before it is ready.
 */
export async function startLocalCloud(
  root: string,
  { onLine, onMessage, onReload }: CloudListener,
  { inspect }: { readonly inspect?: number } = {},
): Promise<LocalCloud> {
  const directory = dataDirectory(root)
  const log = await openLog(directory).catch((cause) => {
    throw cannotWrite(directory, cause, 'set CUPEL_DIRECTORY to a folder of yours')
  })
  const serverless = createRequire(join(root, 'package.json')).resolve('serverless/bin/serverless.js')
  const child = spawn(process.execPath, ['--max-semi-space-size=2', serverless, 'offline'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      ...process.env,
      SLS_NOTIFICATIONS_MODE: 'off',
      SLS_TELEMETRY_DISABLED: '1',
      FORCE_COLOR: '0',
      MALLOC_ARENA_MAX: '2',
      ...(inspect !== undefined && { CUPEL_INSPECT: String(inspect) }),
    },
  })
  child.on('message', (message: CloudMessage | Reloaded | { type: 'ready' }) => {
    if (message.type === 'invocation') onMessage?.(message)
    if (message.type === 'reloaded') onReload?.(message.functions)
  })
  const lastLines: string[] = []
  for (const stream of [child.stdout!, child.stderr!])
    createInterface({ input: stream }).on('line', (line) => {
      log.write(line)
      if (line.trim() && !line.startsWith('[')) lastLines.push(line) // what functions say is no reason
      if (lastLines.length > 20) lastLines.shift()
      onLine(line)
    })
  const closed = once(child, 'close') // all that it printed was read
  const exited = once(child, 'exit').then(async ([, signal]) => {
    await Promise.race([closed, sleep(lastLinesMs, undefined, { ref: false })])
    return signal === null ? reasonOf(lastLines) : `it was ended by ${signal}`
  })

  const { endpoints, consumerGroups, inspectors } = await Promise.race([
    ready(child),
    exited.then((reason) => Promise.reject(new Failure(reason))),
  ])
  return {
    endpoints,
    consumerGroups,
    inspectors,
    ended: exited,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGINT')
      const late = setTimeout(() => child.kill('SIGKILL'), stopMs)
      await exited
      clearTimeout(late)
      log.close()
    },
  }
}

/**
 * Lines are added: this start may be refused because another one runs, whose log this is, and of an earlier one that
 * was killed the log may say why. One that is long moves to `cupel.log.1`. A line that a full disk has no room for is
 * lost, and the next one is tried again. Each begins with the time at which it was printed.
 */
async function openLog(directory: string): Promise<{ write: (line: string) => void; close: () => void }> {
  await mkdir(directory, { recursive: true })
  const file = join(directory, 'cupel.log')
  const { size } = await stat(file).catch(() => ({ size: 0 }))
  if (size > longestLogBytes) await rename(file, `${file}.1`)
  const log = openSync(file, 'a')
  return {
    write(line) {
      try {
        writeSync(log, `${new Date().toISOString()} ${line}\n`)
      } catch {} // the services tell of it on the console
    },
    close: () => closeSync(log),
  }
}

type Ready = Pick<LocalCloud, 'endpoints' | 'consumerGroups' | 'inspectors'>
const ready = (child: ChildProcess): Promise<Ready> =>
  new Promise((resolve) => {
    child.on('message', (message: { type?: string } & Ready) => {
      if (message.type === 'ready') resolve(message)
    })
  })

/** The line after which `serverless` ends is its last error's; it prints `Error:` on a line of its own before it. */
function reasonOf(lines: readonly string[]): string {
  const heading = lines.findLastIndex((line) => /^(✖\s*)?[A-Za-z]*Error:?\s*$/.test(line))
  const said = heading >= 0 ? lines[heading + 1] : lines.find((line) => /error|cannot|in use/i.test(line))
  return (said ?? lines.at(-1) ?? 'the local cloud ended without a word').replace(/^[×✖\s]*(Error:\s*)?/, '')
}
