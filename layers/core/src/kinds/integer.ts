import {
  accept,
  between,
  definitionError,
  type FieldOptions,
  field,
  type Kind,
  type Personal,
} from './kind.ts'
import { type DecimalColumn, decimalOf, fitDecimal, readDecimal } from './numbers.ts'

type IntegerRange = { readonly min?: number; readonly max?: number } // inclusive

/** A whole number that a double holds exactly: between -(2^53 - 1) and 2^53 - 1. */
export function integer<Optional extends boolean = false, Shown extends Personal = false>(
  description: string,
  options?: IntegerRange & FieldOptions<number, Optional, Shown>,
) {
  return field(integerKind(options ?? {}), description, options)
}

function integerKind({
  min = Number.MIN_SAFE_INTEGER,
  max = Number.MAX_SAFE_INTEGER,
}: IntegerRange): Kind<number> {
  if (!(Number.isSafeInteger(min) && Number.isSafeInteger(max) && min <= max))
    throw definitionError('integer', 'safe integers min <= max', { min, max })
  const column: DecimalColumn = { precision: 18, scale: 0, min: String(min), max: String(max) }
  return {
    name: 'integer',
    schema: { type: 'integer', minimum: min, maximum: max },
    example: (random) => between(random, Math.max(min, -999_999_999_999), Math.min(max, 999_999_999_999)),
    wrongType: 'not-a-number',
    ordered: true,
    duckdbType: 'BIGINT',
    postgresType: 'bigint',
    parse: (value) => {
      const decimal = decimalOf(value, readDecimal)
      const fitted = decimal.ok ? fitDecimal(decimal.value, column) : decimal
      return fitted.ok ? accept(Number(fitted.value)) : fitted
    },
  }
}
