/** Personal values that silver and gold are to hold as a mask or as a keyed hash. */
import { createHmac } from 'node:crypto'
import { ConfigurationError } from '../errors.ts'
import type { Context, Kind } from './kind.ts'
import { codePoints } from './strings.ts'

/** A kind that accepts what `kind` accepts, and gives text in place of the value. Equal values have equal hashes. */
export function concealed<Value>(kind: Kind<Value>, how: 'mask' | 'hash'): Kind<string> {
  const conceal = how === 'mask' ? mask : hash
  const { name, wrongType, beside, schema, example } = kind
  return {
    name,
    wrongType,
    schema,
    example,
    ...(beside !== undefined && { beside }),
    duckdbType: 'VARCHAR',
    postgresType: 'text',
    parse: (value, context) => {
      const parsed = kind.parse(value, context)
      return parsed.ok ? { ok: true, value: conceal(String(parsed.value), context) } : parsed
    },
  }
}

const shownLength = 4
const minMaskedLength = 12 // shorter ones would be told by their end

/** The last four characters of 12 or more, as on a card; of less nothing. */
const mask = (text: string): string =>
  `***${codePoints(text) < minMaskedLength ? '' : [...text].slice(-shownLength).join('')}`

/** HMAC-SHA-256 of the canonical text, in hexadecimal. */
function hash(text: string, { personalDataKey }: Context): string {
  return createHmac('sha256', requireKey(personalDataKey)).update(text).digest('hex')
}

const blockBytes = 64

function requireKey(key: string | undefined): string {
  const bytes = Buffer.byteLength(key ?? '')
  if (key === undefined || bytes < 16 || bytes > blockBytes)
    throw new ConfigurationError([`PERSONAL_DATA_KEY is not a secret of 16 to ${blockBytes} bytes`])
  return key
}
