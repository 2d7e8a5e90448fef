import { data } from 'currency-codes'
import { accept, between, fieldOf, type Kind, reject } from './kind.ts'
import { upperAscii } from './strings.ts'

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

/** May that sign, or code, stand beside an amount of the currency? A sign of several fits those that have none of their own. */
export const fitsCurrency = (mark: string, code: string): boolean => signsOf(code).includes(mark)

const signsOf = (code: string): readonly string[] => {
  const own = Object.entries(signs).flatMap(([sign, of]) => (of === code ? [sign] : []))
  const shared = code === 'JPY' || code === 'CNY' ? ['¥'] : ['$']
  return [code, ...(own.length > 0 ? own : shared)]
}

const spellings = new Map([
  ...[...units.keys()].map((code) => [code, code] as const),
  ...Object.entries(signs),
])

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
    const found = spellings.get(upperAscii(value))
    if (found !== undefined) return accept(found)
    return reject(ambiguousSigns.includes(value) ? 'ambiguous-currency' : 'unknown-currency')
  },
}

/** An ISO 4217 code in capitals, of a currency in use; also the sign of a single currency. */
export const currency = fieldOf(currencyKind)
