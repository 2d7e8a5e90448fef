import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clearTemporaryFolders, keptFolders, withTemporaryFolder } from '@cupel/io/temporary-folder'
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

it('keeps a folder for the next work, with nothing in its files, and lends it to one at a time', async () => {
  const withFolder = keptFolders()
  const used: string[] = []
  const write = (text: string) =>
    withFolder(async ({ path, file }) => {
      used.push(path)
      await writeFile(file('x'), text, { flag: 'a' })
      return readFile(file('x'), 'utf8')
    })
  expect(await write('first')).toBe('first')
  await expect(withFolder(() => Promise.reject(new Error('work failed')))).rejects.toThrow('work failed')
  expect(await Promise.all([write('second'), write('third')])).toEqual(['second', 'third'])
  expect(used[1]).toBe(used[0])
  expect(used[2]).not.toBe(used[0])
  clearTemporaryFolders()
  expect(used.filter((path) => existsSync(path))).toEqual([])
})

it('clears what an earlier life left, and nothing of others', async () => {
  await writeFile(join(own, 'somebody'), '')
  await withTemporaryFolder(async ({ path }) => {
    clearTemporaryFolders() // as after a timeout in this very moment
    expect(existsSync(path)).toBe(false)
    expect(existsSync(join(own, 'somebody'))).toBe(true)
  })
})
