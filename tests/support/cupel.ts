import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stopLeftoverPostgres } from '#localstack/postgres/server.ts'
import type { Report } from '#operations/cli/report.ts'

export const root = join(import.meta.dirname, '../..')

/** A data folder of its own, and any free ports: starts beside others on the same machine. */
export type Workplace = {
  readonly directory: string
  readonly environment: Record<string, string>
  readonly remove: () => Promise<void>
}
export type Run = {
  readonly process: ChildProcess
  /** All that was printed so far. */
  readonly output: () => string
  /** Resolves when the output matches; rejects when the program ends before. */
  readonly until: (pattern: RegExp) => Promise<void>
  /** The exit code, or null after a signal. */
  readonly exit: Promise<number | null>
  /** SIGKILL to the program and all that it started, at once. */
  readonly killGroup: () => void
}

const started = new Set<ChildProcess>() // by this test file

export async function makeWorkplace(): Promise<Workplace> {
  const directory = await mkdtemp(join(tmpdir(), 'cupel-flow-'))
  const ports = ['KAFKA', 'S3', 'POSTGRES', 'LAMBDA'].map((name) => [`CUPEL_PORT_${name}`, '0'])
  return {
    directory,
    environment: { CUPEL_DIRECTORY: directory, ...Object.fromEntries(ports) },
    async remove() {
      for (const child of started) killGroup(child)
      await stopLeftoverPostgres(join(directory, 'postgres')).catch(() => {})
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Run `cupel <args>` as a person would, in a process group of its own. */
export const cupel = (args: readonly string[], environment: Record<string, string>): Run =>
  run([join(root, 'operations/cli/cupel.mjs'), ...args], environment)

/** The report among the lines that `cupel start --json` printed. */
export function reportIn(output: string): Report {
  const line = output.split('\n').find((each) => each.startsWith('{"type":"report"'))
  if (line === undefined) throw new Error(`there is no report in:\n${output}`)
  return JSON.parse(line)
}

/** Run a Node program with its arguments in the project's folder, in a process group of its own. */
export function run(command: readonly string[], environment: Record<string, string>): Run {
  const child = spawn(process.execPath, command, {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  started.add(child)
  let output = ''
  const waiting = new Set<() => void>()
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      for (const look of waiting) look()
    })
  const exit = once(child, 'close').then(([code]) => code as number | null)
  return {
    process: child,
    output: () => output,
    exit,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(output)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
        exit.then((code) => reject(new Error(`ended with ${code} before ${pattern} was printed:\n${output}`)))
      }),
    killGroup: () => killGroup(child),
  }
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL')
  } catch {} // all of it has ended
}
