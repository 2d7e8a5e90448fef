import { data } from 'currency-codes'
import { accept, between, fieldOf, type Kind, reject, type Spellings } from './kind.ts'
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

// ISO 4217 as the package lists it, without what is nobody's money (test codes, metals, "no currency"), and one that came
// into force on 2025-03-31, after its edition: https://www.six-group.com/en/products-services/financial-information/market-reference-data/data-standards.html
const units = new Map([
  ...data
    .filter(({ countries }) => !countries.some((country) => /^zz/i.test(country)))
    .map(({ code, digits }) => [code, digits] as const),
  ['XCG', 2] as const,
])

/** How many decimals the amounts of a currency have; undefined for a code of none. */
export const minorUnits = (code: string): number | undefined => units.get(code)

/** `minorUnits` in SQL; NULL for NULL. */
export function minorUnitsSql(code: string): string {
  const cases = [...new Set(units.values())]
    .filter((digits) => digits !== 2)
    .map((digits) => {
      const codes = [...units].flatMap(([each, of]) => (of === digits ? [literal(each)] : []))
      return `WHEN ${code} IN (${codes.join(', ')}) THEN ${digits}`
    })
  return `CASE ${cases.join(' ')} WHEN ${code} IS NOT NULL THEN 2 END`
}

/** May that sign, or code, stand beside an amount of the currency? A sign of several fits those that have none of their own. */
export const fitsCurrency = (mark: string, code: string): boolean => signsOf(code).includes(mark)

const signsOf = (code: string): readonly string[] => {
  const own = Object.entries(signs).flatMap(([sign, of]) => (of === code ? [sign] : []))
  const shared = code === 'JPY' || code === 'CNY' ? ['¥'] : ['$']
  return [code, ...(own.length > 0 ? own : shared)]
}

/** `fitsCurrency` in SQL. */
export const fitsCurrencySql = (mark: string, code: string): string =>
  `(${mark} = ${code} OR CASE ${Object.entries(signs)
    .map(([sign, of]) => `WHEN ${code} = ${literal(of)} THEN ${mark} = ${literal(sign)}`)
    .join(' ')} WHEN ${code} IN ('JPY', 'CNY') THEN ${mark} = '¥' ELSE ${mark} = '$' END)`

const spellings: Spellings = {
  name: 'currencies',
  entries: new Map([...[...units.keys()].map((code) => [code, code] as const), ...Object.entries(signs)]),
}

const currencyKind: Kind<string> = {
  name: 'currency',
  schema: { type: 'string', pattern: '^[A-Z]{3}$' },
  example: (random) => [...units.keys()][between(random, 0, units.size - 1)],
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
    spellings: [spellings],
    steps: [['found', lookupSql(spellings, `CASE WHEN ${isString} THEN ${upperAsciiSql(text)} END`)]],
    reason: `CASE WHEN ${step('found')} IS NOT NULL THEN NULL WHEN ${isString} AND ${text} IN (${ambiguousSigns.map(literal).join(', ')}) THEN 'ambiguous-currency' ELSE 'unknown-currency' END`,
    value: step('found'),
  }),
  quick: (text) => ({
    spellings,
    value: lookupSql(
      spellings,
      `CASE WHEN strlen(${text}) = length(${text}) THEN upper(${text}) ELSE ${text} END`,
    ),
  }),
}

/** An ISO 4217 code in capitals, of a currency in use; also the sign of a single currency. */
export const currency = fieldOf(currencyKind)
