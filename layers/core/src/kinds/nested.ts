/** What lists and objects share: the values in them are judged like fields. */
import { textSql } from './concealed.ts'
import { definitionError, type Field, type Kind, type KindSql, type SqlField } from './kind.ts'
import { trimSql } from './strings.ts'

const [quote, brace, bracket, isTrue, isFalse] = [...'"{[tf'].map((character) => character.charCodeAt(0))

/** The text that a field is asked about, out of its JSON; NULL where there is none. */
export const jsonTextSql = (json: string): string =>
  `NULLIF(CASE WHEN ascii(${json}) <> ${quote} THEN ${json} ELSE ${trimSql(`json_extract_string(${json}, '$')`)} END, '')`

/** The SQL of a field whose columns these are, its reason as `parseField` gives it. */
export function innerSql(
  { kind, optional }: Field,
  at: Pick<SqlField, 'json' | 'text' | 'step' | 'depth'>,
): KindSql {
  const first = `ascii(${at.json})`
  const isString = `(${first} = ${quote})`
  const sql = kind.sql({ ...at, isString, isBoolean: `(${first} IN (${isTrue}, ${isFalse}))` })
  return {
    ...sql,
    reason: `CASE ${presenceReasons(kind, optional, { first, text: at.text }).join(' ')} ELSE ${sql.reason} END`,
  }
}

/** The first reasons of any field, as `WHEN … THEN …`. */
export const presenceReasons = (
  { parseNested, wrongType }: Kind,
  isFree: boolean,
  { first, text, isNul = `contains(${text}, chr(0))` }: { first: string; text: string; isNul?: string },
): readonly string[] => [
  `WHEN ${text} IS NULL THEN ${isFree ? 'NULL' : "'missing'"}`,
  ...(parseNested ? [] : [`WHEN ${first} IN (${brace}, ${bracket}) THEN '${wrongType}'`]),
  `WHEN ${isNul} THEN 'contains-nul'`,
]

/** A value of a kind as JSON text: exact numbers as strings, as in TypeScript. NULL for NULL. */
export function jsonValueSql(kind: Kind, value: string): string {
  if (kind.parseNested) return value
  if (kind.duckdbType === 'BIGINT' || kind.duckdbType === 'BOOLEAN') return `CAST(${value} AS VARCHAR)`
  return `CAST(to_json(${textSql(kind, value)}) AS VARCHAR)`
}

/** Throws where a field has options that only fields of a dataset have. */
export function requirePlain(where: string, { kind, policy, personal, default: given }: Field): void {
  const isPlain = policy === 'quarantine' && typeof personal === 'boolean' && given === undefined
  if (!isPlain || kind.beside !== undefined || kind.name === 'json')
    throw definitionError(
      where,
      'inner fields of other kinds than json, without default, policy, mask, hash and currency field',
      kind.name,
    )
}
