import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type TemporaryFolder = { readonly path: string; readonly file: (name: string) => string }

/** Give `work` an empty folder of its own below the system's temporary one (`/tmp` in Lambda), and remove it afterwards. */
export async function withTemporaryFolder<T>(work: (folder: TemporaryFolder) => Promise<T>): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), 'cupel-'))
  try {
    return await work({ path, file: (name) => join(path, name) })
  } finally {
    await rm(path, { recursive: true, force: true })
  }
}
