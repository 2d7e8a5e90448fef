import { accept, between, fieldOf, type Kind, reject } from './kind.ts'
import { isDigit, wholePattern } from './strings.ts'

const pattern = wholePattern('[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}')

const uuidKind: Kind<string> = {
  name: 'uuid',
  schema: { type: 'string', format: 'uuid' },
  example: (random) => {
    const hex = Array.from({ length: 32 }, () => between(random, 0, 15).toString(16)).join('')
    return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})/, '$1-$2-4$3-8$4-')
  },
  wrongType: 'not-a-uuid',
  duckdbType: 'VARCHAR', // Spark 3 refuses a whole file with one column of Parquet's UUID, and Athena has no such type
  postgresType: 'uuid',
  isCanonical,
  parse: (value) =>
    typeof value === 'string' && pattern.test(value) ? accept(value.toLowerCase()) : reject('not-a-uuid'),
}

function isCanonical(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 36) return false
  for (let place = 0; place < 36; place += 1) {
    const byte = bytes[start + place]!
    const isHyphen = place === 8 || place === 13 || place === 18 || place === 23
    if (isHyphen ? byte !== hyphen : !isDigit(byte) && (byte < smallA || byte > smallF)) return false
  }
  return true
}

const [hyphen, smallA, smallF] = [45, 97, 102]

/** A UUID of any version, in lower case. RFC 9562: https://www.rfc-editor.org/rfc/rfc9562#section-4 */
export const uuid = fieldOf(uuidKind)
