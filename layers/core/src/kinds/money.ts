import { fitsCurrency, minorUnits } from './currency.ts'
import {
  between,
  definitionError,
  type FieldOptions,
  field,
  type Kind,
  type Personal,
  type ReasonCode,
  reject,
} from './kind.ts'
import {
  type Decimal,
  type DecimalColumn,
  decimalOf,
  decimalUnits,
  fitDecimal,
  readDecimal,
} from './numbers.ts'
import { wholePattern } from './strings.ts'

type MoneyRule = {
  readonly min?: string // inclusive, as `-1234.5`
  readonly max?: string
  readonly positive?: boolean
  /** What stands before the decimals. Without it `1,234` and `1.234` are refused: either may be thousands. */
  readonly decimalSign?: DecimalSign
  /**
   * The field beside it that holds the currency, or an ISO 4217 code. Then an amount has no more decimals than its
   * currency, and a sign or a code in its text has to be of that currency.
   */
  readonly currency?: string
}
type DecimalSign = '.' | ','

/**
 * An amount of money, as text with four decimals: `'1234.5000'`. Its currency stands in a field beside it; a currency
 * sign in the text is dropped. Nothing is rounded. docs/kinds.md lists the spellings.
 */
export const money = <Optional extends boolean = false, Shown extends Personal = false>(
  description: string,
  options?: MoneyRule & FieldOptions<string, Optional, Shown>,
) => field(moneyKind(options ?? {}), description, options)

function moneyKind({ positive = false, min, max, decimalSign, currency }: MoneyRule): Kind<string> {
  const column: DecimalColumn = {
    precision: 18,
    scale: 4,
    positive,
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
  }
  for (const bound of [min, max]) if (bound !== undefined) decimalUnits(bound, column.scale)
  const fixed = currency !== undefined && /^[A-Z]/.test(currency) ? currency : undefined
  const beside = fixed === undefined ? currency : undefined
  if (fixed !== undefined && minorUnits(fixed) === undefined)
    throw definitionError('money', 'the ISO 4217 code of a currency, or the name of a field', fixed)
  const style = styleOf(decimalSign, currency !== undefined)
  return {
    name: 'money',
    schema: { type: 'string', pattern: style.schema },
    example: (random) => {
      const [low, high] = [
        Math.ceil(Number(min ?? (positive ? 1 : -9_999))),
        Math.floor(Number(max ?? 9_999)),
      ]
      return String(between(random, Math.min(low, max === undefined ? low : high), Math.max(high, low)))
    },
    wrongType: 'not-a-number',
    duckdbType: 'DECIMAL(18, 4)',
    postgresType: 'numeric(18, 4)',
    ...(beside !== undefined && { beside }),
    ...(fixed !== undefined && { currency: fixed }),
    parse: (value, context) => {
      let mark = ''
      const decimal = decimalOf(value, (text) => {
        const amount = readAmount(text, style)
        if (typeof amount !== 'object') return amount
        mark = amount.mark
        return amount.decimal
      })
      if (!decimal.ok) return decimal
      const code = fixed ?? (typeof context.beside === 'string' ? context.beside : undefined)
      if (code !== undefined && mark !== '' && !fitsCurrency(mark, code)) return reject('other-currency')
      if (code !== undefined && decimal.value.fraction.length > minorUnits(code)!)
        return reject('too-precise')
      return fitDecimal(decimal.value, column)
    },
  }
}

// Around the digits: parentheses or a sign for below zero, a currency sign in front or behind, or its code.
const space = String.raw`[ \u00a0\u202f]?`
const sign = String.raw`[+\u2212-]?`
const currencySign = '[$€£¥₹]'
const digits = String.raw`[0-9.,'\u2019 \u00a0\u202f\u2009]*[0-9]`
const amountOf = (mark: string): RegExp =>
  wholePattern(
    `(\\(?)(${sign})((?:(?:${mark})${space})?)(${sign})(${digits})((?:${space}(?:${mark}))?)(\\)?)`,
  )
const amount = amountOf(currencySign)
const amountOrCode = amountOf(`${currencySign}|[A-Z]{3}`)

// How digits are written, and what is dropped of them. The decimal sign that is left may be a comma.
type Notation = { readonly pattern: RegExp; readonly drop?: RegExp }
const grouped = (mark: string, decimalSign: string): Notation => ({
  pattern: wholePattern(`[1-9]\\d{0,2}(?:${mark}\\d{3})+(?:${decimalSign}\\d+)?`),
  drop: new RegExp(mark, 'gu'),
})
const anyhow = (decimalSign: string): readonly Notation[] => [
  grouped(String.raw`[ \u00a0\u202f\u2009]`, decimalSign),
  grouped(String.raw`['\u2019]`, decimalSign),
]
const byPoint: readonly Notation[] = [
  { pattern: wholePattern(String.raw`\d+|\d*[.]\d+`) },
  grouped(',', '[.]'),
]
const byComma: readonly Notation[] = [{ pattern: wholePattern(String.raw`\d+|\d+,\d+`) }, grouped('[.]', ',')]

/** How the amounts of a field are written. */
type Style = {
  readonly amount: RegExp
  readonly plain: RegExp // what is a decimal as it stands
  readonly ambiguous?: RegExp
  readonly notations: readonly Notation[] // tried in this order
  readonly schema: string
}

function styleOf(decimalSign: DecimalSign | undefined, hasCurrency: boolean): Style {
  const either = hasCurrency ? amountOrCode : amount
  if (decimalSign === ',')
    return {
      amount: either,
      plain: /^-?\d+$/,
      notations: [...byComma, ...anyhow(',')],
      schema: String.raw`^-?\d{1,14}(?:,\d{1,4})?$`,
    }
  const schema = String.raw`^-?\d{1,14}(?:[.](?:\d{1,2}|\d{4}))?$`
  if (decimalSign === '.')
    return {
      amount: either,
      plain: /^-?\d+(?:\.\d+)?$/,
      notations: [...byPoint, ...anyhow('[.]')],
      schema,
    }
  return {
    amount: either,
    plain: /^-?\d+(?:\.(?:\d\d?|\d{4,}))?$/,
    ambiguous: /^[1-9]\d{0,2}[.,]\d{3}$/,
    notations: [...byPoint, ...byComma, ...anyhow('[.,]')],
    schema,
  }
}

function readAmount(
  text: string,
  { amount, plain, ambiguous, notations }: Style,
): { readonly decimal: Decimal; readonly mark: string } | ReasonCode {
  if (plain.test(text)) return { decimal: readDecimal(text)!, mark: '' }
  const [, open, sign1, currency1, sign2, body, currency2, close] = amount.exec(text) ?? []
  if (body === undefined || (open === '(') !== (close === ')')) return 'not-a-number'
  if ((open && (sign1 || sign2)) || (sign1 && sign2) || (currency1 && currency2)) return 'not-a-number'
  if (ambiguous?.test(body)) return 'ambiguous-amount'
  const notation = notations.find(({ pattern }) => pattern.test(body))
  if (!notation) return 'not-a-number'
  const kept = notation.drop ? body.replace(notation.drop, '') : body
  const belowZero = open || /[-\u2212]/.test(`${sign1}${sign2}`)
  const decimal = readDecimal(`${belowZero ? '-' : ''}${kept.replace(',', '.')}`)
  return decimal ? { decimal, mark: `${currency1}${currency2}`.trim() } : 'not-a-number'
}
