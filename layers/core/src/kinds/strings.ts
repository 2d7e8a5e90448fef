/** White space and letter case, by fixed sets of characters; quoting in SQL. */
/** Without the white space at both ends. https://tc39.es/ecma262/#sec-trimstring says which. */
export const trim = (text: string): string => text.trim()

export const beyondAscii = /[^ -~]/

/** A to Z as a to z; every other character as it is. */
export const lowerAscii = (text: string): string =>
  beyondAscii.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text.toLowerCase()

export const upperAscii = (text: string): string =>
  beyondAscii.test(text) ? text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()) : text.toUpperCase()

/** Whether a byte of UTF-8 is one of 0 to 9. */
export const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57

/** The number that two bytes write in digits; NaN of others. */
export function twoDigits(bytes: Uint8Array, start: number): number {
  const [tens, ones] = [bytes[start]!, bytes[start + 1]!]
  return isDigit(tens) && isDigit(ones) ? 10 * tens + ones - 11 * 48 : Number.NaN
}

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

/** A regular expression over a whole string. */
export const wholePattern = (source: string): RegExp => new RegExp(`^(?:${source})$`, 'u')
