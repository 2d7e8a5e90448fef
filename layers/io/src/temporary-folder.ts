import { readdirSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type TemporaryFolder = { readonly path: string; readonly file: (name: string) => string }

const prefix = 'cupel-work-'

/** Give `work` an empty folder of its own below the system's temporary one (`/tmp` in Lambda), and remove it afterwards. */
export async function withTemporaryFolder<T>(work: (folder: TemporaryFolder) => Promise<T>): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  try {
    return await work({ path, file: (name) => join(path, name) })
  } finally {
    await rm(path, { recursive: true, force: true })
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
