/** The law of records: `parseRecord` and the refine statement never disagree about a record as a whole. */
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { askBoth, differences } from './dialects.ts'
import { hostileRecord, records } from './hostile-records.ts'

const runs = Number(process.env.CUPEL_DIFFERENTIAL ?? 2000)
const seed = Number(
  process.env.CUPEL_SEED ?? (process.env.CUPEL_DIFFERENTIAL ? Date.now() % 2 ** 31 : 20_260_101),
)
const batch = 5000

let engine: Engine
beforeAll(async () => {
  engine = await openEngine({ threads: 2 })
})
afterAll(() => engine.close())

it.each(['ignore', 'keep', 'reject'] as const)(
  `finds no record on which the dialects disagree (unknown fields: %s, ${runs} records, seed ${seed})`,
  {
    timeout: 60_000 + runs * 10,
  },
  async (unknownFields) => {
    for (let done = 0; done < runs; done += batch) {
      const settings = { numRuns: Math.min(batch, runs - done), seed: seed + done }
      const answers = await askBoth(engine, { ...records, unknownFields }, fc.sample(hostileRecord, settings))
      expect(answers.flatMap(differences).slice(0, 20)).toEqual([])
      const codes = new Set(answers.flatMap(({ sql }) => sql.reasons.map(({ reason }) => reason)))
      for (const code of [
        'duplicate-field',
        'not-an-object',
        'unreadable',
        'tombstone',
        'missing',
        'contains-nul',
      ])
        expect(codes).toContain(code) // the sample is hostile enough
    }
  },
)

const longest = 4_500_000 // what fits, in base64, into Lambda's 6 MB event; engines have 512 MB

it.each([
  ['deep lists', `{"state":${'['.repeat(5000)}${']'.repeat(5000)}}`],
  ['deep objects', `{"state":${'{"state":'.repeat(1000)}1${'}'.repeat(1000)}}`],
  ['a long text', `{"value":"${'x'.repeat(longest)}"}`],
  ['a long text beyond ASCII', `{"value":"${'é'.repeat(longest / 2)}"}`],
  ['a long text with a NUL', `{"value":"x\\u0000${'x'.repeat(1_000_000)}"}`],
  ['a long text over several lines', `{\n"value":"${'x'.repeat(longest)}"}`],
  [
    'many members',
    `{${Array.from({ length: 20_000 }, (_, index) => `"f${index}":${index}`).join(',')},"state":"open"}`,
  ],
])('agrees on %s', async (_, record) => {
  const answers = await askBoth(engine, records, [record])
  expect(answers).toHaveLength(1)
  expect(answers.flatMap(differences)).toEqual([])
})
