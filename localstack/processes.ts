import { readFileSync } from 'node:fs'
import { systemCode } from './errors.ts'

/** Whether a process of this number runs, of whatever account. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

/**
 * When a process started, in ticks since boot, on Linux; elsewhere empty. With it a number that is used again, above
 * all in containers, is told from the process before. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}
