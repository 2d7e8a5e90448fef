import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { takeRun } from '#operations/cli/generator-run.ts'

describe('the runs of the generator in a folder', () => {
  let directory: string
  const notes: string[] = []
  beforeEach(async () => {
    notes.length = 0
    directory = await mkdtemp(join(tmpdir(), 'runs-'))
  })
  afterEach(() => rm(directory, { recursive: true }))
  const take = async (seed: number) => (await takeRun(directory, seed, (line) => notes.push(line))).run

  it('are counted for each seed, and each begins after the one before', async () => {
    expect([await take(7), await take(7), await take(8), await take(7)]).toEqual([0, 1, 0, 2])
    const [third, fourth] = [await takeRun(directory, 7, () => {}), await takeRun(directory, 7, () => {})]
    expect(fourth.startMs).toBeGreaterThan(third.startMs)
    expect(notes).toEqual([])
  })

  it.each(['', '{"7":', '[]', 'null', '"7"'])(
    'begin again, with a line, when their file reads %j',
    async (text) => {
      await writeFile(join(directory, 'generator.json'), text)
      expect([await take(7), await take(7)]).toEqual([0, 1])
      expect(notes).toEqual([expect.stringMatching(/^warning: .*generator.json is damaged/)])
    },
  )

  it('are refused in one line where they cannot be noted', async () => {
    await mkdir(join(directory, 'generator.json'))
    await expect(take(7)).rejects.toThrow(/^cannot write to .*generator.json: .*$/)
  })
})
