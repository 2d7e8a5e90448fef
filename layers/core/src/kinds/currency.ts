import { accept, fieldOf, type Kind, reject, type Spellings } from './kind.ts'
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

// As ICU 78 lists them, copied: a runtime with another ICU would refine the same bronze to other silver.
const codes = `
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
CDF CHF CLP CNY COP CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF
GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK
LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR
PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC
SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XDR XOF XPF
XSU YER ZAR ZMW ZWG ZWL
`
  .trim()
  .split(/\s+/)

const spellings: Spellings = {
  name: 'currencies',
  entries: new Map([...codes.map((code) => [code, code] as const), ...Object.entries(signs)]),
}

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
