import { readFileSync } from 'node:fs'
import { systemCode } from './errors.ts'

/** Whether a process of this number runs, of whatever account. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || isDefunct(pid)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

/** Whether a process has ended and nobody collected it, which in some containers nobody does. The system still finds it. */
export const isDefunct = (pid: number): boolean => statOf(pid)[0] === 'Z'

/**
 * When a process started, in ticks since boot, on Linux; elsewhere empty. With it a number that is used again, above
 * all in containers, is told from the process before. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export const startOf = (pid: number): string => statOf(pid)[19] ?? ''

/** The fields of a process from its state on; none where the system does not tell. */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}
