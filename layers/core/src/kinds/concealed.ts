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
    sql: (field) => {
      const { steps, spellings, reason, value } = kind.sql(field)
      const text = textSql(kind, value)
      return {
        ...(steps && { steps }),
        ...(spellings && { spellings }),
        reason,
        value: how === 'mask' ? maskSql(text) : hashSql(text),
      }
    },
  }
}

const shownLength = 4
const minMaskedLength = 12 // shorter ones would be told by their end

/** The last four characters of 12 or more, as on a card; of less nothing. */
const mask = (text: string): string =>
  `***${codePoints(text) < minMaskedLength ? '' : [...text].slice(-shownLength).join('')}`

const maskSql = (text: string): string =>
  `'***' || CASE WHEN length(${text}) < ${minMaskedLength} THEN '' ELSE right(${text}, ${shownLength}) END`

/** HMAC-SHA-256 of the canonical text, in hexadecimal. */
function hash(text: string, { personalDataKey }: Context): string {
  return createHmac('sha256', requireKey(personalDataKey)).update(text).digest('hex')
}

/** HMAC in SQL, out of two variables: https://www.rfc-editor.org/rfc/rfc2104#section-2 */
const hashSql = (text: string): string =>
  `sha256(unhex(getvariable('personal_data_outer')) || unhex(sha256(unhex(getvariable('personal_data_inner')) || encode(${text}))))`

const blockBytes = 64

/** The variables that `hashSql` needs, in hexadecimal: the key is in them, so they are given beside the SQL text. */
export function hashVariables(personalDataKey: string | undefined): ReadonlyMap<string, string> {
  const key = Buffer.from(requireKey(personalDataKey))
  const block = Buffer.alloc(blockBytes)
  block.set(key)
  const padded = (pad: number): string => Buffer.from(block.map((byte) => byte ^ pad)).toString('hex')
  return new Map([
    ['personal_data_inner', padded(0x36)],
    ['personal_data_outer', padded(0x5c)],
  ])
}

function requireKey(key: string | undefined): string {
  const bytes = Buffer.byteLength(key ?? '')
  if (key === undefined || bytes < 16 || bytes > blockBytes)
    throw new ConfigurationError([`PERSONAL_DATA_KEY is not a secret of 16 to ${blockBytes} bytes`])
  return key
}

/** The canonical text of a value, as TypeScript has it. */
export const textSql = ({ duckdbType }: Kind, value: string): string =>
  duckdbType === 'VARCHAR'
    ? value
    : duckdbType === 'TIMESTAMP WITH TIME ZONE'
      ? `strftime(${value}, '%Y-%m-%dT%H:%M:%S.%gZ')`
      : `CAST(${value} AS VARCHAR)`
