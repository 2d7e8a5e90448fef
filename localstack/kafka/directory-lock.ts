import fs from 'node:fs'

/**
 * Make this process the only user of a directory: a file with its process id. A file whose process is gone is taken
 * over. Gives a function that ends the claim, or `holder`, the id of the process that has it.
 */
export function lockDirectory(file: string): { release: () => void } | { holder: number } {
  for (let attempt = 0; ; attempt++) {
    try {
      fs.writeFileSync(file, identity(process.pid), { flag: 'wx' })
      return { release: () => fs.rmSync(file, { force: true }) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 10) throw error
    }
    const claim = readClaim(file)
    if (claim === undefined) continue // released in this very moment
    const holder = Number.parseInt(claim, 10)
    if (isRunning(holder) && identity(holder) === claim) return { holder }
    takeAway(file, claim)
  }
}

const readClaim = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Remove a stale claim; if another process replaced it meanwhile, give that one its claim back. */
function takeAway(file: string, stale: string): void {
  const aside = `${file}.${process.pid}`
  try {
    fs.renameSync(file, aside)
    if (fs.readFileSync(aside, 'utf8') !== stale) fs.linkSync(aside, file)
  } catch {
    // Somebody else took it away first: the caller looks again.
  } finally {
    fs.rmSync(aside, { force: true })
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The id, and where the system tells (Linux) its start time, because ids are used again, in containers at once. */
function identity(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] // field 22, proc_pid_stat(5)
    return `${pid} ${startTime}\n`
  } catch {
    return `${pid}\n`
  }
}
