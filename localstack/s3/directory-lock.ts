import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { S3StartError, systemCode } from './errors.ts'

const ours = new Set<string>() // lock files that this process holds

/**
 * Takes a directory for this process and gives back what releases it. A lock whose process has ended is taken over; one
 * that lives is refused with `S3_DIRECTORY_IN_USE`.
 */
export function lockDirectory(directory: string): () => void {
  const lock = join(directory, 'lock')
  const mine = `${lock}.${process.pid}`
  for (;;) {
    const holder = readLock(lock)
    if (holder && (holder.pid === process.pid ? ours.has(lock) : isAlive(holder))) {
      throw new S3StartError(
        'S3_DIRECTORY_IN_USE',
        `S3 cannot use ${directory}: process ${holder.pid} is using it. Stop that process, or give another directory`,
      )
    }
    // Of several that find the same stale lock, one renames it away; link then lets one of them in. Who was so late
    // that it took the winner's lock puts it back.
    if (holder && tryTo(() => renameSync(lock, `${mine}.stale`), 'ENOENT')) {
      if (readLock(`${mine}.stale`)?.pid !== holder.pid)
        tryTo(() => linkSync(`${mine}.stale`, lock), 'EEXIST')
      rmSync(`${mine}.stale`)
    }
    writeFileSync(mine, JSON.stringify({ pid: process.pid, started: startOf(process.pid) }))
    const taken = tryTo(() => linkSync(mine, lock), 'EEXIST')
    rmSync(mine)
    if (!taken) continue
    ours.add(lock)
    return () => {
      ours.delete(lock)
      rmSync(lock, { force: true })
    }
  }
}

type Holder = { readonly pid: number; readonly started: string }

/** The holder that a lock names: undefined without a lock, process 0 for an unreadable one, which counts as ended. */
function readLock(lock: string): Holder | undefined {
  try {
    const { pid, started } = JSON.parse(readFileSync(lock, 'utf8'))
    return { pid: Number.isSafeInteger(pid) ? pid : 0, started: String(started) }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    if (error instanceof SyntaxError) return { pid: 0, started: '' }
    throw error
  }
}

function isAlive({ pid, started }: Holder): boolean {
  if (pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false // EPERM: alive, of another account
  }
  // The same number may belong to a later process, above all in containers.
  return started === '' || startOf(pid) === started
}

/** When a process started, in ticks since boot, on Linux; elsewhere empty. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function tryTo(act: () => void, expected: string): boolean {
  try {
    act()
    return true
  } catch (error) {
    if (systemCode(error) === expected) return false
    throw error
  }
}
