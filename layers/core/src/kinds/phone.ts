import { accept, between, fieldOf, type Kind, reject } from './kind.ts'
import { wholePattern } from './strings.ts'

// The trunk zero of "+49 (0) 30", then what people put between digits: spaces, hyphens and dashes, dots, slashes, parentheses.
const separators = String.raw`\(0\)|[ ()./\x{a0}\x{2011}\x{2013}\x{202f}-]`
const separatorsPattern = new RegExp(separators.replace(/\\x\{(\w+)\}/g, '\\u{$1}'), 'gu')
const canonical = String.raw`\+[1-9]\d{7,14}`
const international = String.raw`(?:\+|00)[1-9]\d{7,14}`
const national = String.raw`0?[1-9]\d{2,14}`
const canonicalPattern = wholePattern(canonical)
const internationalPattern = wholePattern(international)
const nationalPattern = wholePattern(national)

const phoneKind: Kind<string> = {
  name: 'phone',
  schema: { type: 'string', pattern: `^${canonical}$` },
  example: (random) => `+1${between(random, 2_000_000_000, 9_999_999_999)}`,
  wrongType: 'not-a-phone',
  duckdbType: 'VARCHAR',
  postgresType: 'text',
  parse: (value) => {
    if (typeof value !== 'string') return reject('not-a-phone')
    if (canonicalPattern.test(value)) return accept(value)
    const dialled = value.replace(separatorsPattern, '')
    if (internationalPattern.test(dialled))
      return accept(dialled.startsWith('+') ? dialled : `+${dialled.slice(2)}`)
    return reject(nationalPattern.test(dialled) ? 'no-country-code' : 'not-a-phone')
  },
}

/**
 * A phone number with its country code, as `+` and 8 to 15 digits. Written with `+` or `00`, and with the usual
 * separators. A national number is refused as `no-country-code`: which country it belongs to would be a guess.
 * https://www.itu.int/rec/T-REC-E.164
 */
export const phone = fieldOf(phoneKind)
