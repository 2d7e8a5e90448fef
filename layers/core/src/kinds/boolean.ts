import { accept, fieldOf, type Kind, reject } from './kind.ts'
import { literal, lowerAscii, lowerAsciiSql } from './strings.ts'

const yes = ['true', 't', 'yes', 'y', '1']
const no = ['false', 'f', 'no', 'n', '0']

const booleanKind: Kind<boolean> = {
  name: 'boolean',
  schema: { type: 'boolean' },
  example: (random) => random() < 0.5,
  wrongType: 'not-a-boolean',
  duckdbType: 'BOOLEAN',
  postgresType: 'boolean',
  parse: (value) => {
    const word = lowerAscii(String(value))
    return yes.includes(word) ? accept(true) : no.includes(word) ? accept(false) : reject('not-a-boolean')
  },
  sql: ({ isString, text, step }) => ({
    steps: [
      [
        'word',
        `CASE WHEN NOT ${isString} AND ${text} IN ('1.0', '0.0', '-0.0') THEN abs(TRY_CAST(${text} AS DOUBLE))::INTEGER::VARCHAR ELSE ${lowerAsciiSql(text)} END`,
      ],
      [
        'truth',
        `CASE WHEN ${step('word')} IN (${yes.map(literal)}) THEN true WHEN ${step('word')} IN (${no.map(literal)}) THEN false END`,
      ],
    ],
    reason: `CASE WHEN ${step('truth')} IS NULL THEN 'not-a-boolean' END`,
    value: step('truth'),
  }),
  quick: (text) => ({
    value: `CASE WHEN lower(${text}) IN (${yes.map(literal)}) THEN true WHEN lower(${text}) IN (${no.map(literal)}) THEN false END`,
    numbers: {},
  }),
}

/** True or false: JSON's own, the numbers 1 and 0, or a word for them in any letter case. */
export const boolean = fieldOf(booleanKind)
