import { accept, between, fieldOf, type Kind, type ReasonCode, reject } from './kind.ts'

/** What JSON.parse gives. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

const maxDepth = 64

/**
 * The kind of JSON values of any form, 64 levels deep at most. A string is trimmed, a number has to be within the range of
 * doubles. Where a member of an object in it stands twice, the last counts for PostgreSQL and for JavaScript.
 */
export const jsonKind: Kind<Json> = {
  name: 'json',
  schema: {},
  example: (random) => ({ number: between(random, 0, 99) }),
  wrongType: 'not-an-object',
  duckdbType: 'VARCHAR',
  postgresType: 'jsonb',
  parse: (value) =>
    typeof value === 'number' && !Number.isFinite(value) ? reject('inexact-number') : accept(value),
  parseNested: (value, { text = JSON.stringify(value) }) => {
    const problem = problemOf(text)
    return problem ? reject(problem) : accept(value as Json)
  },
}

/** Any JSON value, stored as JSON. */
export const json = fieldOf(jsonKind)

/** Judges JSON as it is written: silver holds it so, and JSON.parse drops members that stand twice. */
function problemOf(text: string): ReasonCode | undefined {
  const bare = withoutStrings(text)
  let depth = 0
  for (const bracket of bare.replace(/[^[\]{}]+/g, '')) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1
    if (depth > maxDepth) return 'too-deep'
  }
  for (let at = text.indexOf('\\u0000'); at >= 0; at = text.indexOf('\\u0000', at + 1))
    if (!isEscaped(text, at)) return 'contains-nul'
  const isInRange = (number: string): boolean => Number.isFinite(Number(number))
  return (bare.match(/-?\d[0-9.eE+-]*/g) ?? []).every(isInRange) ? undefined : 'inexact-number'
}

function withoutStrings(text: string): string {
  const parts: string[] = []
  let from = 0
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', from)) {
    parts.push(text.slice(from, at))
    from = stringEnd(text, at) + 1
  }
  return [...parts, text.slice(from)].join('""')
}

/** Where the JSON string that starts at `start` ends: the next quote that is not escaped. */
export function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text[at - 1 - backslashes] === '\\') backslashes += 1
  return backslashes % 2 === 1
}
