import { type BronzeRecord, type NoRecord, noRecords, type ReadValue, type ValueFormat } from './bronze.ts'
import { type Dataset, type RowOf, storedFields, unknownColumn, writtenFields } from './dataset.ts'
import { stringEnd } from './kinds/json.ts'
import {
  type Context,
  type Field,
  type Parsed,
  parseField,
  type ReasonCode,
  reject,
  type Scalar,
} from './kinds/kind.ts'
import { numberText } from './kinds/numbers.ts'
import { codePoints, trim } from './kinds/strings.ts'

export { parseField } from './kinds/kind.ts'

/** One rule that a record violates. */
export type Reason = {
  readonly field: string | null // null: the record as a whole; with the place in a nested value: `tags[2]`
  readonly reason: ReasonCode
  /** What stood there, 200 code points at most, `{…}` or `[…]` for what is nested; personal fields are masked. */
  readonly value: string | null
}

export type ParsedRecord<Row> =
  | {
      readonly ok: true
      readonly row: Row
      readonly warnings?: readonly Reason[] // what fields with the policy `warn` did not take, and are null for
    }
  | { readonly ok: false; readonly reasons: readonly Reason[] }

const shownLength = 200

/**
 * Is this a record of the dataset? The row, or every violated rule in the order of the fields. Total: never throws, but
 * for a hashed field without a key.
 */
export function parseRecord<D extends Dataset>(
  dataset: D,
  value: ReadValue,
  secrets?: Secrets,
): ParsedRecord<RowOf<D>> {
  const { values, reasons, isGood } = judgeRecord(dataset, value, secrets)
  if (!isGood) return { ok: false, reasons }
  const row: Record<string, unknown> = {}
  let index = 0
  for (const { name } of planOf(dataset).fields) row[name] = values[index++]
  return { ok: true, row: row as RowOf<D>, ...(reasons.length > 0 && { warnings: reasons }) }
}

export type Secrets = Pick<Context, 'personalDataKey'>

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * What stands for a tombstone of a dataset that keeps them: its key, and in the ordering field when it was sent, as it has
 * no time of its own; all else is null. Its Kafka key is the text of the only key field, that as a JSON string, or a
 * JSON object of the key fields. Total: never throws.
 */
export function judgeTombstone(
  dataset: Dataset,
  { key, timestampMs }: Pick<BronzeRecord, 'key' | 'timestampMs'>,
  secrets?: Secrets,
): Judged {
  const { fields, orderBy } = dataset
  const text = key && keyText(dataset, key)
  const sent = fields[orderBy]!.kind.parse(sentAt(dataset, timestampMs), {})
  if (!text || !sent.ok) return noRecord('tombstone')
  const parsed = parseRecord(keyDatasetOf(dataset), { format: 'json', text }, secrets)
  if (!parsed.ok) return { values: [], reasons: parsed.reasons, isGood: false }
  const row: Readonly<Record<string, unknown>> = { ...parsed.row, [orderBy]: sent.value }
  return {
    values: Object.keys(storedFields(dataset)).map((name) => row[name] ?? null),
    reasons: [],
    isGood: true,
  }
}

/** What follows from a dataset alone, worked out once for each. */
function onceForEach<T>(make: (dataset: Dataset) => T): (dataset: Dataset) => T {
  const made = new WeakMap<Dataset, T>()
  return (dataset) => {
    if (!made.has(dataset)) made.set(dataset, make(dataset))
    return made.get(dataset)!
  }
}

/** A dataset of nothing but the key's fields. */
const keyDatasetOf = onceForEach(
  (dataset): Dataset => ({
    ...dataset,
    fields: Object.fromEntries(dataset.key.map((name) => [name, dataset.fields[name]!])),
    unknownFields: 'ignore',
  }),
)

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

export type Judged = {
  readonly values: readonly unknown[] // of `storedFields`, null for what is not good; empty for no record
  readonly reasons: readonly Reason[]
  readonly isGood: boolean // reasons are warnings
}

