import { accept, definitionError, type FieldOptions, field, type Kind, reject } from './kind.ts'
import { literal, lowerAscii, lowerAsciiSql } from './strings.ts'

/** One of a few words, in any ASCII letter case; the row holds it as the definition spells it. */
export function oneOf<const Value extends string, const Options extends FieldOptions>(
  description: string,
  values: readonly Value[],
  options?: Options,
) {
  return field(oneOfKind(values), description, options)
}

function oneOfKind<Value extends string>(values: readonly Value[]): Kind<Value> {
  const byFolded = new Map(values.map((value) => [lowerAscii(value), value]))
  if (
    values.length === 0 ||
    byFolded.size < values.length ||
    values.some((value) => value.trim() !== value || !value)
  )
    throw definitionError('oneOf', 'trimmed words that differ in more than letter case', values)
  const list = values.map(literal).join(', ')
  const cases = [...byFolded]
    .map(([folded, value]) => `WHEN ${literal(folded)} THEN ${literal(value)}`)
    .join(' ')
  return {
    name: 'oneOf',
    wrongType: 'not-one-of',
    duckdbType: 'VARCHAR',
    postgresType: 'text',
    postgresCheck: (column) => `${column} IN (${list})`,
    parse: (value) => {
      const found = typeof value === 'string' ? byFolded.get(lowerAscii(value)) : undefined
      return found === undefined ? reject('not-one-of') : accept(found)
    },
    sql: ({ isString, text, step }) => ({
      steps: [
        [
          'word',
          `CASE WHEN NOT ${isString} THEN NULL WHEN ${text} IN (${list}) THEN ${text} ELSE CASE ${lowerAsciiSql(text)} ${cases} END END`,
        ],
      ],
      reason: `CASE WHEN ${step('word')} IS NULL THEN 'not-one-of' END`,
      value: step('word'),
    }),
  }
}
