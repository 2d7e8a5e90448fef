/** What a store tells of its writes, so that a disk that is full becomes two lines and not a flood. */
export type WriteWatch = {
  /** A write failed: one line says so, and what to do. */
  readonly failed: (error: unknown) => void
  /** A write was done: one line when the one before it had failed. */
  readonly worked: () => void
}

const quietMs = 30_000 // on a disk that is nearly full, small writes work and large ones fail

/** The lines begin with `warning:`, and name whose writes they are and where. Reads go on meanwhile. */
export function watchWrites(who: string, directory: string, log: (line: string) => void): WriteWatch {
  let told = false // that writes fail
  let toldMs = Number.NEGATIVE_INFINITY
  return {
    failed(error) {
      const nowMs = performance.now()
      if (told || nowMs - toldMs < quietMs) return
      told = true
      toldMs = nowMs
      log(`warning: ${who} cannot write to ${directory}: ${explain(error)}. Writers are told to try again`)
    },
    worked() {
      if (told) log(`warning: ${who}: writes to ${directory} work again`)
      told = false
    },
  }
}

function explain(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  if (code === 'ENOSPC') return 'the disk is full (ENOSPC), free some space'
  if (code === 'EDQUOT') return 'the quota is used up (EDQUOT), free some space'
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM')
    return `the system refuses it (${code}), make it writable`
  return message ?? String(error)
}
