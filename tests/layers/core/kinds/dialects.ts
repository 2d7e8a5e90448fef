/** Ask both dialects about the same records, and list where they differ. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bronzeLine, readValue } from '@cupel/core/bronze'
import type { Dataset, Fields } from '@cupel/core/dataset'
import { dataset, storedFields } from '@cupel/core/dataset'
import {
  firstPassStatement,
  spellingsOf as spellingsOfFirstPass,
  stringFields,
} from '@cupel/core/first-pass-sql'
import {
  boolean,
  country,
  currency,
  date,
  decimal,
  email,
  integer,
  json,
  list,
  money,
  object,
  oneOf,
  phone,
  text,
  timestamp,
  uuid,
} from '@cupel/core/kinds'
import { hashVariables } from '@cupel/core/kinds/concealed'
import type { Field, Spellings } from '@cupel/core/kinds/kind'
import { identifier, spellingsStatements } from '@cupel/core/kinds/strings'
import { judgeRecord } from '@cupel/core/record'
import { refinedStatement, spellingsOf } from '@cupel/core/refine-sql'
import { bronzeBody } from '@cupel/duckdb/bronze-body'
import type { Engine } from '@cupel/duckdb/engine'
import { expect } from 'vitest'
import { kafkaRecord } from '../../../support/kafka.ts'
import type { spellings } from './hostile.ts'

/** A field of every kind, with every option, and what its input is about. */
export const everyKind = {
  text: ['text', text('', { optional: true })],
  text_bounded: ['text', text('', { min: 2, max: 10, personal: true })],
  text_pattern: ['text', text('', { pattern: String.raw`[A-Z]{2}-\d{4}` })],
  email: ['email', email('', { personal: true })],
  phone: ['phone', phone('', { optional: true })],
  uuid: ['uuid', uuid('')],
  integer: ['number', integer('')],
  integer_bounded: ['number', integer('', { min: -5, max: 100, optional: true })],
  decimal: ['number', decimal('', { precision: 9, scale: 6, min: '-90', max: '90.5' })],
  decimal_wide: ['number', decimal('', { precision: 38, scale: 18 })],
  decimal_narrow: ['number', decimal('', { precision: 3, scale: 2 })],
  money: ['money', money('')],
  money_positive: ['money', money('', { positive: true, optional: true, personal: true })],
  money_by_point: ['money', money('', { decimalSign: '.' })],
  money_by_comma: ['money', money('', { decimalSign: ',' })],
  money_beside: ['money', money('', { currency: 'currency', decimalSign: '.' })],
  money_in_dinars: ['money', money('', { currency: 'KWD' })],
  money_in_yen: ['money', money('', { currency: 'JPY', decimalSign: '.', positive: true })],
  currency: ['currency', currency('')],
  country: ['country', country('', { optional: true })],
  date: ['date', date('')],
  date_day_first: ['date', date('', { order: 'day-first', optional: true })],
  date_month_first: ['date', date('', { order: 'month-first' })],
  date_ranged: ['date', date('', { min: '2024-01-01', max: '2024-12-31' })],
  timestamp: ['timestamp', timestamp('')],
  timestamp_day_first: ['timestamp', timestamp('', { order: 'day-first', min: '2000-01-01T00:00:00Z' })],
  timestamp_month_first: ['timestamp', timestamp('', { order: 'month-first', optional: true })],
  money_ranged: ['money', money('', { min: '-5', max: '1234.5' })],
  one_of: ['word', oneOf('', ['pos', 'Online', 'money_transfer', "it's", 'k'])],
  boolean: ['boolean', boolean('', { optional: true })],
  list: ['list', list('', text('', { max: 5 }), { max: 3, optional: true })],
  list_of_money: ['list', list('', money(''))],
  list_of_lists: ['list', list('', list('', country('')))],
  list_of_objects: ['list', list('', object('', { at: timestamp(''), n: integer('', { optional: true }) }))],
  object: [
    'object',
    object(
      '',
      {
        street: text('', { max: 10 }),
        country: country('', { optional: true }),
        since: date('', { optional: true }),
        tags: list('', oneOf('', ['a', 'b']), { optional: true }),
        inner: object('', { ok: boolean(''), id: uuid('', { optional: true }) }, { optional: true }),
      },
      { personal: true, optional: true },
    ),
  ],
  json: ['json', json('', { optional: true })],
  hashed: ['phone', phone('', { personal: 'hash' })],
  hashed_time: ['timestamp', timestamp('', { personal: 'hash', optional: true })],
  hashed_amount: ['money', money('', { personal: 'hash' })],
  masked: ['email', email('', { personal: 'mask' })],
  masked_date: ['date', date('', { personal: 'mask', optional: true })],
  masked_flag: ['boolean', boolean('', { personal: 'mask' })],
  defaulted: ['word', oneOf('', ['pos', 'online'], { default: 'pos' })],
  defaulted_time: ['timestamp', timestamp('', { default: '2026-01-02T03:04:05Z' })],
  defaulted_amount: ['money', money('', { default: '1.5' })],
  warned: ['number', integer('', { optional: true, policy: 'warn' })],
} as const satisfies Record<string, readonly [keyof typeof spellings, Fields[string]]>

