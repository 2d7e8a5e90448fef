import { unwatchFile, watchFile } from 'node:fs'
import { join, relative } from 'node:path'
import { type BuildFailure, stop } from 'esbuild'
import { watchTree } from '#localstack/lambda/code-watch.ts'
import { buildParts, type Part, parts } from './build.ts'

export type SourceWatch = {
  /** When the sources last changed, by `performance.now()`; undefined when they have not. */
  readonly changedMs: () => number | undefined
  readonly close: () => Promise<void>
}

const quietMs = 20 // an editor may write a file in several steps
const keepEsbuildMs = 30_000 // its process takes 30 MB and a moment to start

/**
 * Keeps `.build/` as the sources are: what belongs to a changed file is built again some 20 ms later, and of that only
 * files that come out differently are written. Sources that do not compile leave what was built before.
 *
 * @param note gets a line for an error, one when the sources compile again, and one when `serverless.yml` changed.
 * @param migrate makes the tables fit when a dataset changed, before the functions that use it are written; when it
 * throws they are not.
 */
export function watchSources(
  root: string,
  note: (line: string) => void,
  migrate: () => Promise<void>,
): SourceWatch {
  const due = new Set<Part>()
  let datasetsChanged = false
  let changedMs: number | undefined
  let timer: NodeJS.Timeout | undefined
  let building = Promise.resolve()
  let broken: Part[] = []
  let closed = false

  const build = async () => {
    const wanted = [...new Set([...due, ...broken])]
    due.clear()
    if (closed || wanted.length === 0) return
    try {
      await buildParts(root, wanted, async () => {
        if (!datasetsChanged) return
        await migrate()
        datasetsChanged = false
      })
      if (broken.length > 0) note('The code compiles again.')
      broken = []
    } catch (error) {
      broken = wanted
      note(`${describeFailure(error)}; the functions run on as they were`)
    }
  }
  const schedule = (delayMs: number, work: () => Promise<void>, next?: () => void) => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      building = building.then(work).then(next)
    }, delayMs)
  }

  const directories = new Map<string, Part[]>()
  for (const part of parts)
    for (const directory of part.sources)
      directories.set(directory, [...(directories.get(directory) ?? []), part])
  const watches = [...directories].map(([directory, affected]) =>
    watchTree(
      join(root, directory),
      () => false,
      () => {
        for (const part of affected) due.add(part)
        datasetsChanged ||= directory === 'datasets'
        changedMs = performance.now()
        schedule(quietMs, build, () => schedule(keepEsbuildMs, stop))
      },
    ),
  )
  const template = join(root, 'serverless.yml')
  watchFile(template, { interval: 1_000, persistent: false }, ({ mtimeMs }, before) => {
    if (mtimeMs > before.mtimeMs) note('serverless.yml changed: it is read at the next start.')
  })
  return {
    changedMs: () => changedMs,
    async close() {
      closed = true
      unwatchFile(template)
      clearTimeout(timer)
      for (const watch of watches) watch.close()
      await building
      await stop()
    },
  }
}

/** `functions/a/handler.ts:12:3: error: …`, of the first error, and how many more there are. */
function describeFailure(error: unknown): string {
  const { errors = [], message } = error as Partial<BuildFailure>
  const [first] = errors
  if (!first) return `${message}`
  const { file, line, column } = first.location ?? {}
  const where = file === undefined ? '' : `${relative('', file)}:${line}:${(column ?? 0) + 1}: `
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
  return `${where}error: ${first.text}${more}`
}
