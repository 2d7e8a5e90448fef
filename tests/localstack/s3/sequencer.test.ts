import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeSequencer } from '#localstack/s3/sequencer.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 's3-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

it('grows whatever the clock does, across restarts that nobody announced', () => {
  const file = join(directory, 'sequence')
  const clocks = [1_700_000_000_000, 1_700_000_000_000, 1_700_000_500_000, 1_600_000_000_000, 0]
  const numbers: string[] = []
  for (const clock of clocks) {
    const next = makeSequencer(file, () => clock)
    numbers.push(next(), next(), next())
  }
  let clock = 1_800_000_000_000
  const next = makeSequencer(file, () => clock)
  for (let step = 0; step < 10; step++) {
    numbers.push(next())
    clock += 30_000
  }
  numbers.push(makeSequencer(file, () => 0)())
  expect(numbers).toEqual([...new Set(numbers)].sort())
  expect(new Set(numbers.map(({ length }) => length))).toEqual(new Set([16]))
})

it('starts from the clock when its file is unreadable', async () => {
  const file = join(directory, 'sequence')
  await writeFile(file, 'garbage')
  expect(BigInt(`0x${makeSequencer(file, () => 1_700_000_000_000)()}`)).toBe(1_700_000_000_000_000_000n)
})
