import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A process as the kernel tells of it. Linux only: elsewhere there are none. */
type Found = { readonly pid: number; readonly parent: number; readonly command: string }

async function allProcesses(): Promise<Found[]> {
  const names = await readdir('/proc').catch(() => [])
  const found = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
        const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
        return { pid: Number(name), parent, command: command.replaceAll('\0', ' ') }
      }),
  )
  return found.filter(({ parent }) => Number.isSafeInteger(parent))
}

/** The processes that `pid` started, those that they started, and so on, whose command line holds `what`. */
export async function descendantsOf(pid: number, what = ''): Promise<number[]> {
  const all = await allProcesses()
  const below = (parents: readonly number[]): Found[] => {
    const children = all.filter(({ parent }) => parents.includes(parent))
    return children.length === 0 ? [] : [...children, ...below(children.map((each) => each.pid))]
  }
  return below([pid])
    .filter(({ command }) => command.includes(what))
    .map((each) => each.pid)
}

/** The number of PostgreSQL's first process in a data folder, while its lock file is there. */
export async function postmasterOf(directory: string): Promise<number | undefined> {
  const lock = await readFile(join(directory, 'postgres/data/postmaster.pid'), 'utf8').catch(() => '')
  return Number.parseInt(lock, 10) || undefined
}

/** PostgreSQL and the processes that it started. */
export async function postgresProcesses(directory: string): Promise<number[]> {
  const postmaster = await postmasterOf(directory)
  return postmaster === undefined ? [] : [postmaster, ...(await descendantsOf(postmaster))]
}

/** Sends a signal to each that still is there. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids)
    try {
      process.kill(pid, name)
    } catch {} // it has ended
}
