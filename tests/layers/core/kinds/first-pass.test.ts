/** The law of the first pass: what it takes, `parseRecord` takes, and it is the same row. */
import type { Dataset } from '@cupel/core/dataset'
import type { Field } from '@cupel/core/kinds/kind'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { askFirstPass, mistakes, withBronze } from './ask.ts'
import { datasetOf, everyKind } from './every-kind.ts'
import { hostile, type spellings } from './hostile.ts'
import { hostileRecord, records } from './hostile-records.ts'
import { randomOf } from './random.ts'

/** Values to try with every kind: `CUPEL_DIFFERENTIAL=1000000` for the long run, with a new seed. */
const runs = Number(process.env.CUPEL_DIFFERENTIAL ?? 500)
const seed = Number(
  process.env.CUPEL_SEED ?? (process.env.CUPEL_DIFFERENTIAL ? Date.now() % 2 ** 31 : 20_260_101),
)
const batch = 50_000
const timeout = 60_000 + runs

let engine: Engine
beforeAll(async () => {
  engine = await openEngine({ threads: 2 })
})
afterAll(() => engine.close())

type About = keyof typeof spellings
type Judged = { readonly name: string; readonly dataset: Dataset }
type Value = { readonly record: string | null; readonly exampleOf?: string } // the plainest spelling of that kind

/** Judges so many values by all these datasets; how many of each, and of its own examples, the first pass takes. */
async function judge(values: fc.Arbitrary<Value>, count: number, datasets: readonly Judged[]) {
  const counts = datasets.map(({ name }) => ({ name, taken: 0, examples: 0, takenExamples: 0 }))
  for (let done = 0; done < count; done += batch) {
    const settings = { numRuns: Math.min(batch, count - done), seed: seed + done }
    const all = fc.sample(values, settings)
    await withBronze(
      all.map(({ record }) => record),
      async (bronze) => {
        for (const [index, { name, dataset }] of datasets.entries()) {
          const taken = await askFirstPass(engine, dataset, bronze)
          expect([name, mistakes(dataset, bronze, taken).slice(0, 10)]).toEqual([name, []])
          const examples = all.flatMap(({ exampleOf }, line) => (exampleOf === name ? [line] : []))
          counts[index]!.taken += taken.size
          counts[index]!.examples += examples.length
          counts[index]!.takenExamples += examples.filter((line) => taken.has(line)).length
        }
      },
    )
  }
  if (process.env.CUPEL_DIFFERENTIAL) console.table(counts)
  return counts
}

const quickKinds = Object.entries<readonly [About, Field]>(everyKind).flatMap(([name, [about, field]]) =>
  field.kind.quick ? [{ name, about, field, dataset: datasetOf({ value: field }) }] : [],
)
const abouts = [...new Set(quickKinds.map(({ about }) => about))]

it.each(abouts)(`is right about %s (${runs} values, seed ${seed})`, { timeout }, async (about) => {
  const kinds = quickKinds.filter((kind) => kind.about === about)
  const head = '{"record_id":1,"record_time":"2026-01-02T03:04:05Z"'
  const recordOf = (json: string | null): string => `${head}${json === null ? '' : `,"value":${json}`}}`
  const exampleOf = (name: string, { kind }: Field) =>
    fc.nat().map((seed) => ({
      exampleOf: name,
      record: recordOf(JSON.stringify(kind.example(randomOf(seed)))),
    }))
  const value = fc.oneof(
    { weight: 4, arbitrary: hostile(about).map((json) => ({ record: recordOf(json) })) },
    { weight: 1, arbitrary: fc.oneof(...kinds.map(({ name, field }) => exampleOf(name, field))) },
  )
  for (const { name, taken, examples, takenExamples } of await judge(value, runs, kinds)) {
    expect([name, taken]).not.toEqual([name, 0])
    // An example of this one has 18 decimals.
    if (name !== 'decimal_wide') expect([name, takenExamples / examples > 0.95]).toEqual([name, true])
  }
})

it(`is right about records as a whole (${runs * 2} records, seed ${seed})`, { timeout }, async () => {
  const value = hostileRecord.map((record) => ({ record }))
  const [counts] = await judge(value, runs * 2, [{ name: 'records', dataset: records }])
  expect(counts!.taken).toBeGreaterThan(0)
})

const longest = 4_500_000 // what fits, in base64, into Lambda's 6 MB event; engines have 512 MB

it.each([
  ['deep lists', `"type":${'['.repeat(5000)}${']'.repeat(5000)}`],
  ['deep objects', `"type":${'{"state":'.repeat(1000)}1${'}'.repeat(1000)}`],
  ['a long text beyond ASCII', `"value":"${'é'.repeat(longest / 2)}"`],
  ['a long text with a NUL', `"value":"x\\u0000${'x'.repeat(1_000_000)}"`],
  ['many members', Array.from({ length: 20_000 }, (_, index) => `"f${index}":${index}`).join(',')],
])('is right about %s', async (_, members) => {
  const head = '"record_id":1,"record_time":"2026-01-02T03:04:05Z","total":1,"state":"open"'
  await withBronze([`{${head},${members}}`], async (bronze) => {
    expect(mistakes(records, bronze, await askFirstPass(engine, records, bronze))).toEqual([])
  })
})
