/** White space and letter case, by fixed sets of characters; quoting in SQL. */
import type { Spellings } from './kind.ts'

/** Without the white space at both ends. https://tc39.es/ecma262/#sec-trimstring says which. */
export const trim = (text: string): string => text.trim()

/** A to Z as a to z; every other character as it is. */
export const lowerAscii = (text: string): string =>
  text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

export const upperAscii = (text: string): string =>
  text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())

/** Length in code points, as DuckDB and PostgreSQL count. */
export function codePoints(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}

/** A string literal in SQL. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** An identifier in SQL, in both DuckDB and PostgreSQL. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A regular expression over a whole string, in the syntax that JavaScript and RE2 share. */
export const wholePattern = (source: string): RegExp => new RegExp(`^(?:${source})$`, 'u')
export const wholeMatchSql = (text: string, source: string): string =>
  `regexp_full_match(${text}, ${literal(source)})`

/** A list of strings in SQL. */
export const listSql = (texts: readonly string[]): string => `[${texts.map(literal).join(', ')}]`

/**
 * The value of a spelling, or NULL. A cast to an enumeration is a hash lookup, 45 ns; a join with a table took ten times
 * as long. `spellingsStatements` make what it needs, once in an engine.
 */
export const lookupSql = ({ name }: Spellings, key: string): string =>
  `getvariable(${literal(name)})[enum_code(TRY_CAST(${key} AS ${identifier(name)})) + 1]`

export const spellingsStatements = ({ name, entries }: Spellings): readonly string[] => [
  `CREATE TYPE ${identifier(name)} AS ENUM (${[...entries.keys()].map(literal).join(', ')})`,
  `SET VARIABLE ${identifier(name)} = ${listSql([...entries.values()])}`,
]

/** The place, from 1, of a text among a few; NULL or 0 when it is none of them. */
export const placeSql = (texts: readonly string[], text: string): string =>
  `list_position(${listSql(texts)}, ${text})`
