import { readFileSync, renameSync, writeFileSync } from 'node:fs'

/** How far ahead of the last number a restart may begin, in ns: the file is written once in so much time. */
const reserved = 60_000_000_000n

/**
 * Numbers for changes: 16 hex digits, each greater than all before it, also after a crash or when the clock goes backwards.
 * They follow the clock in ns; `file` holds a bound that no number has reached yet. Fixed width, so that padding on the
 * right, which is how sequencers are compared, changes nothing.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function makeSequencer(file: string, now: () => number = Date.now): () => string {
  let bound = readBound(file)
  let last = bound
  return () => {
    const clock = BigInt(now()) * 1_000_000n
    last = clock > last ? clock : last + 1n
    if (last >= bound) {
      bound = last + reserved
      writeFileSync(`${file}.new`, bound.toString())
      renameSync(`${file}.new`, file)
    }
    return last.toString(16).toUpperCase().padStart(16, '0')
  }
}

function readBound(file: string): bigint {
  try {
    const text = readFileSync(file, 'utf8')
    return /^\d+$/.test(text) ? BigInt(text) : 0n
  } catch {
    return 0n
  }
}
