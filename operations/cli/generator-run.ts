import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cannotWrite } from './failure.ts'

/** The generator's next run of a seed in a data folder: each has new transactions of the same people, so that data go on. */
export type GeneratorRun = { readonly seed: number; readonly run: number; readonly startMs: number }

const worldStartMs = Date.UTC(2026, 0, 1)
const runSpacingMs = 7 * 86_400_000

/**
 * Take the next run of a seed, and note in `generator.json` that it is taken. When that file is damaged, counting begins
 * again, and `note` gets a line that says so.
 *
 * @throws {Failure} when the note cannot be written.
 */
export async function takeRun(
  directory: string,
  seed: number,
  note: (line: string) => void,
): Promise<GeneratorRun> {
  const file = join(directory, 'generator.json')
  const runs = readRuns(await readFile(file, 'utf8').catch(() => '{}'))
  if (!runs)
    note(
      `warning: ${file} is damaged, so runs are counted from the first again: their records may come twice`,
    )
  const taken = runs?.[seed]
  const run = Number.isSafeInteger(taken) ? taken! : 0
  try {
    // At once: a crash or a full disk must not leave half a file.
    await writeFile(`${file}.new`, JSON.stringify({ ...runs, [seed]: run + 1 }))
    await rename(`${file}.new`, file)
  } catch (error) {
    throw cannotWrite(file, error)
  }
  return { seed, run, startMs: worldStartMs + run * runSpacingMs }
}

function readRuns(text: string): Record<string, number> | undefined {
  try {
    const runs = JSON.parse(text)
    return typeof runs === 'object' && runs !== null && !Array.isArray(runs) ? runs : undefined
  } catch {
    return undefined
  }
}
