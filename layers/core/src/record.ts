import { type BronzeRecord, type NoRecord, noRecords, type ReadValue, type ValueFormat } from './bronze.ts'
import type { Dataset, RowOf } from './dataset.ts'
import { type Field, type Parsed, type ReasonCode, reject, type Scalar } from './kinds/kind.ts'
import { numberText } from './kinds/numbers.ts'
import { codePoints, trim } from './kinds/strings.ts'

/** One rule that a record violates. */
export type Reason = {
  readonly field: string | null // null: the record as a whole
  readonly reason: ReasonCode
  /** What stood there, 200 code points at most, `{…}` or `[…]` for what is nested; personal fields are masked. */
  readonly value: string | null
}

export type ParsedRecord<Row> =
  | { readonly ok: true; readonly row: Row }
  | { readonly ok: false; readonly reasons: readonly Reason[] }

const shownLength = 200

/**
 * Is this a record of the dataset? The row, or every violated rule in the order of the fields. Total: never throws.
 * Says exactly what the dataset's refine statement says (refine-sql.ts).
 */
export function parseRecord<D extends Dataset>(dataset: D, value: ReadValue): ParsedRecord<RowOf<D>> {
  if (value.format === 'tombstone' || isNoRecord(value.format)) return rejectRecord(value.format)
  const record = value.text === undefined ? undefined : readObject(value.text)
  if (record === undefined) return rejectRecord('unreadable')
  if (record === null) return rejectRecord('not-an-object')
  const row: Record<string, Scalar | null> = {}
  const reasons: Reason[] = []
  for (const [name, field] of Object.entries(dataset.fields)) {
    const json = Object.hasOwn(record.members, name) ? record.members[name] : undefined
    const twice = record.repeated?.has(name) ?? false
    const parsed = twice ? reject('duplicate-field') : parseField(field, json)
    if (parsed.ok) row[name] = parsed.value
    else
      reasons.push({
        field: name,
        reason: parsed.reason,
        value: twice ? null : showValue(json, field.personal !== false),
      })
  }
  return reasons.length > 0 ? { ok: false, reasons } : { ok: true, row: row as RowOf<D> }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The row that stands for a tombstone of a dataset that keeps them: its key, and in the ordering field when it was sent, as
 * it has no time of its own; all else is null. Its Kafka key is the text of the only key field, that as a JSON
 * string, or a JSON object of the key fields. Total: never throws.
 */
export function parseTombstone(
  dataset: Dataset,
  { key, timestampMs }: Pick<BronzeRecord, 'key' | 'timestampMs'>,
): ParsedRecord<Readonly<Record<string, Scalar | null>>> {
  const { fields, orderBy } = dataset
  const text = key && keyText(dataset, key)
  const sent = fields[orderBy]!.kind.parse(sentAt(dataset, timestampMs))
  if (!text || !sent.ok) return rejectRecord('tombstone')
  const keyFields = Object.fromEntries(dataset.key.map((name) => [name, fields[name]!]))
  const parsed = parseRecord(
    { ...dataset, fields: keyFields, unknownFields: 'ignore' },
    { format: 'json', text },
  )
  if (!parsed.ok) return parsed
  const none = Object.fromEntries(Object.keys(fields).map((name) => [name, null]))
  return { ok: true, row: { ...none, ...parsed.row, [orderBy]: sent.value } }
}

/** The JSON object that a tombstone's Kafka key is, or stands for; undefined when it is neither. */
function keyText({ key: names }: Dataset, key: Uint8Array): string | undefined {
  let text: string
  let json: unknown
  try {
    text = utf8.decode(key)
  } catch {
    return undefined
  }
  try {
    json = JSON.parse(text)
  } catch {
    json = text
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return text
  return names.length === 1
    ? JSON.stringify({ [names[0]!]: typeof json === 'string' ? json : text })
    : undefined
}

/** As the kind of the ordering field writes it; no text of an instant where it is none. */
function sentAt({ fields, orderBy }: Dataset, timestampMs: number): string {
  const sent = new Date(timestampMs)
  if (Number.isNaN(sent.getTime())) return ''
  return fields[orderBy]!.kind.name === 'date' ? sent.toISOString().slice(0, -14) : sent.toISOString()
}

/** What a field says to a JSON value as JSON.parse gives it; undefined when absent. */
export function parseField<Value extends Scalar>(field: Field<Value>, json: unknown): Parsed<Value | null> {
  const scalar = typeof json === 'string' ? trim(json) : json
  if (scalar === undefined || scalar === null || scalar === '')
    return field.optional ? { ok: true, value: null } : reject('missing')
  if (typeof scalar === 'object') return reject(field.kind.wrongType)
  if (typeof scalar === 'string' && scalar.includes('\0')) return reject('contains-nul')
  return field.kind.parse(scalar as Scalar)
}

const isNoRecord = (format: ValueFormat): format is NoRecord => noRecords.some((one) => one === format)

const rejectRecord = (reason: ReasonCode) =>
  ({ ok: false, reasons: [{ field: null, reason, value: null }] }) as const

function showValue(json: unknown, personal: boolean): string | null {
  if (json === undefined || json === null || (typeof json === 'string' && trim(json) === '')) return null
  const shown = Array.isArray(json) ? '[…]' : typeof json === 'object' ? '{…}' : scalarText(json as Scalar)
  if (personal) return `***(${codePoints(shown)} characters)`
  return shown.length > shownLength ? [...shown].slice(0, shownLength).join('') : shown
}

const scalarText = (value: Scalar): string =>
  typeof value === 'number' ? numberText(value) : typeof value === 'string' ? trim(value) : String(value)

type JsonObject = {
  readonly members: Readonly<Record<string, unknown>>
  readonly repeated?: ReadonlySet<string>
}

/** The members of a JSON object, and which names stand twice; null for other JSON, undefined for what is none. */
function readObject(text: string): JsonObject | null | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null
  const members = json as Record<string, unknown>
  const names = memberNames(text)
  if (names.length === Object.keys(members).length) return { members }
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const written of names) {
    const name = JSON.parse(written) as string
    if (seen.has(name)) repeated.add(name)
    seen.add(name)
  }
  return { members, repeated }
}

/** The names of a valid JSON object's own members, as written, each time they are. JSON.parse would keep the last. */
function memberNames(text: string): string[] {
  const names: string[] = []
  let depth = 0
  let isName = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]
    if (character === '"') {
      const end = stringEnd(text, at)
      if (isName && depth === 1) names.push(text.slice(at, end + 1))
      isName = false
      at = end
    } else if (character === '{' || character === '[') {
      depth += 1
      isName = depth === 1
    } else if (character === '}' || character === ']') depth -= 1
    else if (character === ',' && depth === 1) isName = true
  }
  return names
}

/** Where the string that starts at `start` ends: the next quote that no odd run of backslashes escapes. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text[end - 1 - backslashes] === '\\') backslashes += 1
    if (backslashes % 2 === 0) return end
  }
}
