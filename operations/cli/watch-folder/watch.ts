import { setTimeout as sleep } from 'node:timers/promises'
import { showBytes } from '../numbers.ts'
import { type FoundFile, type Placing, scan } from './scan.ts'
import type { Uploader } from './upload.ts'

export type WatchOptions = {
  readonly folder: string
  readonly place: Placing
  readonly upload: Uploader
  readonly say: (line: string) => void
  readonly settleMs: number // a file is complete when it has not changed for so long
  readonly pollMs: number
  readonly signal: AbortSignal
}

/**
 * Upload each file of a folder once it is complete, and again when it changed, until the signal; how many were. A file
 * system says of no file that it is complete, so one that does not change for a while, in size or time, is taken for it.
 * When S3 fails, one line says so, and everything is tried again.
 */
export async function watchFolder(options: WatchOptions): Promise<number> {
  const { folder, place, upload, say, settleMs, pollMs, signal } = options
  const settling = makeSettling(settleMs)
  const told = new Set<string>()
  let failure: string | undefined
  let uploaded = 0
  while (!signal.aborted) {
    const { files, strays } = await scan(folder, place).catch((error: NodeJS.ErrnoException) => {
      sayOnce(`${folder} cannot be read (${error.code})`)
      return { files: [], strays: [] }
    })
    for (const path of strays)
      sayOnce(`${path} is in no folder that is called as a dataset is: it stays here`)
    for (const file of files) if (!signal.aborted && settling.isDue(file, performance.now())) await take(file)
    await sleep(pollMs, undefined, { signal }).catch(() => {})
  }
  return uploaded

  async function take(file: FoundFile): Promise<void> {
    try {
      const outcome = await upload(file, signal)
      if (failure !== undefined) say('S3 answers again')
      failure = undefined
      if (outcome === 'changed') return settling.again(file)
      settling.isDone(file)
      if (outcome === 'uploaded') uploaded += 1
      const what = outcome === 'uploaded' ? 'uploaded' : 'known, and not uploaded again'
      say(`${file.path} (${showBytes(file.size)}): ${what}`)
    } catch (error) {
      if (signal.aborted) return
      const { code, name, syscall } = error as { code?: string; name?: string; syscall?: string }
      const why = code ?? name ?? 'unknown'
      if (/^(open|read|stat|lstat)$/.test(syscall ?? ''))
        return sayOnce(`${file.path} cannot be read (${why})`)
      if (failure !== why) say(`S3 does not take ${file.path} (${why}): tried again until it does`)
      failure = why
    }
  }

  function sayOnce(line: string): void {
    if (!told.has(line)) say(line)
    told.add(line)
  }
}

type FileState = Pick<FoundFile, 'path' | 'size' | 'mtimeMs'>

/** Which files are complete and not done with: those that two looks, so long apart, saw in the same state. */
export function makeSettling(settleMs: number) {
  const seen = new Map<string, { readonly state: string; readonly sinceMs: number }>()
  const done = new Map<string, string>() // state by path
  const stateOf = ({ size, mtimeMs }: FileState): string => `${size} ${mtimeMs}`
  return {
    isDue(file: FileState, nowMs: number): boolean {
      const state = stateOf(file)
      const before = seen.get(file.path)
      if (before?.state !== state) seen.set(file.path, { state, sinceMs: nowMs })
      return before?.state === state && done.get(file.path) !== state && nowMs - before.sinceMs >= settleMs
    },
    again: (file: FileState): void => void seen.delete(file.path),
    isDone: (file: FileState): void => void done.set(file.path, stateOf(file)),
  }
}
