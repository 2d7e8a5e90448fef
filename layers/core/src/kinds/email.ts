import { accept, between, fieldOf, type Kind, reject } from './kind.ts'
import { wholePattern } from './strings.ts'

const atom = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+"
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
const spelling = `${atom}(?:\\.${atom})*@(?:${label}\\.)+[a-zA-Z][a-zA-Z0-9-]{0,61}[a-zA-Z0-9]`
const pattern = wholePattern(spelling)
const maxLength = 254 // https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1, less the angle brackets
const maxLocalLength = 64

const emailKind: Kind<string> = {
  name: 'email',
  schema: { type: 'string', format: 'email', maxLength },
  example: (random) => `someone.${between(random, 0, 999_999)}@example.org`,
  wrongType: 'not-an-email',
  duckdbType: 'VARCHAR',
  postgresType: 'text',
  parse: (value) => {
    const good =
      typeof value === 'string' &&
      value.length <= maxLength &&
      pattern.test(value) &&
      value.indexOf('@') <= maxLocalLength
    return good ? accept(value.toLowerCase()) : reject('not-an-email')
  },
}

/** An ASCII mail address with a dotted domain, in lower case. No display name, no quoted local part. */
export const email = fieldOf(emailKind)
