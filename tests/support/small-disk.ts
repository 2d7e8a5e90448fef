import { execFileSync } from 'node:child_process'
import { open } from 'node:fs/promises'

/** Gives a directory a disk of its own, where this account may; false, with a line, where not. */
export function mountSmallDisk(directory: string, megabytes: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory], { stdio: 'pipe' })
    return true
  } catch {
    console.warn('SKIPPED: the full disk, because this account cannot mount a tmpfs')
    return false
  }
}

export const unmount = (directory: string): void => void execFileSync('umount', ['-l', directory])

/** Writes into a file until the disk takes no more. */
export async function fill(file: string): Promise<void> {
  const handle = await open(file, 'w')
  try {
    for (let bytes = 1024 * 1024; bytes >= 1024; )
      await handle.write(Buffer.alloc(bytes)).catch(() => {
        bytes /= 2
      })
  } finally {
    await handle.close()
  }
}
