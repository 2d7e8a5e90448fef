import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { buildParts, parts } from '#operations/build.ts'
import { type SourceWatch, watchSources } from '#operations/watch.ts'

let root: string
let notes: string[]
let watched: SourceWatch
let migrate: () => Promise<void>

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'watch-sources-'))
  for (const layer of ['core', 'io', 'duckdb'])
    await write(`layers/${layer}/src/part.ts`, `export const layer = '${layer}'`)
  await write('datasets/index.ts', "export const datasets = ['users']")
  await write('functions/gold/a/handler.ts', "export { name } from './name.ts'")
  await write('functions/gold/a/name.ts', "export const name = 'before'")
  await write('functions/gold/b/handler.ts', "export { datasets } from '../../../datasets/index.ts'")
  await buildParts(root, parts)
  notes = []
  migrate = async () => {}
  watched = watchSources(
    root,
    (line) => notes.push(line),
    () => migrate(),
  )
})
afterEach(async () => {
  await watched.close()
  await rm(root, { recursive: true, force: true })
})

async function write(name: string, text: string) {
  await mkdir(dirname(join(root, name)), { recursive: true })
  await writeFile(join(root, name), text)
}
const built = (name: string) => readFile(join(root, '.build/functions/gold', name, 'handler.mjs'), 'utf8')
const eventually = { timeout: 10_000, interval: 20 }

it('builds what a changed file belongs to, and touches nothing else', async () => {
  const before = await stat(join(root, '.build/functions/gold/b/handler.mjs'))
  await write('functions/gold/a/name.ts', "export const name = 'after'")
  await expect.poll(() => built('a'), eventually).toContain('after')
  expect((await stat(join(root, '.build/functions/gold/b/handler.mjs'))).mtimeMs).toBe(before.mtimeMs)

  await write('datasets/index.ts', "export const datasets = ['accounts']")
  await expect.poll(() => built('b'), eventually).toContain('accounts')
  await write('layers/io/src/more.ts', 'export const more = 1')
  const layer = join(root, '.build/layers/cupel/nodejs/node_modules/@cupel/io')
  await expect
    .poll(() => readFile(join(layer, 'more.js'), 'utf8').catch(() => ''), eventually)
    .toContain('more')
  expect(notes).toEqual([])
})

it('keeps the old code when the new does not compile, says where and why, and that it compiles again', async () => {
  await write('functions/gold/a/name.ts', 'export const one = 1\nexport const name = = 2')
  await expect.poll(() => notes, eventually).toHaveLength(1)
  expect(notes[0]).toBe(
    'functions/gold/a/name.ts:2:21: error: Unexpected "="; the functions run on as they were',
  )
  expect(await built('a')).toContain('before')

  await write('functions/gold/a/name.ts', "export const name = 'mended'")
  await expect.poll(() => notes, eventually).toHaveLength(2)
  expect(notes[1]).toBe('The code compiles again.')
  expect(await built('a')).toContain('mended')
})

it('lets the tables fit a changed dataset before it writes the functions, and writes none when they cannot', async () => {
  const migrations: string[] = []
  migrate = async () => void migrations.push(await built('b'))
  await write('datasets/index.ts', "export const datasets = ['accounts']")
  await expect.poll(() => built('b'), eventually).toContain('accounts')
  expect(migrations).toHaveLength(1)
  expect(migrations[0]).toContain('users')

  migrate = () => Promise.reject(new Error('table users cannot be altered'))
  await write('datasets/index.ts', "export const datasets = ['merchants']")
  await expect
    .poll(() => notes, eventually)
    .toEqual(['table users cannot be altered; the functions run on as they were'])
  expect(await built('b')).toContain('accounts')
})

it('says that serverless.yml is read at the next start', async () => {
  await write('serverless.yml', 'service: changed')
  await expect
    .poll(() => notes, eventually)
    .toEqual(['serverless.yml changed: it is read at the next start.'])
})
