import { open, readFile, rm, writeFile } from 'node:fs/promises'
import { readBronzeLine } from '@cupel/core/bronze'
import { type Dataset, storedFields } from '@cupel/core/dataset'
import { ObjectRefusedError } from '@cupel/core/errors'
import {
  dropOlderStatement,
  dropUnclearStatement,
  firstPassStatement,
  isQuick,
  judgedRowsSql,
  silverStatement,
  spellingsOf,
  stringFields,
} from '@cupel/core/first-pass-sql'
import { spellingsStatements } from '@cupel/core/kinds/strings'
import { parseRecord, parseTombstone, type Reason, type Secrets } from '@cupel/core/record'
import { keepsTombstones, type RefineCounts, type RefineFiles, warningsColumn } from '@cupel/core/silver-sql'
import { type BronzeBody, bronzeBody } from './bronze-body.ts'
import type { Engine } from './engine.ts'

// Up to here it is quicker to judge each record than to plan and start a statement with all kinds in it.
const fewLines = 1_000

/**
 * Refine a bronze file: good records, of each key the newest, into a silver file; rejected ones with all their reasons
 * into a quarantine file, which is written only when there are any. The same input gives the same bytes.
 *
 * Throws when a file cannot be read or written, a line is no bronze line, or a hashed field has no key: never because of
 * what a record holds, unless the dataset says so.
 *
 * @throws {ObjectRefusedError} when more records are bad than the dataset allows, or one breaks a rule with the policy `fail`.
 */
export async function refineFile(
  engine: Engine,
  dataset: Dataset,
  files: RefineFiles,
  secrets: Secrets = {},
): Promise<RefineCounts> {
  const state = stateOf(engine)
  const refined = state.last.then(() => refine(engine, state, dataset, files, secrets))
  state.last = refined.catch(() => {})
  return refined
}

async function refine(
  engine: Engine,
  { spellings }: State,
  dataset: Dataset,
  { input, silver, quarantine, key = input }: RefineFiles,
  secrets: Secrets,
): Promise<RefineCounts> {
  const quick = isQuick(dataset)
  const fields = Object.keys(dataset.fields)
  const lines = bronzeBody(await readFile(input), { fields, strings: quick ? stringFields(dataset) : [] })
  const judgedRows = `${silver}.rows.ndjson`
  try {
    const all = Array.from({ length: lines.count }, (_, line) => line)
    const isWorthIt = quick && lines.count > fewLines
    const left = isWorthIt ? await firstPass(engine, spellings, dataset, { input, lines }) : undefined
    const { rows, warned, rejected } = await judge(dataset, lines, left ?? all, judgedRows, secrets)
    const problem = problemOf(dataset, lines.count, rejected)
    if (problem !== undefined) throw new ObjectRefusedError(key, dataset.name, problem)
    const judged = judgedRowsSql(dataset, judgedRows)
    if (left === undefined) await engine.run(`CREATE OR REPLACE TEMP TABLE refined AS ${judged}`)
    else if (rows > 0) await engine.run(`INSERT INTO refined BY NAME ${judged}`)
    if (rejected.length > 0) await writeFile(quarantine, rejected.map(({ line }) => `${line}\n`).join(''))
    const duplicates = await engine.run(dropOlderStatement(dataset))
    const kept = await engine.run(silverStatement(dataset, silver))
    return { records: lines.count, silver: kept, quarantined: rejected.length, duplicates, warned }
  } finally {
    await engine.run('DROP TABLE IF EXISTS refined')
    await rm(judgedRows, { force: true })
  }
}

/** Put the good records that can be told cheaply into the table; the lines of all others, or undefined when it cannot tell. */
async function firstPass(
  engine: Engine,
  spellings: Set<string>,
  dataset: Dataset,
  { input, lines }: { readonly input: string; readonly lines: BronzeBody },
): Promise<readonly number[] | undefined> {
  for (const table of spellingsOf(dataset)) {
    if (spellings.has(table.name)) continue
    for (const statement of spellingsStatements(table)) await engine.run(statement)
    spellings.add(table.name)
  }
  await engine.run(firstPassStatement(dataset, input))
  const found = await engine.column('SELECT _plain_bytes FROM refined')
  if (found.length !== lines.count) return undefined // lines that only one of the two takes for lines
  const unclear: number[] = []
  const left: number[] = []
  for (const [line, bytes] of found.entries()) {
    if (bytes === null) left.push(line)
    else if (!lines.isClear(line, bytes as number)) {
      left.push(line)
      unclear.push(line)
    }
  }
  if (left.length > 0) await engine.run(dropUnclearStatement(unclear))
  return left
}

