import { accept, type FieldOptions, field, type Kind, reject, type Spellings } from './kind.ts'
import { literal, lookupSql, upperAscii, upperAsciiSql } from './strings.ts'

// Signs that one currency alone uses by itself; those of several are refused.
const signs = {
  '€': 'EUR',
  '£': 'GBP',
  '₹': 'INR',
  '₽': 'RUB',
  '₺': 'TRY',
  '₴': 'UAH',
  '₫': 'VND',
  '₪': 'ILS',
}
const ambiguousSigns = ['$', '¥']

const spellings: Spellings = {
  name: 'currencies',
  entries: new Map([
    ...Intl.supportedValuesOf('currency').map((code) => [code, code] as const),
    ...Object.entries(signs),
  ]),
}

/** An ISO 4217 code in capitals, of the currencies in use that ICU knows; also the sign of a single currency. */
export const currency = <const Options extends FieldOptions>(description: string, options?: Options) =>
  field(currencyKind, description, options)

const currencyKind: Kind<string> = {
  name: 'currency',
  wrongType: 'unknown-currency',
  duckdbType: 'VARCHAR',
  postgresType: 'text',
  postgresCheck: (column) => `length(${column}) = 3`,
  parse: (value) => {
    if (typeof value !== 'string') return reject('unknown-currency')
    const found = spellings.entries.get(upperAscii(value))
    if (found !== undefined) return accept(found)
    return reject(ambiguousSigns.includes(value) ? 'ambiguous-currency' : 'unknown-currency')
  },
  sql: ({ isString, text, step }) => ({
    spellings,
    steps: [['found', lookupSql(spellings, `CASE WHEN ${isString} THEN ${upperAsciiSql(text)} END`)]],
    reason: `CASE WHEN ${step('found')} IS NOT NULL THEN NULL WHEN ${isString} AND ${text} IN (${ambiguousSigns.map(literal).join(', ')}) THEN 'ambiguous-currency' ELSE 'unknown-currency' END`,
    value: step('found'),
  }),
}
