import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sum } from '../../reconcile.ts'
import type { Memory } from './model.ts'

type Process = { readonly pid: number; readonly parent: number; readonly rssBytes: number }

/**
 * What a process, PostgreSQL of the data folder, and all that they started hold in memory now. Undefined where nobody
 * tells.
 */
export async function measureMemory(pid: number, dataDirectory: string): Promise<Memory | undefined> {
  const postmaster = Number.parseInt(
    await readFile(join(dataDirectory, 'postgres/data/postmaster.pid'), 'utf8').catch(() => ''),
    10,
  )
  const roots = [pid, ...(postmaster > 0 ? [postmaster] : [])]
  const all = await (process.platform === 'linux' ? linuxProcesses() : psProcesses()).catch(() => [])
  const family = familyOf(all, roots)
  if (family.length === 0) return undefined
  const shares = await Promise.all(family.map((each) => pssBytes(each.pid)))
  return {
    processes: family.length,
    rssBytes: sum(family, ({ rssBytes }) => rssBytes),
    // A process that ended in between counts for nothing; where none tells, nobody knows.
    pssBytes: shares.every((bytes) => bytes === undefined) ? undefined : sum(shares, (bytes) => bytes ?? 0),
  }
}

/** The processes of these ids and all that descend from them, each once. */
export function familyOf<P extends Pick<Process, 'pid' | 'parent'>>(
  processes: readonly P[],
  roots: readonly number[],
): readonly P[] {
  const children = new Map<number, P[]>()
  for (const each of processes) children.set(each.parent, [...(children.get(each.parent) ?? []), each])
  const family = new Set(processes.filter(({ pid }) => roots.includes(pid)))
  for (const member of family) for (const child of children.get(member.pid) ?? []) family.add(child) // a Set goes on over what is added
  return [...family]
}

/** Of `ps -axo pid=,ppid=,rss=`, whose sizes are KiB. */
export const readPs = (output: string): readonly Process[] =>
  output
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter((numbers) => numbers.length === 3 && numbers.every(Number.isFinite))
    .map(([pid, parent, rss]) => ({ pid: pid!, parent: parent!, rssBytes: rss! * 1024 }))

const psProcesses = async () =>
  readPs((await promisify(execFile)('ps', ['-axo', 'pid=,ppid=,rss='], { maxBuffer: 2 ** 24 })).stdout)

/** Of `/proc/<pid>/status`: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html. A zombie holds no memory. */
export function readStatus(status: string): Process {
  const number = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
  return { pid: number('Pid'), parent: number('PPid'), rssBytes: number('VmRSS') * 1024 }
}

async function linuxProcesses(): Promise<readonly Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const texts = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')), // it may have ended
  )
  return texts.filter((text) => text !== '').map(readStatus)
}

async function pssBytes(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  const kibibytes = /^Pss: +(\d+) kB$/m.exec(text)?.[1]
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
}
