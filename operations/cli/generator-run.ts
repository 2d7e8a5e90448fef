import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cannotWrite } from './failure.ts'

/** A generator's next run of a seed in a data folder: new records of the same world, later than all before. */
export type GeneratorRun = {
  readonly run: number // counts from 0
  readonly startMs: number // simulated
  /** Call before a record of that simulated time is sent. */
  readonly reach: (timestampMs: number) => void
  /** Nothing more will be sent. */
  readonly close: () => void
}

/** What `generator.json` says of each world: how often it was started, and up to when its simulated time may be used. */
type Taken = { readonly runs: number; readonly usedUntilMs: number }

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const aheadMs = 7 * dayMs
const apartMs = 2 * dayMs // travellers are home again, and late events are of their own run
const retryMs = 1_000

/**
 * Take the next run of a world (a generator and its seed), and note in `generator.json` that it is taken. Simulated time is
 * noted before it is used, some days ahead, so it never goes back, however a run ends. The first run of a world always
 * starts at the same time. When the file is damaged, counting begins again, and `note` gets a line that says so.
 *
 * @throws {Failure} when the first note cannot be written. Later ones are tried again: a full disk ends no run.
 */
export function takeRun(
  directory: string,
  { world, worldStartMs }: { readonly world: string; readonly worldStartMs: number },
  note: (line: string) => void,
): GeneratorRun {
  const file = join(directory, 'generator.json')
  const worlds = readWorlds(file)
  if (!worlds)
    note(
      `warning: ${file} is damaged, so runs are counted from the first again: their records may come twice`,
    )
  const taken = readTaken(worlds?.[world])
  const run = taken?.runs ?? 0
  const startMs = taken ? Math.ceil((taken.usedUntilMs + apartMs) / hourMs) * hourMs : worldStartMs
  let reachedMs = startMs
  let notedMs = startMs + aheadMs
  let nextTryMs = 0
  const write = (usedUntilMs: number) => {
    // At once: a crash or a full disk must not leave half a file.
    const others = readWorlds(file) // which run at the same time
    writeFileSync(`${file}.new`, JSON.stringify({ ...others, [world]: { runs: run + 1, usedUntilMs } }))
    renameSync(`${file}.new`, file)
  }
  try {
    write(notedMs)
  } catch (error) {
    throw cannotWrite(file, error)
  }
  return {
    run,
    startMs,
    reach(timestampMs) {
      reachedMs = Math.max(reachedMs, timestampMs)
      if (reachedMs <= notedMs || performance.now() < nextTryMs) return
      try {
        write(reachedMs + aheadMs)
        notedMs = reachedMs + aheadMs
      } catch {
        nextTryMs = performance.now() + retryMs
      }
    },
    close() {
      try {
        write(reachedMs)
      } catch {} // what is noted is later
    },
  }
}

function readWorlds(file: string): Record<string, unknown> | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return {}
  }
  try {
    const worlds = JSON.parse(text)
    return typeof worlds === 'object' && worlds !== null && !Array.isArray(worlds) ? worlds : undefined
  } catch {
    return undefined
  }
}

function readTaken(taken: unknown): Taken | undefined {
  // As 0.1.0 wrote it: the number of runs, each of which began a week after the one before.
  if (Number.isSafeInteger(taken))
    return { runs: taken as number, usedUntilMs: Date.UTC(2026, 0, 1) + (taken as number) * 7 * dayMs }
  const { runs, usedUntilMs } = (taken ?? {}) as Partial<Taken>
  const isWhole = Number.isSafeInteger(runs) && Number.isFinite(usedUntilMs)
  return isWhole ? { runs: runs!, usedUntilMs: usedUntilMs! } : undefined
}
