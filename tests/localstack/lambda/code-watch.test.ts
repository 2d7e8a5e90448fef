import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { watchCode } from '#localstack/lambda/code-watch.ts'

let project: string
let told: string[][]
let alone: string[][] // of each, those whose handler's file alone changed
let watched: { close(): void }

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'code-watch-'))
  told = []
  alone = []
  await write('built/one/handler.mjs')
  await write('built/two/handler.mjs')
  await write('layer/nodejs/node_modules/shared/index.js')
})
afterEach(async () => {
  watched.close()
  await rm(project, { recursive: true, force: true })
})

async function write(name: string, text = '') {
  await mkdir(dirname(join(project, name)), { recursive: true })
  await writeFile(join(project, name), text)
}

function watch(handlers: Record<string, string>, ignored: string[] = []) {
  watched = watchCode({
    functions: Object.entries(handlers).map(([key, handler]) => ({
      key,
      handler: `${handler}.handler`,
      layers: key === 'bare' ? [] : [join(project, 'layer')],
    })),
    taskRoot: project,
    ignored,
    onChange: (keys, handlerAlone) => {
      alone.push([...handlerAlone])
      told.push([...keys])
    },
  })
}
const both = { one: 'built/one/handler', two: 'built/two/handler' }

/** Resolves once something was told, and gives it. */
async function next(): Promise<string[]> {
  await expect.poll(() => told.length, { timeout: 5_000, interval: 20 }).toBeGreaterThan(0)
  return told.shift()!.sort()
}

it('tells the function whose handler is written, and several writes once', async () => {
  watch(both)
  await write('built/one/handler.mjs', 'new')
  await write('built/one/handler.mjs.map', 'new')
  expect(await next()).toEqual(['one'])
  await write('built/two/handler.mjs', 'new')
  expect(await next()).toEqual(['two']) // and no second word about the first
})

it('tells apart whether the handler’s file alone changed', async () => {
  watch(both)
  await write('built/one/handler.mjs', 'new')
  await write('built/one/handler.mjs.map', 'new')
  await next()
  await write('built/one/helper.mjs', 'new')
  await write('built/one/handler.mjs', 'newer')
  await next()
  await write('layer/nodejs/node_modules/shared/index.js', 'new')
  await next()
  expect(alone).toEqual([['one'], [], []])
})

it('sees a file that a rename replaces, each time', async () => {
  watch(both)
  for (const text of ['first', 'second']) {
    await write('unfinished', text)
    await rename(join(project, 'unfinished'), join(project, 'built/two/handler.mjs'))
    expect(await next()).toEqual(['two'])
  }
})

it('tells all functions of a layer', async () => {
  watch({ ...both, bare: 'elsewhere/handler' })
  await write('layer/nodejs/node_modules/shared/index.js', 'new')
  expect(await next()).toEqual(['one', 'two'])
})

it('sees what is written in folders that came later, and in ones that were made anew', async () => {
  watch(both)
  await write('built/one/deep/er/part.mjs')
  await next()
  told = []
  await write('built/one/deep/er/part.mjs', 'new')
  expect(await next()).toEqual(['one'])

  await rm(join(project, 'built/one'), { recursive: true })
  await write('built/one/handler.mjs', 'made anew')
  await expect.poll(() => told.flat(), { timeout: 5_000 }).toContain('one')
  // What was told may be the removal: the new folder is watched for certain when a write in it is told.
  await expect
    .poll(
      async () => {
        told = []
        await write('built/one/handler.mjs', String(Math.random()))
        return next()
      },
      { timeout: 10_000 },
    )
    .toEqual(['one'])
})

it('waits for a folder that is not there', async () => {
  watch({ late: 'later/handler' })
  await write('later/handler.mjs')
  expect(await next()).toEqual(['late'])
})

it('takes no packages, dot folders or data for code of a handler at the top of its project', async () => {
  await write('data/log')
  await symlink(join(project, 'layer'), join(project, 'node_modules'))
  watch({ bare: 'handler' }, [join(project, 'data')])
  await write('data/log', 'a line')
  await write('.git/index', 'new')
  await write('node_modules/new.js', 'new')
  await write('built/one/handler.mjs', 'new')
  expect(await next()).toEqual(['bare'])
  expect(told).toEqual([])
})
