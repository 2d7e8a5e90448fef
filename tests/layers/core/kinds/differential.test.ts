/** The law of kinds: TypeScript and SQL never disagree, whatever stands in a record. */
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { askBoth, datasetOf, differences, everyKind } from './dialects.ts'
import { hostile } from './hostile.ts'

/** Records to try, each with a value for every kind: `CUPEL_DIFFERENTIAL=1000000` for the long run, with a new seed. */
const runs = Number(process.env.CUPEL_DIFFERENTIAL ?? 1000)
const seed = Number(
  process.env.CUPEL_SEED ?? (process.env.CUPEL_DIFFERENTIAL ? Date.now() % 2 ** 31 : 20_260_101),
)
const batch = 5000

let engine: Engine
beforeAll(async () => {
  engine = await openEngine({ threads: 2, memoryLimit: '1GB' })
})
afterAll(() => engine.close())

const fields = Object.entries(everyKind)
const perStatement = 12 // more of them need more memory than an engine has

it(`finds no value on which the dialects of a kind disagree (${runs} records, seed ${seed})`, {
  timeout: 60_000 + runs * 20,
}, async () => {
  for (let from = 0; from < fields.length; from += perStatement) {
    // The currency stands beside an amount.
    const some = [['currency', everyKind.currency] as const, ...fields.slice(from, from + perStatement)]
    const all = datasetOf(Object.fromEntries(some.map(([name, [, field]]) => [name, field])))
    const values = Object.fromEntries(some.map(([name, [about]]) => [name, hostile(about)]))
    for (let done = 0; done < runs; done += batch) {
      const settings = { numRuns: Math.min(batch, runs - done), seed: seed + done }
      const answers = await askBoth(engine, all, fc.sample(fc.record(values), settings).map(recordText))
      expect(answers.flatMap(differences).slice(0, 20)).toEqual([])
    }
  }
})

const recordText = (members: Record<string, string | null>): string =>
  `{${Object.entries(members)
    .filter(([, json]) => json !== null)
    .map(([name, json]) => `"${name}":${json}`)
    .join(',')}}`
