import { writeFile } from 'node:fs/promises'
import type { Dataset } from '@cupel/core/dataset'
import { bronzePrefix, isLandedKey, parseBronzeKey, quarantineKey, silverKey } from '@cupel/core/keys'
import { identifier, literal } from '@cupel/core/kinds/strings'
import type { Reason } from '@cupel/core/record'
import { parseField } from '@cupel/core/record'
import { openEngine } from '@cupel/duckdb/engine'
import { silverProblem } from '@cupel/duckdb/silver'
import type { ObjectStore } from '@cupel/io/object-store'
import type { Postgres } from '@cupel/io/postgres'
import { withTemporaryFolder } from '@cupel/io/temporary-folder'
import { isDecided } from '#datasets/pipelines.ts'
import { inParallel } from '../../in-parallel.ts'

export type TracePorts = {
  readonly lake: Pick<ObjectStore, 'list' | 'get' | 'head'>
  readonly warehouse: Pick<Postgres, 'query'>
}
/** Times are Unix milliseconds. */
export type Trace = {
  readonly dataset: string
  readonly key: string
  readonly records: readonly Occurrence[] // in the order in which Kafka got them
  readonly gold: GoldRow | null
  readonly decisions: readonly Decision[] // by version; the last one counts
  readonly scanned: Scan
}
/** Whether all of bronze was searched; else only what gold and the decisions name, and a repetition may be missing. */
export type Scan = { readonly all: boolean; readonly bytes: number; readonly objects: number }

/** One record of Kafka with the key, and what became of it. */
export type Occurrence = {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly bronze: { readonly object: string; readonly line: number; readonly storedMs: number }
  readonly format: string
  readonly raw: string | null // the value as it was sent; null: a tombstone
  readonly outcome: Outcome
}
export type Outcome =
  | { readonly kind: 'waiting' } // not refined yet
  | {
      readonly kind: 'silver'
      readonly object: string
      readonly storedMs: number
      readonly row: Record<string, unknown>
      readonly loadedMs: number | null // its object, into gold
      readonly problem: string | null // why its object was not loaded
    }
  | {
      readonly kind: 'quarantine'
      readonly object: string
      readonly storedMs: number
      readonly version: number // of the dataset
      readonly reasons: readonly Reason[]
    }
  | {
      readonly kind: 'duplicate' // of the newer record in the same object
      readonly object: string
      readonly storedMs: number
      readonly wonBy: { readonly partition: number; readonly offset: number } | null
    }
export type GoldRow = {
  readonly table: string
  readonly partition: number
  readonly offset: number
  readonly loadedMs: number
}
export type Finding = {
  readonly rule: string
  readonly version: number
  readonly inputs: Record<string, unknown>
  readonly thresholds: Record<string, unknown>
  readonly explanation: string
}
export type Decision = {
  readonly version: number
  readonly verdict: 'fraud' | 'genuine'
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly decidedMs: number
  readonly amountUsd: string | null
  readonly findings: readonly Finding[]
  readonly rules: readonly string[] // id@version, all that looked
  readonly referenceVersion: number
  readonly alert: { readonly id: string; readonly createdMs: number; readonly sentMs: number | null } | null
}

export type TraceOptions = {
  /** Bronze is searched as a whole when it is no larger than this; always when nothing else knows the key. */
  readonly scanUpToBytes: number
  readonly onScan?: (scan: Scan) => void // a long one begins
}

/**
 * The life of a record: all records of Kafka with this key, and what became of each. The key is compared as the dataset
 * reads it, so another spelling is the same; a malformed one is found as it was sent.
 */
