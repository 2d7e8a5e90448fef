import { readdir, stat } from 'node:fs/promises'
import { basename, join, sep } from 'node:path'

/** A file in the folder that is watched, as it was at a look. */
export type FoundFile = {
  readonly path: string
  readonly dataset: string
  readonly name: string // below landing/<dataset>/
  readonly size: number // bytes
  readonly mtimeMs: number
}
/** The dataset of a file, by its path below the folder, and what it is called there. */
export type Placing = (parts: readonly string[]) => { dataset: string; name: string } | undefined

/**
 * All files go to the dataset that was named, or else to the one that the folder is called by; else each to the one that
 * the folder within the folder is called by.
 */
export function placing(folder: string, datasets: readonly string[], named = basename(folder)): Placing {
  if (datasets.includes(named)) return (parts) => ({ dataset: named, name: parts.join('/') })
  return ([dataset = '', ...parts]) =>
    datasets.includes(dataset) && parts.length > 0 ? { dataset, name: parts.join('/') } : undefined
}

/** Files that somebody has finished, by their names: not hidden, and not called as those are that are being written. */
export const isMeant = (parts: readonly string[]): boolean =>
  !parts.some((part) => part.startsWith('.')) &&
  !/(\.(part|partial|tmp|temp|crdownload|swp)|~)$/i.test(parts.at(-1)!)

/** What is in the folder now, and which files have no dataset. Links are followed to files, not to folders. */
export async function scan(
  folder: string,
  place: Placing,
): Promise<{ files: readonly FoundFile[]; strays: readonly string[] }> {
  const files: FoundFile[] = []
  const strays: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const parts = path.slice(join(folder, sep).length).split(sep)
    if (entry.isDirectory() || !isMeant(parts)) continue
    const found = await stat(path).catch(() => undefined) // gone meanwhile
    if (!found?.isFile()) continue
    const where = place(parts)
    if (where) files.push({ path, ...where, size: found.size, mtimeMs: found.mtimeMs })
    else strays.push(path)
  }
  return { files: files.sort((a, b) => a.mtimeMs - b.mtimeMs), strays }
}
