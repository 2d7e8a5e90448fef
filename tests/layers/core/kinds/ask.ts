/** Ask the first pass and `parseRecord` about the same records, and list where the first pass is wrong. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bronzeLine, readValue } from '@cupel/core/bronze'
import type { Dataset } from '@cupel/core/dataset'
import { firstPassStatement, spellingsOf, stringFields } from '@cupel/core/first-pass-sql'
import { identifier, spellingsStatements } from '@cupel/core/kinds/strings'
import { parseRecord } from '@cupel/core/record'
import { bronzeBody } from '@cupel/duckdb/bronze-body'
import type { Engine } from '@cupel/duckdb/engine'
import { kafkaRecord } from '../../../support/kafka.ts'

/** The values of fields as text, instants in milliseconds. */
export type TextRow = Readonly<Record<string, string | null>>

/** A bronze file of values, each the text of a record or null for a tombstone. */
export type Bronze = { readonly input: string; readonly values: readonly (string | null)[] }

export async function withBronze<T>(
  values: Bronze['values'],
  work: (bronze: Bronze) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'cupel-bronze-'))
  try {
    const input = join(folder, 'bronze.ndjson')
    const lines = values.map(
      (value, offset) => `${bronzeLine(kafkaRecord({ offset, value: bytes(value) }))}\n`,
    )
    await writeFile(input, lines.join(''))
    return await work({ input, values })
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The rows of the values that the first pass takes, by their place. It leaves the others to `parseRecord`. */
export async function askFirstPass(
  engine: Engine,
  dataset: Dataset,
  { input, values }: Bronze,
): Promise<ReadonlyMap<number, TextRow>> {
  await makeSpellings(engine, dataset)
  await engine.run(firstPassStatement(dataset, input))
  const [counted] = await engine.rows('SELECT count(*) AS lines FROM refined')
  const body = bronzeBody(await readFile(input), {
    fields: Object.keys(dataset.fields),
    strings: stringFields(dataset),
  })
  if (Number(counted!.lines) !== values.length || body.count !== values.length)
    throw new Error(
      `${values.length} lines became ${counted!.lines} rows and ${body.count} lines of the body`,
    )
  const columns = Object.entries(dataset.fields).map(([name, { kind }]) => {
    const column = identifier(name)
    return `${kind.duckdbType.startsWith('TIMESTAMP') ? `epoch_ms(${column})` : column}::VARCHAR AS ${column}`
  })
  const rows = await engine.rows(
    `SELECT rowid AS _line, _plain_bytes, ${columns.join(', ')} FROM refined WHERE _plain_bytes IS NOT NULL ORDER BY rowid`,
  )
  return new Map(
    rows.flatMap(({ _line, _plain_bytes: plain, ...row }) =>
      body.isClear(Number(_line), Number(plain)) ? [[Number(_line), row as TextRow] as const] : [],
    ),
  )
}

/** The row of a value that `parseRecord` accepts, every field of it. */
export function parsedRow(dataset: Dataset, value: string | null): TextRow | undefined {
  const parsed = parseRecord<Dataset>(dataset, readValue(bytes(value)))
  if (!parsed.ok || parsed.warnings) return undefined
  const row: Readonly<Record<string, unknown>> = parsed.row
  const texts = Object.entries(dataset.fields).map(([name, { kind }]) => {
    const isInstant = kind.duckdbType.startsWith('TIMESTAMP')
    return [name, row[name] === null ? null : String(isInstant ? Date.parse(`${row[name]}`) : row[name])]
  })
  return Object.fromEntries(texts)
}

/** What the first pass takes that `parseRecord` refuses, or takes as another row; nothing when it is right. */
export const mistakes = (dataset: Dataset, { values }: Bronze, taken: ReadonlyMap<number, TextRow>) =>
  [...taken].flatMap(([line, row]) => {
    const value = values[line]!
    const parsed = parsedRow(dataset, value)
    return JSON.stringify(parsed) === JSON.stringify(row) ? [] : [{ value, parsed, row }]
  })

const bytes = (value: string | null): Uint8Array | null =>
  value === null ? null : new TextEncoder().encode(value)

const made = new WeakMap<Engine, Set<string>>()

async function makeSpellings(engine: Engine, dataset: Dataset): Promise<void> {
  const present = made.get(engine) ?? new Set()
  made.set(engine, present)
  for (const table of spellingsOf(dataset)) {
    if (present.has(table.name)) continue
    for (const statement of spellingsStatements(table)) await engine.run(statement)
    present.add(table.name)
  }
}
