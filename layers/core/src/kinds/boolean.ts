import { accept, fieldOf, type Kind, reject } from './kind.ts'
import { lowerAscii } from './strings.ts'

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
}

/** True or false: JSON's own, the numbers 1 and 0, or a word for them in any letter case. */
export const boolean = fieldOf(booleanKind)
