/** The law of the first pass: what it calls good, `parseRecord` calls good, and it is the same row. */
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { askFirstPass, datasetOf, everyKind } from './dialects.ts'
import { hostile } from './hostile.ts'
import { hostileRecord, records } from './hostile-records.ts'

const runs = Number(process.env.CUPEL_DIFFERENTIAL ?? 500)
const seed = Number(
  process.env.CUPEL_SEED ?? (process.env.CUPEL_DIFFERENTIAL ? Date.now() % 2 ** 31 : 20_260_101),
)
const batch = 5000
const timeout = 60_000 + runs * 10

let engine: Engine
beforeAll(async () => {
  engine = await openEngine({ threads: 2 })
})
afterAll(() => engine.close())

type Asked = Awaited<ReturnType<typeof askFirstPass>>
const wrong = (asked: Asked) =>
  asked.filter(
    ({ sql, typescript }) =>
      sql && (typescript.reasons.length > 0 || JSON.stringify(sql) !== JSON.stringify(typescript.row)),
  )
const found = (asked: Asked) => asked.filter(({ sql }) => sql).length

const quickKinds = Object.entries(everyKind).filter(([, [, field]]) => field.kind.quick)

it.each(quickKinds)(
  `is right about %s (${runs} records, seed ${seed})`,
  {
    timeout,
  },
  async (name, [about, field]) => {
    const dataset = datasetOf({ [name]: field })
    const head = '{"record_id":1,"record_time":"2026-01-02T03:04:05Z"'
    const value = hostile(about).map((json) => (json === null ? `${head}}` : `${head},"${name}":${json}}`))
    for (let done = 0; done < runs; done += batch) {
      const settings = { numRuns: Math.min(batch, runs - done), seed: seed + done }
      const asked = await askFirstPass(engine, dataset, fc.sample(value, settings))
      expect(wrong(asked).slice(0, 10)).toEqual([])
      expect(found(asked)).toBeGreaterThan(0)
    }
  },
)

it(`is right about records as a whole (${runs * 4} records, seed ${seed})`, { timeout }, async () => {
  for (let done = 0; done < runs * 4; done += batch) {
    const settings = { numRuns: Math.min(batch, runs * 4 - done), seed: seed + done }
    const asked = await askFirstPass(engine, records, fc.sample(hostileRecord, settings))
    expect(wrong(asked).slice(0, 10)).toEqual([])
    expect(found(asked)).toBeGreaterThan(0)
  }
})
