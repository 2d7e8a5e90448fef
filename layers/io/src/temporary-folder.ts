import { readdirSync, rmSync } from 'node:fs'
import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type TemporaryFolder = { readonly path: string; readonly file: (name: string) => string }

/** Lends a folder for as long as the work takes. */
export type WithFolder = <T>(work: (folder: TemporaryFolder) => Promise<T>) => Promise<T>

const prefix = 'cupel-work-'

/** Give `work` an empty folder of its own below the system's temporary one (`/tmp` in Lambda), and remove it afterwards. */
export async function withTemporaryFolder<T>(work: (folder: TemporaryFolder) => Promise<T>): Promise<T> {
  const folder = await makeFolder()
  try {
    return await work(folder)
  } finally {
    await rm(folder.path, { recursive: true, force: true })
  }
}

async function makeFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  return { path, file: (name) => join(path, name) }
}

/**
 * As `withTemporaryFolder`, for an execution environment: a folder is kept for the next work, in which its files stand
 * empty. To make and remove a few files for each small object costs more than to fill them; ext4 looks past the
 * places of all files that were removed in the last seconds. `clearTemporaryFolders` takes them away one day.
 */
export function keptFolders(): WithFolder {
  const free: TemporaryFolder[] = []
  return async (work) => {
    const folder = free.pop() ?? (await makeFolder())
    try {
      return await work(folder)
    } finally {
      const names = await readdir(folder.path)
      await Promise.all(names.map((name) => truncate(folder.file(name))))
      free.push(folder)
    }
  }
}

/**
 * Remove what an earlier life of this execution environment left. After a timeout Lambda starts the runtime anew and `/tmp`
 * stays as it was (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html), so a file that is too
 * much for one attempt would fill it for the next. For cold starts only: an environment serves one invocation at a time.
 */
export function clearTemporaryFolders(): void {
  for (const name of readdirSync(tmpdir()))
    if (name.startsWith(prefix)) rmSync(join(tmpdir(), name), { recursive: true, force: true })
}
