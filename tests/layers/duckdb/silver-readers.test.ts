/** Silver as others read it: every column of every kind with its exact value. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { bronzeLine, readValue } from '@cupel/core/bronze'
import type { Field, Kind } from '@cupel/core/kinds'
import { parseField, parseRecord } from '@cupel/core/record'
import { openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import fc from 'fast-check'
import { type FileMetaData, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { asyncBufferFromFile } from 'hyparquet/src/node.js'
import { compressors } from 'hyparquet-compressors'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaRecord } from '../../support/kafka.ts'
import { datasetOf, everyKind } from '../core/kinds/every-kind.ts'
import { hostile } from '../core/kinds/hostile.ts'

const count = 1_200
const kinds = Object.entries(everyKind).filter(([, [, { kind, personal }]]) => {
  const isJson = (kind as Kind).parseNested !== undefined // stored as text
  return !isJson && kind.beside === undefined && typeof personal === 'boolean'
})
const dataset = datasetOf(Object.fromEntries(kinds.map(([name, [, field]]) => [name, field])))

/** Values as text, whoever read them: `null` for none. */
type TextRow = Readonly<Record<string, string | null>>

let folder: string
let silver: string
let written: readonly TextRow[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cupel-readers-'))
  silver = join(folder, 'silver.parquet')
  const good = kinds.map(([name, [about, field]]) => {
    const values = fc.sample(hostile(about), { numRuns: 1_500, seed: 7 })
    const accepted = values.filter(
      (json) => parseField(field as Field, json === null ? undefined : JSON.parse(json)).ok,
    )
    return [name, accepted] as const
  })
  const records = Array.from({ length: count }, (_, id) => {
    const members = good.map(([name, values]) => [name, values[id % values.length]] as const)
    const own = [['record_id', String(id)], ['record_time', '"2026-01-02T03:04:05.678Z"'], ...members]
    return `{${own.map(([name, json]) => `"${name}":${json}`).join(',')}}`
  })
  const values = records.map((record) => new TextEncoder().encode(record))
  written = values.map((value) => {
    const parsed = parseRecord(dataset, readValue(value))
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.reasons))
    return Object.fromEntries(Object.entries(parsed.row).map(([name, one]) => [name, textOf(one)]))
  })
  const bronze = values.map((value, offset) => `${bronzeLine(kafkaRecord({ offset, value }))}\n`).join('')
  const engine = await openEngine()
  await refineFile(engine, dataset, {
    bronze: [new TextEncoder().encode(bronze)],
    silver,
    quarantine: join(folder, 'quarantine.ndjson'),
  })
  engine.close()
})
afterAll(() => rm(folder, { recursive: true }))

const textOf = (value: unknown): string | null => (value === null ? null : String(value))

describe('a silver file', () => {
  it('has all values for hyparquet', async () => {
    const file = await asyncBufferFromFile(silver)
    const metadata = await parquetMetadataAsync(file)
    const scales = new Map(metadata.schema.flatMap(({ name, scale }) => (scale ? [[name, scale]] : [])))
    const rows = await parquetReadObjects({ file, compressors, metadata: withoutDecimals(metadata) })
    const texts = rows.map((row) =>
      Object.fromEntries(
        Object.entries(dataset.fields).map(([name, { kind }]) => [
          name,
          readText(row[name], { scale: scales.get(name), isDay: kind.name === 'date' }),
        ]),
      ),
    )
    expect(texts).toEqual(written)
  })

  // tests/peers/parquet/run names a Python that has pyarrow.
  it.runIf(process.env.CUPEL_PYARROW)('has all values for pyarrow', async () => {
    const script = resolve('tests/peers/parquet/to-text.py')
    const { stdout } = await promisify(execFile)(process.env.CUPEL_PYARROW!, [script, silver], {
      maxBuffer: 100_000_000,
    })
    const { rows, dataset: name, version } = JSON.parse(stdout)
    expect(rows).toEqual(written)
    expect([name, version]).toEqual(['hostile', '1'])
  })
})

/** hyparquet makes floats of decimals; without their logical type they stay the integers, or the bytes of one, that they are. */
const withoutDecimals = (metadata: FileMetaData): FileMetaData => ({
  ...metadata,
  schema: metadata.schema.map((element) =>
    element.logical_type?.type === 'DECIMAL'
      ? { ...element, logical_type: undefined, converted_type: undefined }
      : element,
  ),
})

function readText(
  value: unknown,
  { scale, isDay }: { readonly scale: number | undefined; readonly isDay: boolean },
): string | null {
  if (value === null || value === undefined) return null
  if (value instanceof Date) return value.toISOString().slice(0, isDay ? 10 : undefined)
  if (scale === undefined) return String(value)
  const units =
    value instanceof Uint8Array
      ? BigInt.asIntN(128, BigInt(`0x${Buffer.from(value).toString('hex')}`))
      : BigInt(value as number)
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0')
  return `${units < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}
