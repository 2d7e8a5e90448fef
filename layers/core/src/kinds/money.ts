import { type FieldOptions, field, type Kind, type Personal, type SqlField } from './kind.ts'
import {
  type Decimal,
  type DecimalColumn,
  decimalOf,
  decimalSql,
  fitDecimal,
  quickDecimalSql,
  type ReadSql,
  readDecimal,
} from './numbers.ts'
import { listSql, literal, wholeMatchSql, wholePattern } from './strings.ts'

type MoneyRule = { readonly positive?: boolean }

/**
 * An amount of money, as text with four decimals: `'1234.5000'`. Its currency stands in a field beside it; a currency
 * sign in the text is dropped. Nothing is rounded.
 *
 * A comma before exactly three digits groups thousands (`1,234`), anywhere else it is a decimal comma (`12,5`); with
 * both signs in one number the last one is the decimal sign. docs/kinds.md lists the spellings.
 */
export const money = <Optional extends boolean = false, Shown extends Personal = false>(
  description: string,
  options?: MoneyRule & FieldOptions<string, Optional, Shown>,
) => field(moneyKind(options?.positive ?? false), description, options)

function moneyKind(positive: boolean): Kind<string> {
  const column: DecimalColumn = { precision: 18, scale: 4, positive }
  return {
    name: 'money',
    wrongType: 'not-a-number',
    duckdbType: 'DECIMAL(18, 4)',
    postgresType: 'numeric(18, 4)',
    parse: (value) => {
      const decimal = decimalOf(value, readAmount)
      return decimal.ok ? fitDecimal(decimal.value, column) : decimal
    },
    sql: (field) => decimalSql(field, column, readAmountSql),
    quick: (text) => {
      const plain = `translate(${text}, '$€£¥₹, ', '')`
      return quickDecimalSql(text, column, {
        spelling: `-?(?:(?:${currencySign} ?)?${quickAmount}|${quickAmount} ?${currencySign})`,
        plain,
      })
    },
  }
}

// Around the digits: parentheses or a sign for below zero, a currency sign in front or behind.
const space = String.raw`[ \x{a0}\x{202f}]?`
const sign = String.raw`[+\x{2212}-]?`
const currencySign = '[$€£¥₹]'
const quickAmount = String.raw`(?:\d{1,11}|[1-9]\d{0,2}(?:,\d{3}){1,3})(?:[.]\d{1,4})?`
const digits = String.raw`[0-9.,'\x{2019} \x{a0}\x{202f}\x{2009}]*[0-9]`
const amount = `(\\(?)(${sign})((?:${currencySign}${space})?)(${sign})(${digits})((?:${space}${currencySign})?)(\\)?)`

// How digits are written, tried in this order; what to drop, and the decimal sign that is left.
const group = (mark: string): string => `[1-9]\\d{0,2}(?:${mark}\\d{3})`
const notations: readonly { readonly spelling: string; readonly drop: string; readonly comma: boolean }[] = [
  { spelling: String.raw`\d+|\d*[.]\d+`, drop: '', comma: false },
  { spelling: `${group(',')}+(?:[.]\\d+)?`, drop: ',', comma: false },
  { spelling: `${group('[.]')}+,\\d+|${group('[.]')}{2,}`, drop: '.', comma: true },
  { spelling: String.raw`\d+,\d+`, drop: '', comma: true },
  {
    spelling: `${group(String.raw`[ \x{a0}\x{202f}\x{2009}]`)}+(?:[.,]\\d+)?`,
    drop: ' \u00a0\u202f\u2009',
    comma: true,
  },
  { spelling: `${group(String.raw`['\x{2019}]`)}+(?:[.,]\\d+)?`, drop: "'\u2019", comma: true },
]

const javaScript = (pattern: string): RegExp => wholePattern(pattern.replace(/\\x\{(\w+)\}/g, '\\u{$1}'))
const amountPattern = javaScript(amount)
const notationPatterns = notations.map(({ spelling }) => javaScript(spelling))

function readAmount(text: string): Decimal | undefined {
  const [, open, sign1, currency1, sign2, body, currency2, close] = amountPattern.exec(text) ?? []
  if (body === undefined || (open === '(') !== (close === ')')) return undefined
  if ((open && (sign1 || sign2)) || (sign1 && sign2) || (currency1 && currency2)) return undefined
  const notation = notations[notationPatterns.findIndex((pattern) => pattern.test(body))]
  if (!notation) return undefined
  const kept = [...body].filter((character) => !notation.drop.includes(character)).join('')
  const belowZero = open || /[-\u2212]/.test(`${sign1}${sign2}`)
  return readDecimal(`${belowZero ? '-' : ''}${notation.comma ? kept.replace(',', '.') : kept}`)
}

/** `readAmount` in SQL, up to the plain decimal text. */
function readAmountSql({ text, step }: SqlField, isOther: string): ReadSql {
  const names = ['open', 'sign1', 'currency1', 'sign2', 'body', 'currency2', 'close']
  const [open, sign1, currency1, sign2, body, currency2, close] = names.map(
    (name) => `${step('amount')}.${name}`,
  )
  const notation = notations
    .map(({ spelling, drop, comma }) => {
      const kept = drop ? `translate(${body}, ${literal(drop)}, '')` : body
      return `WHEN ${wholeMatchSql(body!, spelling)} THEN ${comma ? `replace(${kept}, ',', '.')` : kept}`
    })
    .join(' ')
  const isWrong = `(${open} = '(') <> (${close} = ')') OR (${open} = '(' AND ${sign1} || ${sign2} <> '') OR (${sign1} <> '' AND ${sign2} <> '') OR (${currency1} <> '' AND ${currency2} <> '')`
  const isBelowZero = `${open} = '(' OR ${sign1} || ${sign2} IN ('-', ${literal('\u2212')})`
  return {
    steps: [
      [
        'amount',
        `CASE WHEN ${isOther} THEN regexp_extract(${text}, ${literal(`^(?:${amount})$`)}, ${listSql(names)}) END`,
      ],
      ['digits', `CASE WHEN ${isOther} THEN CASE ${notation} END END`],
    ],
    plain: `CASE WHEN ${isWrong} THEN NULL WHEN ${isBelowZero} THEN '-' || ${step('digits')} ELSE ${step('digits')} END`,
  }
}
