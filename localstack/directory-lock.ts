import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, StartError, systemCode } from './errors.ts'
import { isAlive, startOf } from './processes.ts'

const ours = new Set<string>() // lock files that this process holds

/**
 * Takes a directory, made when it is missing, for this process and gives what releases it. A lock whose process has
 * ended is taken over. Throws `StartError`; `instead` is what to do when the other user is to stay.
 */
export function takeDirectory(
  directory: string,
  whose: string,
  instead = 'choose another directory',
): () => void {
  const lock = join(directory, 'lock')
  let holder: number | undefined
  try {
    mkdirSync(directory, { recursive: true })
    holder = takeLock(lock)
  } catch (cause) {
    throw unusableDirectory(directory, whose, cause)
  }
  if (holder !== undefined) {
    const what = `another ${whose} already runs in ${directory} (process ${holder})`
    throw new StartError('DIRECTORY_IN_USE', `${what}: stop it first, or ${instead}`)
  }
  return () => {
    ours.delete(lock)
    rmSync(lock, { force: true })
  }
}

/** The process that holds a directory at this moment, if one does. */
export function holderOf(directory: string): number | undefined {
  const holder = readLock(join(directory, 'lock'))
  return holder && isRunning(holder) ? holder.pid : undefined
}

export const unusableDirectory = (directory: string, whose: string, cause: unknown): StartError =>
  new StartError(
    'DIRECTORY_UNUSABLE',
    `the ${whose} cannot use ${directory} (${messageOf(cause)}): make it a directory that this account can write to, ` +
      'with some space, or choose another one',
    cause,
  )

/** Gives the process that holds the lock, or undefined when it is this one from now on. */
function takeLock(lock: string): number | undefined {
  const mine = `${lock}.${process.pid}`
  for (;;) {
    const holder = readLock(lock)
    if (holder && (holder.pid === process.pid ? ours.has(lock) : isRunning(holder))) return holder.pid
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
    return undefined
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

const isRunning = ({ pid, started }: Holder): boolean =>
  isAlive(pid) && (started === '' || startOf(pid) === started)

function tryTo(act: () => void, expected: string): boolean {
  try {
    act()
    return true
  } catch (error) {
    if (systemCode(error) === expected) return false
    throw error
  }
}
