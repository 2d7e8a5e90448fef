import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clearTemporaryFolders, withTemporaryFolder } from '@cupel/io/temporary-folder'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

let own: string
beforeAll(async () => {
  own = await mkdtemp(join(tmpdir(), 'cupel-tmpdir-'))
  vi.stubEnv('TMPDIR', own)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(own, { recursive: true })
})

it('gives an empty folder and removes it, also when the work fails', async () => {
  let path = ''
  const failing = withTemporaryFolder(async (folder) => {
    path = folder.path
    await writeFile(folder.file('x'), 'x')
    throw new Error('work failed')
  })
  await expect(failing).rejects.toThrow('work failed')
  expect(path).not.toBe('')
  expect(existsSync(path)).toBe(false)
})

it('clears what an earlier life left, and nothing of others', async () => {
  await writeFile(join(own, 'somebody'), '')
  await withTemporaryFolder(async ({ path }) => {
    clearTemporaryFolders() // as after a timeout in this very moment
    expect(existsSync(path)).toBe(false)
    expect(existsSync(join(own, 'somebody'))).toBe(true)
  })
})