/** What becomes of each field, whatever becomes of the record: `parseRecord` for those who do not need a row. */
export function judgeRecord(dataset: Dataset, value: ReadValue, secrets: Secrets = {}): Judged {
  if (value.format === 'tombstone' || isNoRecord(value.format)) return noRecord(value.format)
  const { fields, written, isNested } = planOf(dataset)
  const record = readObject(value, isNested)
  if (record === undefined) return noRecord('unreadable')
  if (record === null) return noRecord('not-an-object')
  const { members, names, texts, repeated } = record
  const unknown = dataset.unknownFields === 'ignore' ? [] : names.filter((name) => !written.has(name))
  const jsonOf = (name: string): unknown => {
    if (name === unknownColumn) return pick(members, unknown)
    return Object.hasOwn(members, name) ? members[name] : undefined
  }
  const values: unknown[] = []
  const reasons: Reason[] = []
  let isGood = true
  for (const planned of fields) {
    const { name, field } = planned
    const parsed = parse(planned)
    values.push(parsed.ok ? parsed.value : null)
    if (parsed.ok) continue
    isGood &&= field.policy === 'warn'
    const { reason, at = '' } = parsed
    const isShown = reason !== 'missing' && reason !== 'duplicate-field'
    reasons.push({
      field: name + at,
      reason,
      value: isShown ? showValue(jsonOf(name), field.personal !== false) : null,
    })
  }
  if (dataset.unknownFields === 'reject' && unknown.length > 0) {
    isGood = false
    reasons.push({ field: null, reason: 'unknown-field', value: cut(unknown.sort(byBytes).join(', ')) })
  }
  return { values, reasons, isGood }

  function parse({ name, field, path, beside, isPlain }: PlannedField): Parsed<unknown> {
    if (repeated.size > 0 && isTwice(name, path)) return reject('duplicate-field')
    if (isPlain) return parseField(field, jsonOf(name), secrets)
    const other = beside && parse(beside)
    const text =
      name === unknownColumn
        ? `{${unknown.map((each) => `${JSON.stringify(each)}:${texts.get(each)}`).join()}}`
        : texts.get(name)
    const { personalDataKey } = secrets
    const value = other?.ok ? other.value : undefined
    return parseField(field, jsonOf(name), { personalDataKey, repeated, path, text, beside: value })
  }
  function isTwice(name: string, path: string): boolean {
    return name === unknownColumn ? unknown.some((each) => repeated.has(pointer(each))) : repeated.has(path)
  }
}

type PlannedField = {
  readonly name: string
  readonly field: Field
  readonly path: string
  readonly beside: PlannedField | undefined
  readonly isPlain: boolean // asks for nothing but its own value
}
type Plan = {
  readonly fields: readonly PlannedField[]
  readonly written: ReadonlySet<string> // names that a record may have
  readonly isNested: boolean
}

/** What is known of a dataset's records before one is seen. */
const planOf = onceForEach((dataset): Plan => {
  const stored = storedFields(dataset)
  const planned = (name: string): PlannedField => {
    const field = stored[name]!
    const { beside, derive, parseNested } = field.kind
    return {
      name,
      field,
      path: pointer(name),
      beside: beside === undefined ? undefined : planned(beside),
      isPlain: beside === undefined && !derive && !parseNested,
    }
  }
  return {
    fields: Object.keys(stored).map(planned),
    written: new Set(Object.keys(writtenFields(dataset))),
    isNested: Object.values(stored).some(({ kind }) => kind.parseNested),
  }
})

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

const isNoRecord = (format: ValueFormat): format is NoRecord =>
  (noRecords as readonly string[]).includes(format)

const pick = (members: JsonObject['members'], names: readonly string[]): unknown =>
  names.length > 0 ? Object.fromEntries(names.map((name) => [name, members[name]])) : undefined

const noRecord = (reason: ReasonCode): Judged => ({
  values: [],
  reasons: [{ field: null, reason, value: null }],
  isGood: false,
})