type Rejected = {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly reasons: readonly Reason[]
  readonly line: string
}

/** Why the dataset refuses the object as a whole, or undefined. */
function problemOf(
  { fields, maxQuarantined }: Dataset,
  records: number,
  rejected: readonly Rejected[],
): string | undefined {
  const fails = ({ field }: Reason): boolean => fields[/^\w*/.exec(field ?? '')![0]]?.policy === 'fail'
  for (const { topic, partition, offset, reasons } of rejected) {
    const broken = reasons.find(fails)
    if (broken) return `${topic}-${partition} offset ${offset}: ${broken.field} is ${broken.reason}`
  }
  if (rejected.length <= records * maxQuarantined) return undefined
  return `${rejected.length} of ${records} records would be quarantined, maxQuarantined is ${maxQuarantined}`
}

/** Judge lines one by one: good ones become rows of a file, rejected ones lines for quarantine, in the order of their addresses. */
async function judge(
  dataset: Dataset,
  lines: BronzeBody,
  numbers: readonly number[],
  rowsFile: string,
  secrets: Secrets,
): Promise<{ readonly rows: number; readonly warned: number; readonly rejected: readonly Rejected[] }> {
  const nested = Object.entries(storedFields(dataset)).flatMap(([name, { kind }]) =>
    kind.parseNested ? [name] : [],
  )
  const head = `{"dataset":${JSON.stringify(dataset.name)},"version":${dataset.version},"reasons":`
  const rejected: Rejected[] = []
  const rows = await open(rowsFile, 'w')
  let count = 0
  let warned = 0
  let pending: string[] = []
  const flush = async () => {
    await rows.write(pending.join(''))
    pending = []
  }
  try {
    for (const number of numbers) {
      const line = lines.text(number)
      const record = readBronzeLine(line)
      if (!record)
        throw new Error(`line ${number + 1} is no bronze line: it is not JSON, or lacks its envelope`)
      const { topic, partition, offset, timestampMs, value } = record
      const deletes = value.format === 'tombstone' && keepsTombstones(dataset)
      const parsed = deletes ? parseTombstone(dataset, record, secrets) : parseRecord(dataset, value, secrets)
      if (!parsed.ok) {
        const text = `${head}${JSON.stringify(parsed.reasons)},${line.slice(1)}`
        rejected.push({ topic, partition, offset, reasons: parsed.reasons, line: text })
        continue
      }
      const lineage = { _topic: topic, _partition: partition, _offset: offset, _timestamp_ms: timestampMs }
      const kind = keepsTombstones(dataset) ? { _deleted: deletes } : {}
      const row: Record<string, unknown> = { ...parsed.row, ...lineage, ...kind }
      for (const name of nested) row[name] = row[name] === null ? null : JSON.stringify(row[name]) // stored as text
      if (parsed.warnings) row[warningsColumn] = JSON.stringify(parsed.warnings)
      if (parsed.warnings) warned += 1
      pending.push(`${JSON.stringify(row)}\n`)
      count += 1
      if (pending.length >= 10_000) await flush()
    }
    await flush()
  } finally {
    await rows.close()
  }
  rejected.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  return { rows: count, warned, rejected }
}

/** What an engine holds: which tables of spellings, and the refinement under way, after which the next one starts. */
type State = { readonly spellings: Set<string>; last: Promise<unknown> }

const states = new WeakMap<Engine, State>()

function stateOf(engine: Engine): State {
  const state = states.get(engine) ?? { spellings: new Set(), last: Promise.resolve() }
  states.set(engine, state)
  return state
}
