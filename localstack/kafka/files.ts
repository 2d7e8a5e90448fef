import fs from 'node:fs'

/**
 * Append `bytes` at `position` and return once the operating system has them. When that fails (a full disk), the file
 * is cut back to `position`, so that no partial entry stays, and the failure is thrown.
 */
export function appendAt(fd: number, bytes: Uint8Array, position: number): void {
  try {
    for (let done = 0; done < bytes.length; ) {
      done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done)
    }
  } catch (error) {
    fs.ftruncateSync(fd, position)
    throw error
  }
}

/** The bytes from `position`: `length` of them, or fewer at the end of the file. */
export function readAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let done = 0
  while (done < length) {
    const count = fs.readSync(fd, bytes, done, length - done, position + done)
    if (count === 0) break
    done += count
  }
  return bytes.subarray(0, done)
}

/** Make a rename or a new file in `directory` outlast a power cut, where the platform can. */
export function syncDirectory(directory: string): void {
  try {
    const fd = fs.openSync(directory, 'r')
    fs.fsyncSync(fd)
    fs.closeSync(fd)
  } catch {
    // Windows cannot open a directory; the entry is still safe from the death of this process.
  }
}
