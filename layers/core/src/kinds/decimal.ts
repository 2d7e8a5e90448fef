import { definitionError, type FieldOptions, field, type Kind, type Personal } from './kind.ts'
import {
  type DecimalColumn,
  decimalOf,
  decimalUnits,
  exampleDecimal,
  fitDecimal,
  readDecimal,
} from './numbers.ts'

/** An exact decimal number, as text with all decimals of its column: `'52.520000'` at scale 6. Nothing is rounded. */
export function decimal<Optional extends boolean = false, Shown extends Personal = false>(
  description: string,
  options: DecimalColumn & FieldOptions<string, Optional, Shown>,
) {
  return field(decimalKind(options), description, options)
}

function decimalKind(column: DecimalColumn): Kind<string> {
  const { precision, scale, min, max } = column
  if (
    !(
      Number.isInteger(precision) &&
      Number.isInteger(scale) &&
      0 < scale &&
      scale < precision &&
      precision <= 38
    )
  )
    throw definitionError('decimal', 'whole numbers 0 < scale < precision <= 38', { precision, scale })
  for (const bound of [min, max]) if (bound !== undefined) decimalUnits(bound, scale)
  return {
    name: 'decimal',
    schema: { type: 'string', pattern: `^-?\\d{1,${precision - scale}}(?:[.]\\d{1,${scale}})?$` },
    example: (random) => exampleDecimal(random, column),
    wrongType: 'not-a-number',
    duckdbType: `DECIMAL(${precision}, ${scale})`,
    postgresType: `numeric(${precision}, ${scale})`,
    parse: (value) => {
      const decimal = decimalOf(value, readDecimal)
      return decimal.ok ? fitDecimal(decimal.value, column) : decimal
    },
  }
}
