import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { behaviours, numbersOf } from './behaviours.ts'
import { fidelityTable, statusOf, tableIn, withTable } from './table.ts'

const folder = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(new URL('../../../localstack/README.md', import.meta.url), 'utf8')

/** The numbers at the beginning of any text in a test file: names of tests, and of rows of `it.each`. */
const tested = new Set(
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && !file.startsWith('fidelity'))
    .flatMap((file) => [...readFileSync(join(folder, file), 'utf8').matchAll(/['"`]((?:\d{1,2}\. )+)/g)])
    .flatMap(([, numbers]) => numbersOf(numbers!)),
)

it('README has the table that a run of these tests writes, when all pass: npm run fidelity', () => {
  const passing = new Map([...tested].map((number) => [number, { passed: 1, failed: 0 }]))
  expect(tableIn(readme)).toBe(fidelityTable(behaviours, passing))
})

it('numbers all behaviours, 1 to 90, and no test has another number', () => {
  expect(behaviours.map(({ number }) => number)).toEqual(Array.from({ length: 90 }, (_, n) => n + 1))
  for (const number of tested) expect(number).toBeLessThanOrEqual(90)
  for (const { number, missing } of behaviours) if (tested.has(number)) expect(missing).toBeUndefined()
})

it('says what tests show', () => {
  const behaviour = { number: 1, aws: 'x', page: 'y' }
  expect(statusOf(behaviour)).toBe('not tested yet')
  expect(statusOf({ ...behaviour, missing: 'it is not here' })).toBe('no: it is not here')
  expect(statusOf(behaviour, { passed: 2, failed: 0 })).toBe('same')
  expect(statusOf({ ...behaviour, differs: 'slower' }, { passed: 1, failed: 0 })).toBe('same, but slower')
  expect(statusOf(behaviour, { passed: 1, failed: 1 })).toBe('fails')
  expect(statusOf(behaviour, { passed: 0, failed: 0 })).toBe('not tested yet') // skipped
})

it('reads numbers from names', () => {
  expect(numbersOf('7. 8. arrive as they were')).toEqual([7, 8])
  expect(numbersOf('arrive 7. later')).toEqual([])
})

it('takes the place of the table before it, and of nothing else', () => {
  expect(withTable('a\n<!-- fidelity -->\nold\n<!-- /fidelity -->\nb', 'new')).toBe(
    'a\n<!-- fidelity -->\nnew\n<!-- /fidelity -->\nb',
  )
  expect(() => tableIn('nothing')).toThrow('README has no')
})
