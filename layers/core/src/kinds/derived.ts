import { type Field, field, type Kind, reject } from './kind.ts'

const mostRemembered = 10_000 // values

/**
 * Text that follows from another field of the record, such as what a library makes of it; null where that field is null
 * or nothing follows. `by` is pure and never throws. What a record says under this name itself counts as an unknown field.
 *
 * Values repeat, so what follows from the last ones is remembered.
 */
export function derived(
  description: string,
  from: string,
  by: (value: string) => string | null,
): Field<string, true> {
  const known = new Map<string, string | null>()
  const kind: Kind<string> = {
    name: 'derived',
    wrongType: 'not-text',
    duckdbType: 'VARCHAR',
    postgresType: 'text',
    beside: from,
    derive(value) {
      if (!known.has(value)) {
        if (known.size >= mostRemembered) known.clear()
        known.set(value, by(value))
      }
      return known.get(value)!
    },
    // Nothing is read, and nobody writes it.
    parse: () => reject('not-text'),
    schema: {},
    example: () => null,
  }
  return field(kind, description, { optional: true }) as Field<string, true>
}
