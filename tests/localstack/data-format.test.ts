import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type DataFormat, settleFormat } from '#localstack/data-format.ts'

const madeBy = 'a program 1.0'
const third: DataFormat = {
  current: 3,
  upgrades: new Map([
    [1, (directory) => writeFile(join(directory, 'first'), '')],
    [2, (directory) => writeFile(join(directory, 'second'), '')],
  ]),
}

describe('the format of a data directory', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'format-'))
  })
  afterEach(() => rm(directory, { recursive: true }))
  const note = async () => JSON.parse(await readFile(join(directory, 'format.json'), 'utf8'))

  it('is noted at the first start, and let be at the next', async () => {
    await settleFormat(directory, { madeBy })
    await settleFormat(directory, { madeBy: 'another program' })
    expect(await note()).toEqual({ format: 1, madeBy })
    expect(await readdir(directory)).toEqual(['format.json'])
  })

  it.each([
    ['without a note, as data from before it are', undefined, ['first', 'format.json', 'second']],
    ['of format 2', 2, ['format.json', 'second']],
    ['of format 3', 3, ['format.json']],
  ])('%s is brought step by step to the one that is read', async (_, format, left) => {
    if (format) await writeFile(join(directory, 'format.json'), JSON.stringify({ format }))
    await settleFormat(directory, { madeBy, format: third })
    expect(await note()).toMatchObject({ format: 3 })
    expect((await readdir(directory)).sort()).toEqual(left)
  })

  it('goes on with the step that was interrupted', async () => {
    const interrupted = new Map(third.upgrades).set(2, () => Promise.reject(new Error('killed')))
    const format = { ...third, upgrades: interrupted }
    await expect(settleFormat(directory, { madeBy, format })).rejects.toThrow('killed')
    expect(await note()).toMatchObject({ format: 2 })
  })

  it.each([
    ['newer', 4, third],
    ['older, with no way to here', 0, third],
  ])('is refused in one line when it is %s', async (_, found, format) => {
    const text = JSON.stringify({ format: found, madeBy: 'another program 9.9' })
    await writeFile(join(directory, 'format.json'), text)
    await expect(settleFormat(directory, { madeBy, format })).rejects.toMatchObject({
      code: 'DIRECTORY_FORMAT',
      message: expect.stringMatching(
        new RegExp(`is in data format ${found} \\(made by another program 9.9\\), .*delete.*CUPEL_DIRECTORY`),
      ),
    })
    expect(await readFile(join(directory, 'format.json'), 'utf8')).toBe(text)
  })

  it.each(['', '{"form', 'null', '{"format":"one"}'])('is refused when its note reads %j', async (text) => {
    await writeFile(join(directory, 'format.json'), text)
    await expect(settleFormat(directory, { madeBy })).rejects.toMatchObject({ code: 'DIRECTORY_FORMAT' })
  })
})