/** A dataset of these fields and what every dataset needs. */
export const datasetOf = (fields: Fields): Dataset =>
  dataset({
    name: 'hostile',
    description: 'Hostile records.',
    topic: 'hostile',
    bronzeFolder: 'hostile',
    silverFolder: 'processed-hostile',
    table: 'hostile',
    version: 1,
    key: 'record_id',
    orderBy: 'record_time',
    fields: { record_id: integer(''), record_time: timestamp(''), ...fields },
  })

const personalDataKey = 'a key that only tests have'
const made = new WeakMap<Engine, Set<string>>()

/** What both dialects say of each value (its text, or null for a tombstone), in the order of input. */
export const askBoth = (
  engine: Engine,
  hostile: Dataset,
  values: readonly (string | null)[],
): Promise<readonly Answers[]> =>
  withBronze(values, async (input, bytes) => {
    await makeSpellings(engine, spellingsOf(hostile))
    for (const [name, value] of hashVariables(personalDataKey))
      await engine.run(`SET VARIABLE ${name} = $1`, [value])
    await engine.run(refinedStatement(hostile, input))
    const rows = await engine.rows(
      `SELECT _quarantined, _warnings, ${asText(hostile)} FROM refined ORDER BY _offset`,
    )
    return rows.map(({ _quarantined, _warnings, ...row }, index) => ({
      value: values[index]!,
      typescript: typescriptAnswer(hostile, bytes[index]!),
      sql: {
        reasons: _quarantined
          ? JSON.parse(String(_quarantined)).reasons
          : JSON.parse(String(_warnings ?? '[]')),
        row: plainRow(hostile, row as Answer['row']),
      },
    }))
  })

/** What the first pass says of each value, and TypeScript; `sql` is undefined where it leaves the value to TypeScript. */
export const askFirstPass = (
  engine: Engine,
  hostile: Dataset,
  values: readonly (string | null)[],
): Promise<
  readonly (Pick<Answers, 'value' | 'typescript'> & { readonly sql: Answer['row'] | undefined })[]
> =>
  withBronze(values, async (input, bytes) => {
    await makeSpellings(engine, spellingsOfFirstPass(hostile))
    await engine.run(firstPassStatement(hostile, input))
    const rows = await engine.rows(`SELECT _plain_bytes, ${asText(hostile)} FROM refined ORDER BY rowid`)
    const lines = bronzeBody(await readFile(input), {
      fields: Object.keys(hostile.fields),
      strings: stringFields(hostile),
    })
    expect([rows.length, lines.count]).toEqual([values.length, values.length])
    return rows.map(({ _plain_bytes: plain, ...row }, line) => ({
      value: values[line]!,
      typescript: typescriptAnswer(hostile, bytes[line]!),
      sql: plain !== null && lines.isClear(line, Number(plain)) ? (row as Answer['row']) : undefined,
    }))
  })

