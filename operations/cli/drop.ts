import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { placing } from './watch-folder/scan.ts'
import type { Uploader } from './watch-folder/upload.ts'
import { watchFolder } from './watch-folder/watch.ts'

export type DroppedFile = { readonly name: string; readonly text: string; readonly rows: number }
export type DropOptions = {
  readonly dataset: string // that takes them
  readonly rate: number | undefined // rows a second, on average; undefined: all at once
  readonly upload: Uploader
  readonly signal: AbortSignal
  readonly note: (line: string) => void
  readonly onSent: (rows: number) => void
}

const pollMs = 200

/**
 * Drop files into a folder at intervals, each whole as soon as its name is there, and upload them from there as
 * `cupel watch` does. What is uploaded is taken away; what an earlier run left there is uploaded too. Ends when all is,
 * and returns how many rows were.
 */
export async function dropFiles(
  folder: string,
  files: Iterable<DroppedFile>,
  { dataset, rate, upload, signal, note, onSent }: DropOptions,
): Promise<number> {
  await mkdir(folder, { recursive: true })
  const waiting = new Map<string, number>() // rows of what was dropped, by name
  const done = new AbortController()
  let isDropping = true
  let uploaded = 0
  const watching = watchFolder({
    folder,
    place: placing(folder, [dataset], dataset),
    settleMs: 0, // a file is renamed into its place
    pollMs,
    signal: AbortSignal.any([signal, done.signal]),
    say: (line) => /uploaded$/.test(line) || note(line),
    async upload(file, signal) {
      const outcome = await upload(file, signal)
      if (outcome === 'changed') return outcome
      await rm(file.path, { force: true })
      const rows = waiting.get(file.name) ?? 0
      waiting.delete(file.name)
      uploaded += rows
      onSent(rows)
      if (!isDropping && waiting.size === 0) done.abort()
      return outcome
    },
  })
  for (const { name, text, rows } of files) {
    if (signal.aborted) break
    waiting.set(name, rows)
    await writeFile(join(folder, `${name}.part`), text)
    await rename(join(folder, `${name}.part`), join(folder, name))
    if (rate !== undefined) await sleep((1000 * rows) / rate, undefined, { signal }).catch(() => {})
  }
  isDropping = false
  if (waiting.size === 0) done.abort()
  await watching
  return uploaded
}