export async function traceRecord(
  { lake, warehouse }: TracePorts,
  dataset: Dataset,
  asked: string,
  { scanUpToBytes, onScan }: TraceOptions,
): Promise<Trace> {
  const keyField = dataset.key[0]!
  const read = parseField(dataset.fields[keyField]!, asked)
  const key = read.ok && read.value !== null ? String(read.value) : asked.trim()
  const gold = read.ok ? await goldRow(warehouse, dataset, keyField, key) : null
  const decisions = read.ok && isDecided(dataset) ? await decisionsOn(warehouse, key) : []

  const known = [
    ...(gold ? [{ topic: dataset.topic ?? '', partition: gold.partition, offset: gold.offset }] : []),
    ...decisions,
  ]
  const folder = `bronze/${dataset.bronzeFolder}/`
  const objects: Listed[] = []
  for await (const { key: object, modifiedMs, size } of lake.list(folder))
    if (object.endsWith('.ndjson')) objects.push({ key: object, storedMs: modifiedMs, size })
  const bytes = objects.reduce((sum, { size }) => sum + size, 0)
  const all = known.length === 0 || bytes <= scanUpToBytes
  const searched = all ? objects : objectsOf(dataset, objects, known)
  const scanned = { all, bytes, objects: objects.length }
  if (all && bytes > scanUpToBytes) onScan?.(scanned)

  const isMeant = (value: unknown): boolean => {
    const parsed = parseField(dataset.fields[keyField]!, value)
    return parsed.ok ? String(parsed.value) === key : String(value).trim().toLowerCase() === key.toLowerCase()
  }
  const found = await inParallel(searched, async (object) => {
    const stored = await lake.get(object.key)
    return stored ? linesWith(Buffer.from(stored.body), asked.trim(), key, keyField, isMeant, object) : []
  })
  const lines = found
    .flat()
    .sort((a, b) => a.timestampMs - b.timestampMs || a.partition - b.partition || a.offset - b.offset)
  const records = await inParallel(lines, async (line) => ({
    ...line,
    outcome: await outcomeOf({ lake, warehouse }, dataset, keyField, key, line),
  }))
  return { dataset: dataset.name, key, records, gold, decisions, scanned }
}

type Listed = { readonly key: string; readonly storedMs: number; readonly size: number }
type Line = Omit<Occurrence, 'outcome'>
type Address = { readonly topic: string; readonly partition: number; readonly offset: number }

/**
 * The objects that hold these addresses: of a partition the last one that starts at or before the offset, and of each file
 * too, because gold does not say which one a line is of.
 */
function objectsOf(
  { bronzeFolder }: Dataset,
  objects: readonly Listed[],
  known: readonly Address[],
): readonly Listed[] {
  const files = objects.flatMap(({ key }) => (isLandedKey(key) ? key.slice(0, key.lastIndexOf('/') + 1) : []))
  const found = known.flatMap(({ topic, partition, offset }) =>
    [bronzePrefix(bronzeFolder, { topic, partition }), ...new Set(files)].map((prefix) =>
      objects.findLast(
        ({ key }) => key.startsWith(prefix) && Number.parseInt(key.slice(prefix.length), 10) <= offset,
      ),
    ),
  )
  return [...new Set(found)].filter((object) => object !== undefined)
}

/** The lines whose record has the key, as its field, or, where the value is no JSON object, anywhere in it. */
function linesWith(
  body: Buffer,
  asked: string,
  key: string,
  keyField: string,
  isMeant: (value: unknown) => boolean,
  { key: object, storedMs }: Listed,
): Line[] {
  const found: Line[] = []
  const searched = [...new Set([asked.toLowerCase(), key.toLowerCase()])]
  const mentions = (text: string): boolean => searched.some((each) => text.toLowerCase().includes(each))
  body
    .toString()
    .split('\n')
    .forEach((text, index) => {
      const isEncoded = /"format":"(text|bytes)"/.test(text.slice(0, text.indexOf('"value":')))
      if (!isEncoded && !mentions(text) && !text.includes('\\')) return
      const line = parseLine(text)
      if (!line) return
      const { envelope, raw, record } = line
      const has = record ? isMeant(record[keyField]) : raw !== null && mentions(raw)
      if (has) found.push({ ...envelope, bronze: { object, line: index + 1, storedMs }, raw })
    })
  return found
}

function parseLine(text: string) {
  try {
    const { topic, partition, offset, timestamp, format, value } = JSON.parse(text)
    const envelope = { topic, partition, offset, timestampMs: Number(timestamp), format: String(format) }
    if (format === 'tombstone') return { envelope, raw: null }
    const isVerbatim = format === 'json'
    const raw = isVerbatim
      ? text.slice(text.indexOf(',"value":') + ',"value":'.length, -1)
      : Buffer.from(String(value), 'base64').toString()
    const json = isVerbatim ? value : format === 'text' ? JSON.parse(raw) : undefined
    const record = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined
    return { envelope, raw, record }
  } catch {
    return undefined // no line of ours
  }
}