/** Give `work` a bronze file of these values, and their bytes. */
async function withBronze<T>(
  values: readonly (string | null)[],
  work: (input: string, bytes: readonly (Uint8Array | null)[]) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'cupel-dialects-'))
  try {
    const input = join(folder, 'bronze.ndjson')
    const bytes = values.map((value) => (value === null ? null : new TextEncoder().encode(value)))
    const lines = bytes.map((value, offset) => `${bronzeLine(kafkaRecord({ offset, value }))}\n`)
    await writeFile(input, lines.join(''))
    return await work(input, bytes)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function makeSpellings(engine: Engine, tables: readonly Spellings[]): Promise<void> {
  const present = made.get(engine) ?? new Set()
  made.set(engine, present)
  for (const table of tables) {
    if (present.has(table.name)) continue
    for (const statement of spellingsStatements(table)) await engine.run(statement)
    present.add(table.name)
  }
}

/** All fields of the table `refined` as text. */
const asText = (hostile: Dataset): string =>
  Object.entries(storedFields(hostile))
    .map(([name, { kind }]) => {
      const column = identifier(name)
      return `${kind.duckdbType.startsWith('TIMESTAMP') ? `epoch_ms(${column})` : column}::VARCHAR AS ${column}`
    })
    .join(', ')

/** Reasons, and the values of good fields as text: they count in a rejected record too. */
export type Answer = {
  readonly reasons: readonly { field: string | null; reason: string; value: string | null }[]
  readonly row: Readonly<Record<string, string | null>>
}
export type Answers = { readonly value: string | null; readonly typescript: Answer; readonly sql: Answer }

/** What the answers differ in, field by field, with what stood there; nothing when they agree, order included. */
export function differences({ value, typescript, sql }: Answers): readonly unknown[] {
  if (JSON.stringify(typescript) === JSON.stringify(sql)) return []
  const record = typescript.reasons[0]?.field === null ? {} : JSON.parse(value!)
  const of = ({ reasons, row }: Answer, name: string) =>
    JSON.stringify(reasons.find(({ field }) => field?.split(/[.[]/)[0] === name) ?? row[name])
  const fields = Object.keys(typescript.row)
    .filter((name) => of(typescript, name) !== of(sql, name))
    .map((name) => ({ name, json: record[name], typescript: of(typescript, name), sql: of(sql, name) }))
  return fields.length > 0 ? fields : [{ value, typescript: typescript.reasons, sql: sql.reasons }]
}

function typescriptAnswer(hostile: Dataset, bytes: Uint8Array | null): Answer {
  const { row, reasons } = judgeRecord(hostile, readValue(bytes), { personalDataKey })
  const texts = Object.entries(storedFields(hostile)).map(([name, field]) => [
    name,
    sqlText(field, row[name] ?? null),
  ])
  return { reasons, row: Object.fromEntries(texts) }
}

const sqlText = ({ kind }: Field, value: unknown): string | null => {
  if (value === null || kind.parseNested) return value === null ? null : JSON.stringify(value)
  return kind.duckdbType.startsWith('TIMESTAMP') ? String(Date.parse(String(value))) : String(value)
}

/** Texts out of DuckDB's table, spelled as JavaScript spells JSON where they are JSON. */
const plainRow = (hostile: Dataset, row: Answer['row']): Answer['row'] =>
  Object.fromEntries(
    Object.entries(storedFields(hostile)).map(([name, { kind }]) => {
      const text = row[name] ?? null
      return [name, text === null || !kind.parseNested ? text : JSON.stringify(JSON.parse(text))]
    }),
  )
