/**
 * Exact decimal numbers. JSON numbers pass through doubles (JSON.parse), so a number is taken only when a double carries
 * all of its decimal digits: below 10^15, at most 15 significant digits, and not so small (below 0.000001) that its text
 * has an exponent. Anything larger or finer has to be sent as a string.
 */
import { accept, definitionError, type Parsed, type ReasonCode, reject, type Scalar } from './kind.ts'

export type Decimal = {
  readonly negative: boolean // never set for zero
  readonly whole: string // without leading zeros, '' for none
  readonly fraction: string // without trailing zeros, '' for none
}

/** A column of exact numbers: `precision` digits in all, `scale` of them behind the point; bounds are inclusive. */
export type DecimalColumn = {
  readonly precision: number
  readonly scale: number
  readonly min?: string
  readonly max?: string
  readonly positive?: boolean
}

/** The text of a JSON number, as reasons show it. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  return Math.abs(value) >= 1e16 ? value.toExponential() : String(value)
}

/** Does a double carry the digits of this JSON number? */
function isExact(value: number): boolean {
  if (Math.abs(value) >= 1e15) return false
  const text = String(value)
  return !text.includes('e') && text.replace(/^-?[0.]*|\./g, '').replace(/\.?0+$/, '').length <= 15
}

const plain = /^([+-]?)(\d*)(?:\.(\d+))?$/

/** A decimal out of `12`, `-0.5`, `+.5`; undefined for any other text. */
export function readDecimal(text: string): Decimal | undefined {
  const [, sign, digits = '', decimals = ''] = plain.exec(text) ?? []
  if (sign === undefined || digits + decimals === '') return undefined
  const whole = digits.replace(/^0+/, '')
  const fraction = decimals.replace(/0+$/, '')
  return { negative: sign === '-' && whole + fraction !== '', whole, fraction }
}

/** A JSON number as a decimal; a string through `read`, which may give a reason of its own. */
export function decimalOf(
  value: Scalar,
  read: (text: string) => Decimal | ReasonCode | undefined,
): Parsed<Decimal> {
  if (typeof value === 'boolean') return reject('not-a-number')
  if (typeof value === 'number' && !isExact(value)) return reject('inexact-number')
  const decimal = typeof value === 'number' ? readDecimal(String(value)) : read(value)
  if (typeof decimal === 'string') return reject(decimal)
  return decimal ? accept(decimal) : reject('not-a-number')
}

/**
 * The canonical text in a column of that shape: as many decimals as `scale` says, so equal numbers have equal text.
 * Bounds are checked last.
 */
export function fitDecimal({ negative, whole, fraction }: Decimal, column: DecimalColumn): Parsed<string> {
  const { precision, scale, min, max, positive } = column
  if (fraction.length > scale) return reject(scale > 0 ? 'too-precise' : 'not-an-integer')
  if (whole.length > precision - scale) return reject('out-of-range')
  const digits = fraction.padEnd(scale, '0')
  if (positive || min !== undefined || max !== undefined) {
    const units = (negative ? -1n : 1n) * BigInt(whole + digits)
    if (positive && units <= 0n) return reject('not-positive')
    if (min !== undefined && units < decimalUnits(min, scale)) return reject('out-of-range')
    if (max !== undefined && units > decimalUnits(max, scale)) return reject('out-of-range')
  }
  return accept(`${negative ? '-' : ''}${whole || '0'}${scale > 0 ? `.${digits}` : ''}`)
}

/** A decimal as a count of its smallest unit at that scale, which must hold all of its digits. */
export function decimalUnits(text: string, scale: number): bigint {
  const decimal = readDecimal(text)
  if (!decimal || decimal.fraction.length > scale)
    throw definitionError('decimal', `digits, at most ${scale} of them behind the point`, text)
  return (decimal.negative ? -1n : 1n) * BigInt(decimal.whole + decimal.fraction.padEnd(scale, '0'))
}

/** A number of the column, as text: of its range, or of some thousands. */
export function exampleDecimal(
  random: () => number,
  { scale, precision, min, max, positive }: DecimalColumn,
): string {
  const limit = 10n ** BigInt(Math.min(precision, scale + 4)) - 1n
  const from = min === undefined ? (positive ? 1n : -limit) : decimalUnits(min, scale)
  const to = max === undefined ? limit : decimalUnits(max, scale)
  const units = from + ((to - from) * BigInt(Math.floor(random() * 1e9))) / 1_000_000_000n
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0')
  return `${units < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}
