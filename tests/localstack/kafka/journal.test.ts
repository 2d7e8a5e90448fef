import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { expect, it, onTestFinished, vi } from 'vitest'
import { Journal } from '#localstack/kafka/journal.ts'
import { temporaryDirectory } from './harness.ts'

/** A map of counters, kept in a journal. */
function openCounters(file: string) {
  const counters = new Map<string, number>()
  const apply = ([name, value]: [string, number]) => counters.set(name, value)
  const journal = new Journal<[string, number]>(file, apply, () => counters)
  onTestFinished(() => {
    try {
      journal.close()
    } catch {
      // closed by the test
    }
  })
  const set = (name: string, value: number) => {
    journal.append([name, value])
    apply([name, value])
    journal.compactIfLarge()
  }
  return { counters, journal, set }
}

it('has every appended entry after a cut at any byte of the last one', async () => {
  const file = path.join(await temporaryDirectory(), 'counters.journal')
  const { set } = openCounters(file)
  set('a', 1)
  set('b\n\u0000"', 2)
  const whole = fs.readFileSync(file)
  set('last', 3)
  const longer = fs.readFileSync(file)
  fc.assert(
    fc.property(fc.integer({ min: whole.length, max: longer.length - 1 }), (end) => {
      fs.writeFileSync(file, longer.subarray(0, end))
      expect([...openCounters(file).counters]).toEqual([
        ['a', 1],
        ['b\n\u0000"', 2],
      ])
    }),
  )
})

it('does not grow with the number of changes', async () => {
  const file = path.join(await temporaryDirectory(), 'counters.journal')
  const { set, journal } = openCounters(file)
  for (let i = 0; i < 60_000; i++) set('counter-with-a-long-name', i)
  expect(fs.statSync(file).size).toBeLessThan(1024 * 1024 + 100)
  journal.close()
  expect(openCounters(file).counters.get('counter-with-a-long-name')).toBe(59_999)
  expect(fs.statSync(file).size).toBeLessThan(100)
})

it('is unchanged by an entry that the disk has no room for', async () => {
  const file = path.join(await temporaryDirectory(), 'counters.journal')
  const { set } = openCounters(file)
  set('a', 1)
  const before = fs.readFileSync(file)
  const spy = vi.spyOn(fs, 'writeSync').mockImplementation(() => {
    throw new Error('ENOSPC: no space left on device, write')
  })
  onTestFinished(() => spy.mockRestore())
  expect(() => set('a', 2)).toThrow('ENOSPC')
  spy.mockRestore()
  expect(fs.readFileSync(file).equals(before)).toBe(true)
  set('a', 3)
  expect([...openCounters(file).counters]).toEqual([['a', 3]])
})

it('says which line is damaged when it is not the last one', async () => {
  const file = path.join(await temporaryDirectory(), 'counters.journal')
  const { set } = openCounters(file)
  set('a', 1)
  set('b', 2)
  const bytes = fs.readFileSync(file)
  bytes[12] = bytes[12]! ^ 1
  fs.writeFileSync(file, bytes)
  expect(() => openCounters(file)).toThrow(`line 1 of ${file} is damaged`)
})
