import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { takeRun } from '#operations/cli/generator-run.ts'

const worldStartMs = Date.UTC(2024, 0, 1)
const world = (name: number | string) => ({ world: String(name), worldStartMs })

describe('the runs of a generator in a folder', () => {
  let directory: string
  const notes: string[] = []
  beforeEach(async () => {
    notes.length = 0
    directory = await mkdtemp(join(tmpdir(), 'runs-'))
  })
  afterEach(() => rm(directory, { recursive: true }))
  const take = (seed: number) => takeRun(directory, world(seed), (line) => notes.push(line)).run

  it('are counted for each world', () => {
    expect([take(7), take(7), take(8), take(7)]).toEqual([0, 1, 0, 2])
    expect(notes).toEqual([])
  })

  it('begin after all that the one before may have sent, whether it ended in order or not', () => {
    const day = 86_400_000
    const first = takeRun(directory, world(7), () => {})
    expect(first.startMs).toBe(worldStartMs)
    first.reach(worldStartMs + 100 * day)
    first.reach(worldStartMs + 99 * day) // a repeated record is older
    const afterKill = takeRun(directory, world(7), () => {})
    expect(afterKill.startMs).toBeGreaterThan(worldStartMs + 100 * day)
    afterKill.reach(afterKill.startMs + 5 * day) // of what was noted ahead
    afterKill.close()
    const next = takeRun(directory, world(7), () => {}).startMs - afterKill.startMs
    expect(next).toBeGreaterThanOrEqual(6 * day)
    expect(next).toBeLessThanOrEqual(8 * day)
    expect(takeRun(directory, world(8), () => {}).startMs).toBe(worldStartMs)
  })

  it('keep to themselves what worlds that run at the same time note', () => {
    const [one, other] = [7, 'purchases 7'].map((name) => takeRun(directory, world(name), () => {}))
    one!.close()
    other!.close()
    expect([take(7), takeRun(directory, world('purchases 7'), () => {}).run]).toEqual([1, 1])
  })

  it('go on after those of version 0.1.0', async () => {
    await writeFile(join(directory, 'generator.json'), '{"7":3}')
    const { run, startMs } = takeRun(directory, world(7), () => {})
    expect(run).toBe(3)
    expect(startMs).toBeGreaterThan(Date.parse('2026-01-22'))
  })

  it('go on while the disk is full, and are noted when there is space', async () => {
    const run = takeRun(directory, world(7), () => {})
    await mkdir(join(directory, 'generator.json.new')) // in the way of every note
    run.reach(run.startMs + 1e10)
    run.close()
    expect(takeable()).toThrow(/^cannot write to/)
    await rm(join(directory, 'generator.json.new'), { recursive: true })
    expect(takeable()).not.toThrow()
    function takeable() {
      return () => takeRun(directory, world(7), () => {})
    }
  })

  it.each(['', '{"7":', '[]', 'null', '"7"'])(
    'begin again, with a line, when their file reads %j',
    async (text) => {
      await writeFile(join(directory, 'generator.json'), text)
      expect([take(7), take(7)]).toEqual([0, 1])
      expect(notes).toEqual([expect.stringMatching(/^warning: .*generator.json is damaged/)])
    },
  )

  it('are refused in one line where they cannot be noted', async () => {
    await mkdir(join(directory, 'generator.json'))
    expect(() => take(7)).toThrow(/^cannot write to .*generator.json: .*$/)
  })
})
