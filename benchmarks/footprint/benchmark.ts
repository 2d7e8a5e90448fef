import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { familyOf } from '#operations/cli/view/memory.ts'

/**
 * What `cupel start` takes of a machine, by kind of process: CPU time while nothing is produced, and memory at 100
 * transactions a second, when the start is over. Prints what was measured beside what is promised, and fails where a
 * promise does not hold.
 * CPU time is the kernel's count of what each process used, so what else the machine does changes it little.
 *
 *     npm run bench -- --only footprint              idle for 60 s, then 120 s at 100 transactions a second
 *     npm run bench -- --only footprint 30 300       other lengths, in seconds
 */
const [idleSeconds = 60, busySeconds = 120] = process.argv.slice(2).map(Number).filter(Number.isFinite)
const promisedMegabytes = 1_000
const promisedIdlePercent = 5
const restSeconds = 75 // environments that nobody uses end after a minute
const sampleEveryMs = 5_000
const ticksPerSecond = 100 // USER_HZ, of /proc/<pid>/stat on all of Linux's usual platforms

type Sample = {
  readonly pid: number
  readonly parent: number
  readonly kind: string
  readonly cpuSeconds: number
  readonly rss: number // bytes
  readonly pss: number // bytes; what processes share counts once
}

if (process.platform !== 'linux') throw new Error('reads /proc, so it runs on Linux only')
const idle = await running(['--no-generator'], async (sample) => {
  await sleep(restSeconds * 1_000)
  const before = await sample()
  await sleep(idleSeconds * 1_000)
  const after = await sample()
  const used = after.map((each) => {
    const { cpuSeconds = 0 } = before.find(({ pid }) => pid === each.pid) ?? {}
    return { ...each, cpuPercent: ((each.cpuSeconds - cpuSeconds) * 100) / idleSeconds }
  })
  print(`idle, CPU of ${idleSeconds} s`, used)
  return sum(used.map(({ cpuPercent }) => cpuPercent))
})
const busy = await running(['--rate', '100'], async (sample) => {
  const endMs = performance.now() + busySeconds * 1_000
  const samples: (readonly Sample[])[] = []
  while (performance.now() < endMs) {
    await sleep(sampleEveryMs)
    samples.push(await sample())
  }
  const bySize = (some: typeof samples) => some.toSorted((a, b) => rssOf(a) - rssOf(b))
  const steady = bySize(samples.slice(samples.length >> 1))
  const median = steady[steady.length >> 1]!
  print('100 transactions a second, most at one moment', bySize(samples).at(-1)!)
  print('100 transactions a second, median of the second half', median)
  return rssOf(median) / 1e6
})
const holds = [
  promise('idle CPU, percent of a core', idle, promisedIdlePercent),
  promise('memory (RSS) at 100 transactions a second, MB', busy, promisedMegabytes),
]
if (holds.includes(false)) process.exitCode = 1

/** Runs `cupel start` in a folder of its own, at free ports, for as long as `watch` takes, from when everything runs. */
async function running<T>(
  options: readonly string[],
  watch: (sample: () => Promise<readonly Sample[]>) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-footprint-'))
  const child = spawn(process.execPath, ['operations/cli/cupel.mjs', 'start', '--json', ...options], {
    env: {
      ...process.env,
      CUPEL_DIRECTORY: directory,
      CUPEL_PORT_KAFKA: '0',
      CUPEL_PORT_S3: '0',
      CUPEL_PORT_POSTGRES: '0',
      CUPEL_PORT_LAMBDA: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  try {
    await Promise.race([
      untilReady(child),
      ended.then(([code]) => Promise.reject(new Error(`cupel start ended with ${code}`))),
    ])
    return await watch(() => takeSample(child.pid!, directory))
  } finally {
    child.kill('SIGINT')
    await ended
    await rm(directory, { recursive: true, force: true })
  }
}

function untilReady({ stdout }: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    stdout!.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('"type":"endpoints"')) resolve()
    })
  })
}

async function takeSample(pid: number, directory: string): Promise<readonly Sample[]> {
  const lock = await readFile(join(directory, 'postgres/data/postmaster.pid'), 'utf8')
  const postmaster = Number.parseInt(lock, 10)
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const parents = await Promise.all(
    pids.map(async (pid) => ({ pid, parent: Number((await statOf(pid))[1] ?? 0) })),
  )
  const family = familyOf(parents, [pid, postmaster])
  return Promise.all(family.map((each) => measure(each, pid)))
}

async function measure({ pid, parent }: { pid: number; parent: number }, command: number): Promise<Sample> {
  const [stat, commandLine, variables, memory] = await Promise.all([
    statOf(pid),
    read(pid, 'cmdline'),
    read(pid, 'environ'),
    read(pid, 'smaps_rollup'),
  ])
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(memory)?.[1] ?? 0) * 1024
  const functionName = /(?:^|\0)AWS_LAMBDA_FUNCTION_NAME=([^\0]+)/.exec(variables)?.[1]
  const kind =
    pid === command
      ? 'command'
      : functionName !== undefined
        ? `environment of ${functionName}`
        : /serverless\.js\0offline/.test(commandLine)
          ? 'Kafka, S3, Lambda'
          : commandLine.includes('postgres')
            ? 'PostgreSQL'
            : (commandLine.split('\0')[0] ?? 'unknown')
  const cpuTicks = Number(stat[11] ?? 0) + Number(stat[12] ?? 0)
  return { pid, parent, kind, cpuSeconds: cpuTicks / ticksPerSecond, rss: bytes('Rss'), pss: bytes('Pss') }
}

/** What follows the program's name in `/proc/<pid>/stat`: its state, its parent, …; empty when it has ended. */
async function statOf(pid: number): Promise<readonly string[]> {
  return (await read(pid, 'stat')).replace(/^.*\) /s, '').split(' ')
}

function read(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
}

function print(title: string, samples: readonly (Sample & { readonly cpuPercent?: number })[]): void {
  const row = (kind: string, some: typeof samples) => {
    const cpu = sum(some.map(({ cpuPercent = 0 }) => cpuPercent))
    const cells = [
      String(some.length),
      (rssOf(some) / 1e6).toFixed(0),
      (sum(some.map(({ pss }) => pss)) / 1e6).toFixed(0),
      ...(samples.some(({ cpuPercent }) => cpuPercent !== undefined) ? [`${cpu.toFixed(2)} %`] : []),
    ]
    console.log(`${kind.padEnd(42)}${cells.map((cell) => cell.padStart(11)).join('')}`)
  }
  const load = loadavg().map((each) => each.toFixed(1))
  console.log(`\n${title} (load average ${load.join(' ')}): processes, RSS and PSS in MB, CPU`)
  for (const kind of [...new Set(samples.map((each) => each.kind))].sort())
    row(
      kind,
      samples.filter((each) => each.kind === kind),
    )
  row('all', samples)
}

function promise(what: string, measured: number, most: number): boolean {
  const holds = measured < most
  console.log(`${holds ? 'holds' : 'FAILS'}  ${what}: ${measured.toFixed(1)} (promised: under ${most})`)
  return holds
}

function rssOf(samples: readonly Sample[]): number {
  return sum(samples.map(({ rss }) => rss))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
