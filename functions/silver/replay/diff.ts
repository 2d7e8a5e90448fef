import { readValue } from '@cupel/core/bronze'
import type { Dataset } from '@cupel/core/dataset'
import { type ParsedRecord, parseRecord, type Reason } from '@cupel/core/record'
import { type Entry, parseBronzeLine } from './entry.ts'

/** One field of a diff: what is wrong with it, and what it would be. */
export type FieldChange = {
  readonly field: string | null // null: the record as a whole
  readonly reason: string | null // before; null: nothing was wrong with it
  readonly before: string | null
  readonly after: string | null // in silver; null where there is none
  readonly stillWrong: string | null // the reason, after
}
export type Diff = { readonly accepted: boolean; readonly fields: readonly FieldChange[] }

const shownLength = 200

/**
 * What an entry would be with this text for its value (default: as it was sent), by the rules that single records are judged
 * by. Personal values are shown only `raw`.
 */
export function diffOf(dataset: Dataset, entry: Entry, edited?: string, raw = false): Diff {
  const record = parseBronzeLine(entry.line)
  const now = parseRecord(dataset, edited === undefined ? record : readValue(Buffer.from(edited)))
  const [sent, changed] = [readMembers(record.text), readMembers(edited ?? record.text)]
  const reasons = [entry.reasons, now.ok ? [] : now.reasons].map(byField)
  const differs = (name: string) => JSON.stringify(sent[name]) !== JSON.stringify(changed[name])
  const names = [
    ...reasons.flatMap((each) => [...each.keys()]),
    ...Object.keys(dataset.fields).filter(differs),
  ]
  const show = (name: string | null, value: unknown): string | null => {
    if (name === null || value === undefined || value === null) return null
    if (!raw && dataset.fields[name]?.personal !== false) return '***'
    return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, shownLength)
  }
  return {
    accepted: now.ok,
    fields: [...new Set(names)].map((name) => ({
      field: name,
      reason: reasons[0]!.get(name)?.reason ?? null,
      before: (raw ? null : reasons[0]!.get(name)?.value) ?? show(name, sent[name ?? '']),
      after: now.ok ? show(name, valueIn(now, name)) : null,
      stillWrong: reasons[1]!.get(name)?.reason ?? null,
    })),
  }
}

const byField = (reasons: readonly Reason[]) => new Map(reasons.map((reason) => [reason.field, reason]))

const valueIn = (parsed: ParsedRecord<object> & { ok: true }, name: string | null): unknown =>
  (parsed.row as Record<string, unknown>)[name ?? '']

function readMembers(text: string | undefined): Record<string, unknown> {
  try {
    const json = JSON.parse(text ?? '')
    return typeof json === 'object' && json !== null ? json : {}
  } catch {
    return {} // not JSON
  }
}