function showValue(json: unknown, personal: boolean): string {
  const shown = Array.isArray(json) ? '[…]' : typeof json === 'object' ? '{…}' : scalarText(json as Scalar)
  return personal ? `***(${codePoints(shown)} characters)` : cut(shown)
}

const cut = (text: string): string =>
  text.length > shownLength ? [...text].slice(0, shownLength).join('') : text

const scalarText = (value: Scalar): string =>
  typeof value === 'number' ? numberText(value) : typeof value === 'string' ? trim(value) : String(value)

type JsonObject = {
  readonly members: Readonly<Record<string, unknown>>
  readonly names: readonly string[] // each once
  readonly texts: ReadonlyMap<string, string> // of each member, the JSON as it is written; where there are nested fields
  readonly repeated: ReadonlySet<string> // JSON pointers to members that stand twice
}

/** A JSON object; null for other JSON, undefined for what is none. */
function readObject({ text, json }: ReadValue, isNested: boolean): JsonObject | null | undefined {
  if (text === undefined) return undefined
  let value = json
  try {
    value ??= JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const members = value as Record<string, unknown>
  if (!isNested && standsOnce(text, members))
    return { members, names: Object.keys(members), texts: noTexts, repeated: noneTwice }
  return { members, ...memberNames(text, isNested ? Number.POSITIVE_INFINITY : 1) }
}

const noTexts: ReadonlyMap<string, string> = new Map()
const noneTwice: ReadonlySet<string> = new Set()

/**
 * Does each member stand once in this text of an object? By counting quotes: without escapes, a name has two and a string
 * has two, so a member more would show. False where that does not tell.
 */
function standsOnce(text: string, members: Readonly<Record<string, unknown>>): boolean {
  if (text.includes('\\')) return false
  let quotes = 0
  for (const name in members) {
    const value = members[name]
    if (typeof value === 'object' && value !== null) return false
    quotes += typeof value === 'string' ? 4 : 2
  }
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) quotes -= 1
  return quotes === 0
}

/** A member's name as JSON pointers have it. https://www.rfc-editor.org/rfc/rfc6901#section-3 */
const pointer = (name: string): string => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`

/**
 * The names of a valid JSON object's own members, and the paths of those that stand twice, down to that depth.
 * JSON.parse keeps the last of them.
 */
function memberNames(text: string, depthLimit: number): Omit<JsonObject, 'members'> {
  type Level = { readonly path: string; readonly seen?: Set<string>; name: string; index: number } // an array has no `seen`
  const repeated = new Set<string>()
  const open: Level[] = []
  let top: Level | undefined
  const texts = new Map<string, string>()
  let from = 0
  let isName = false
  const pathOf = ({ path, seen, name, index }: Level): string => path + (seen ? pointer(name) : `/${index}`)
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]
    const level = open.at(-1)
    if (character === '"') {
      const end = stringEnd(text, at)
      if (isName && level?.seen && open.length <= depthLimit) {
        const name = text.slice(at + 1, end)
        level.name = name.includes('\\') ? JSON.parse(`"${name}"`) : name
        if (level.seen.has(level.name)) repeated.add(pathOf(level))
        level.seen.add(level.name)
      }
      isName = false
      at = end
    } else if (character === '{' || character === '[') {
      const path = level && open.length < depthLimit ? pathOf(level) : ''
      isName = character === '{'
      open.push({ path, ...(isName && { seen: new Set<string>() }), name: '', index: 0 })
      top ??= open[0]
    } else if (character === '}' || character === ']') {
      if (open.length === 1) texts.set(level!.name, text.slice(from, at))
      open.pop()
    } else if (character === ':' && open.length === 1) from = at + 1
    else if (character === ',' && level) {
      if (open.length === 1) texts.set(level.name, text.slice(from, at))
      level.index += 1
      isName = level.seen !== undefined
    }
  }
  return { names: [...(top?.seen ?? [])], texts, repeated }
}
