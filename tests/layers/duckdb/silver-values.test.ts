/** The law of silver: what a kind accepts stands there as the very same value, and what it refuses in quarantine. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bronzeLine, readValue } from '@cupel/core/bronze'
import type { Dataset } from '@cupel/core/dataset'
import { text } from '@cupel/core/kinds'
import type { Field } from '@cupel/core/kinds/kind'
import { identifier, literal } from '@cupel/core/kinds/strings'
import { parseRecord } from '@cupel/core/record'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kafkaRecord } from '../../support/kafka.ts'
import { datasetOf, everyKind } from '../core/kinds/every-kind.ts'
import { hostile, type spellings } from '../core/kinds/hostile.ts'
import { hostileRecord, records } from '../core/kinds/hostile-records.ts'

/** Values to try with every kind: `CUPEL_DIFFERENTIAL=1000000` for the long run, with a new seed. */
const runs = Number(process.env.CUPEL_DIFFERENTIAL ?? 300)
const seed = Number(
  process.env.CUPEL_SEED ?? (process.env.CUPEL_DIFFERENTIAL ? Date.now() % 2 ** 31 : 20_260_101),
)
const batch = 50_000
const timeout = 60_000 + runs
const secrets = { personalDataKey: 'sixteen or more bytes' }

let engine: Engine
let folder: string
beforeAll(async () => {
  engine = await openEngine()
  folder = await mkdtemp(join(tmpdir(), 'cupel-values-'))
})
afterAll(async () => {
  engine.close()
  await rm(folder, { recursive: true })
})

type TextRow = Readonly<Record<string, string | null>>

/** Refines these values; silver has to hold what `parseRecord` accepts, quarantine as many as it refuses. */
async function check(dataset: Dataset, values: readonly (string | null)[]) {
  const bytes = values.map((value) => (value === null ? null : new TextEncoder().encode(value)))
  const bronze = bytes.map((value, offset) => Buffer.from(`${bronzeLine(kafkaRecord({ offset, value }))}\n`))
  const files = { silver: join(folder, 'silver.parquet'), quarantine: join(folder, 'quarantine.ndjson') }
  const counts = await refineFile(engine, dataset, { bronze, ...files }, secrets)
  const parsed = bytes.map((value) => parsedRow(dataset, value))
  expect(counts.quarantined).toBe(parsed.filter((row) => row === undefined).length)
  const stored = await silverRows(dataset, files.silver)
  expect(counts.silver).toBe(stored.length)
  const wrong = stored.flatMap(({ _offset, ...row }) => {
    const expected = parsed[Number(_offset)]
    return JSON.stringify(expected) === JSON.stringify(row)
      ? []
      : [{ value: values[Number(_offset)], expected, row }]
  })
  expect(wrong.slice(0, 10)).toEqual([])
  return counts
}

/** Instants as milliseconds, all else as the text that silver has of it. */
function parsedRow(dataset: Dataset, value: Uint8Array | null): TextRow | undefined {
  const parsed = parseRecord<Dataset>(dataset, readValue(value), secrets)
  if (!parsed.ok) return undefined
  const row = parsed.row as Readonly<Record<string, unknown>>
  const texts = Object.entries(dataset.fields).map(([name, { kind }]) => {
    const value = row[name]
    if (value === null) return [name, null]
    if (kind.parseNested) return [name, JSON.stringify(value)]
    return [name, String(kind.duckdbType.startsWith('TIMESTAMP') ? Date.parse(`${value}`) : value)]
  })
  return Object.fromEntries(texts)
}

async function silverRows(dataset: Dataset, silver: string): Promise<readonly TextRow[]> {
  const columns = Object.entries(dataset.fields).map(([name, { kind }]) => {
    const column = identifier(name)
    return `${kind.duckdbType.startsWith('TIMESTAMP') ? `epoch_ms(${column})` : column}::VARCHAR AS ${column}`
  })
  const rows = await engine.rows(
    `SELECT _offset::VARCHAR AS _offset, ${columns.join(', ')} FROM read_parquet(${literal(silver)})`,
  )
  return rows as readonly TextRow[]
}

const kinds = Object.entries<readonly [keyof typeof spellings, Field]>(everyKind)
  .filter(([, [, { kind }]]) => kind.beside === undefined)
  .map(([name, [about, field]]) => ({ name, about, dataset: datasetOf({ value: field }) }))

it.each(kinds)(
  `holds what $name takes (${runs} values, seed ${seed})`,
  { timeout },
  async ({ about, dataset }) => {
    let silver = 0
    for (let done = 0; done < runs; done += batch) {
      const settings = { numRuns: Math.min(batch, runs - done), seed: seed + done }
      const values = fc.sample(hostile(about), settings).map((json, at) => {
        const head = `{"record_id":${at},"record_time":"2026-01-02T03:04:05Z"`
        return `${head}${json === null ? '' : `,"value":${json}`}}`
      })
      silver += (await check(dataset, values)).silver
    }
    expect(silver).toBeGreaterThan(0)
  },
)

it(`holds what is good of records as a whole (${runs * 10} records, seed ${seed})`, { timeout }, async () => {
  const { silver, quarantined } = await check(
    records,
    fc.sample(hostileRecord, { numRuns: Math.min(runs * 10, 500_000), seed }),
  )
  expect(Math.min(silver, quarantined)).toBeGreaterThan(0)
})

const longest = 4_500_000 // what fits, in base64, into Lambda's 6 MB event

it.each([
  ['deep lists', `"type":${'['.repeat(5000)}${']'.repeat(5000)}`],
  ['deep objects', `"type":${'{"state":'.repeat(1000)}1${'}'.repeat(1000)}`],
  ['a long text beyond ASCII', `"value":"${'é'.repeat(longest / 2)}"`],
  ['a long text of quotes', `"value":"${'\\"'.repeat(longest / 2)}"`],
  ['a long text with a NUL', `"value":"x\\u0000${'x'.repeat(1_000_000)}"`],
  ['many members', Array.from({ length: 20_000 }, (_, index) => `"f${index}":${index}`).join(',')],
])('takes %s among others', async (_, members) => {
  const head = (id: number) =>
    `"record_id":${id},"record_time":"2026-01-02T03:04:05Z","total":1,"state":"open"`
  const few = { ...records, fields: { ...records.fields, value: text('', { max: longest, optional: true }) } }
  const others = (from: number) => Array.from({ length: 2_000 }, (_, at) => `{${head(from + at)}}`)
  const { silver, quarantined } = await check(few, [
    ...others(1),
    `{${head(0)},${members}}`,
    ...others(2_001),
  ])
  expect(silver + quarantined).toBe(4_001)
})