async function outcomeOf(
  { lake, warehouse }: TracePorts,
  dataset: Dataset,
  keyField: string,
  key: string,
  { bronze, partition, offset }: Line,
): Promise<Outcome> {
  const name = parseBronzeKey(bronze.object)!.name
  const object = silverKey(dataset.silverFolder, name)
  const silver = await lake.get(object)
  if (!silver) return { kind: 'waiting' }
  const storedMs = await modifiedAt(lake, object)

  const rejectedKey = quarantineKey(dataset.name, name)
  const rejected = await lake.get(rejectedKey)
  for (const text of rejected ? Buffer.from(rejected.body).toString().split('\n') : []) {
    if (!text.includes(`"offset":${offset},`)) continue
    const entry = JSON.parse(text)
    if (entry.offset !== offset || entry.partition !== partition) continue
    const { version, reasons } = entry
    const quarantined = { storedMs: await modifiedAt(lake, rejectedKey), version, reasons }
    return { kind: 'quarantine', object: rejectedKey, ...quarantined }
  }

  const rows = await silverRows(dataset, silver.body, keyField, key)
  const row = rows.find((row) => Number(row._offset) === offset && Number(row._partition) === partition)
  if (row) {
    const [entry] = await warehouse.query<{ loaded_ms: string; problem: string | null }>(
      'SELECT extract(epoch FROM loaded_at) * 1000 AS loaded_ms, problem FROM ledger WHERE object_key = $1',
      [object],
    )
    const loadedMs = entry ? Number(entry.loaded_ms) : null
    return { kind: 'silver', object, storedMs, row, loadedMs, problem: entry?.problem ?? null }
  }
  const won = rows[0]
  const wonBy = won ? { partition: Number(won._partition), offset: Number(won._offset) } : null
  return { kind: 'duplicate', object, storedMs, wonBy }
}

/** The rows with the key in a silver file; none when it cannot be read. */
async function silverRows(
  dataset: Dataset,
  body: Uint8Array,
  keyField: string,
  key: string,
): Promise<readonly Record<string, unknown>[]> {
  return withTemporaryFolder(async (folder) => {
    const file = folder.file('silver.parquet')
    await writeFile(file, body)
    const engine = await openEngine()
    try {
      if ((await silverProblem(engine, dataset, file)) !== undefined) return []
      const columns = Object.keys(dataset.fields).map(
        (name) => `CAST(${identifier(name)} AS VARCHAR) AS ${identifier(name)}`,
      )
      return await engine.rows(
        `SELECT ${columns.join(', ')}, _partition, _offset::DOUBLE AS _offset FROM read_parquet(${literal(file)}) WHERE CAST(${identifier(keyField)} AS VARCHAR) = ${literal(key)}`,
      )
    } finally {
      engine.close()
    }
  })
}

async function modifiedAt(lake: TracePorts['lake'], key: string): Promise<number> {
  for await (const object of lake.list(key)) if (object.key === key) return object.modifiedMs
  return Number.NaN
}

async function goldRow(
  warehouse: TracePorts['warehouse'],
  { table }: Dataset,
  keyField: string,
  key: string,
): Promise<GoldRow | null> {
  const [row] = await warehouse.query<{ _partition: number; _offset: string; loaded_ms: string }>(
    `SELECT "_partition", "_offset", extract(epoch FROM "_loaded_at") * 1000 AS loaded_ms
       FROM ${identifier(table)} WHERE ${identifier(keyField)} = $1`,
    [key],
  )
  return row
    ? { table, partition: row._partition, offset: Number(row._offset), loadedMs: Number(row.loaded_ms) }
    : null
}

async function decisionsOn(warehouse: TracePorts['warehouse'], id: string): Promise<readonly Decision[]> {
  const ms = (column: string) => `extract(epoch FROM ${column}) * 1000`
  const rows = await warehouse.query(
    `SELECT d.version, verdict, topic, partition, record_offset, ${ms('decided_at')} AS decided_ms, amount_usd,
            findings, rules, reference_version, a.id AS alert_id, ${ms('a.created_at')} AS created_ms,
            ${ms('a.sent_at')} AS sent_ms
       FROM fraud_decisions AS d LEFT JOIN alerts AS a USING (transaction_id, version)
      WHERE transaction_id = $1 ORDER BY d.version`,
    [id],
  )
  return rows.map((row) => ({
    version: row.version,
    verdict: row.verdict,
    topic: row.topic,
    partition: row.partition,
    offset: Number(row.record_offset),
    decidedMs: Number(row.decided_ms),
    amountUsd: row.amount_usd,
    findings: row.findings,
    rules: String(row.rules).split(' '),
    referenceVersion: Number(row.reference_version),
    alert:
      row.alert_id === null
        ? null
        : {
            id: row.alert_id,
            createdMs: Number(row.created_ms),
            sentMs: row.sent_ms === null ? null : Number(row.sent_ms),
          },
  }))
}
