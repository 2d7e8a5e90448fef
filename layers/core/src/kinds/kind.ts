/** What all kinds share. A kind is one file; its `parse` is the whole truth about a value. */
import { concealed } from './concealed.ts'
import { trim } from './strings.ts'

/** Why a record is quarantined. Stable: stored, counted and searched for. */
export type ReasonCode =
  // of a whole record
  | 'unreadable' // not JSON, or not UTF-8
  | 'tombstone' // no value
  | 'not-an-object'
  | 'ragged-row' // of a file: not as many cells as its header
  | 'broken-row' // of a file: a quote that is not closed, or closed too early
  | 'too-large' // of a file: more than 4 MB
  | 'unreadable-file' // the whole of it, or the rest
  | 'unknown-field' // the dataset rejects what it does not know
  // of any field
  | 'missing' // absent, null, or nothing but white space
  | 'duplicate-field' // stands twice in the object
  | 'contains-nul' // U+0000, which PostgreSQL's text refuses
  // of a field of some kind
  | 'not-text'
  | 'too-short'
  | 'too-long'
  | 'wrong-form'
  | 'not-an-email'
  | 'not-a-phone'
  | 'no-country-code'
  | 'not-a-uuid'
  | 'not-a-number'
  | 'not-an-integer'
  | 'inexact-number' // a JSON number that a double does not carry exactly: send it as a string
  | 'too-precise'
  | 'out-of-range'
  | 'not-positive'
  | 'ambiguous-amount' // `1,234`: thousands, or three decimals
  | 'other-currency' // than the field's, by its sign or code
  | 'unknown-currency'
  | 'ambiguous-currency'
  | 'unknown-country'
  | 'not-a-date'
  | 'no-such-date'
  | 'ambiguous-date'
  | 'not-a-timestamp'
  | 'no-such-time'
  | 'not-one-of'
  | 'not-a-boolean'
  | 'not-a-list'
  | 'too-many'
  | 'too-deep'

export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | {
      readonly ok: false
      readonly reason: ReasonCode
      readonly at?: string // where in a nested value: `.street`, `[2]`
    }

/** What a kind is asked about: a string is trimmed, not empty and free of U+0000, a number may be infinite (1e400). */
export type Scalar = string | number | boolean

/** What a kind may have to know besides the value. */
export type Context = {
  readonly personalDataKey?: string // of hashed fields
  readonly beside?: unknown // the value of the field that the kind names; undefined or null where it has none
  readonly repeated?: ReadonlySet<string> // JSON pointers to members that stand twice
  readonly path?: string // JSON pointer to the value
  readonly text?: string | undefined // the value's JSON, as it is written
}

/** https://json-schema.org/draft/2020-12 */
export type JsonSchema = Readonly<Record<string, unknown>>

export type Kind<Value = unknown> = {
  readonly name: string
  /** What is said of a JSON value of a type that this kind never takes: an object, an array, … */
  readonly wrongType: ReasonCode
  readonly parse: (value: Scalar, context: Context) => Parsed<Value>
  /**
   * Are these bytes, those of a string, its value as `parse` would give it? They are copied as they stand, so they have to be
   * ASCII. A quick look that may say no to what is: then `parse` is asked. A kind made of another one that takes less has none.
   */
  readonly isCanonical?: (bytes: Uint8Array, start: number, end: number) => boolean
  /** For kinds that take objects or arrays, as JSON.parse gives them. Their value is stored as JSON text. */
  readonly parseNested?: (value: object, context: Context) => Parsed<Value>
  /** The plainest spelling, as a JSON Schema: what a sender should write. */
  readonly schema: JsonSchema
  /** A JSON value that the kind takes; the same for the same `random`, numbers from 0 to below 1. */
  readonly example: (random: () => number) => unknown
  readonly duckdbType: string
  readonly postgresType: string
  /** A condition that PostgreSQL checks on top of the type, where it costs next to nothing. */
  readonly postgresCheck?: (column: string) => string
  readonly ordered?: boolean // whether a dataset can be ordered by it
  readonly beside?: string // a field of the same record whose value it asks for
  readonly currency?: string // of every amount
  /** Its value follows from the one beside it alone; what the record says is not read. */
  readonly derive?: (beside: string) => Value | null
}

/** What silver and gold hold of a personal field: the value itself, its mask, or a keyed hash. Reasons show none of it. */
export type Personal = boolean | 'mask' | 'hash'

/** What a bad value does: the record is quarantined; the value becomes null and is counted; the whole object fails. */
export type Policy = 'quarantine' | 'warn' | 'fail'

export type FieldOptions<Value, Optional extends boolean, Shown extends Personal> = {
  /** May be absent, null or blank, and is null in the row then. */
  readonly optional?: Optional
  /** The value of a record that lacks it. */
  readonly default?: Optional extends true ? never : Shown extends boolean ? Value : never
  /** Never shown in a reason, a log line or a metric. */
  readonly personal?: Shown
  readonly policy?: Optional extends true ? Policy : Exclude<Policy, 'warn'>
}

/** A field of a dataset. Kinds make them: `uuid('The user, for ever')`. */
export type Field<Value = unknown, Optional extends boolean = boolean> = {
  readonly kind: Kind<Value>
  readonly description: string
  readonly optional: Optional
  readonly default?: Value
  readonly personal: Personal
  readonly policy: Policy
}

type Stored<Value, Shown extends Personal> = Shown extends boolean ? Value : string

export function field<Value, Optional extends boolean = false, Shown extends Personal = false>(
  kind: Kind<Value>,
  description: string,
  options: FieldOptions<Value, Optional, Shown> = {},
): Field<Stored<Value, Shown>, NoInfer<Optional>> {
  const { optional = false as Optional, personal = false, policy = 'quarantine' } = options
  const expect = (holds: boolean, expected: string, actual: unknown): void => {
    if (!holds) throw definitionError(`${kind.name} '${description}'`, expected, actual)
  }
  expect(
    policy !== 'warn' || optional,
    'an optional field where the policy is warn: its value becomes null',
    policy,
  )
  expect(typeof personal === 'boolean' || !kind.parseNested, 'no mask or hash of a nested value', personal)
  return {
    kind: (typeof personal === 'string' ? concealed(kind, personal) : kind) as Kind<Stored<Value, Shown>>,
    description,
    optional,
    personal,
    policy,
    ...(options.default !== undefined && { default: defaultOf(options.default) as Stored<Value, Shown> }),
  }

  function defaultOf(given: Value): Value {
    expect(!optional, 'a default or an optional field, not both', given)
    expect(
      typeof given !== 'object' && typeof personal !== 'string',
      'no default in a field that is nested or concealed',
      given,
    )
    const parsed = kind.parse(given as Scalar, {})
    if (!parsed.ok)
      throw definitionError(`${kind.name} '${description}'`, 'a default that the field takes', given)
    return parsed.value
  }
}

/** The function that makes fields of a kind without options of its own. */
export const fieldOf =
  <Value>(kind: Kind<Value>) =>
  <Optional extends boolean = false, Shown extends Personal = false>(
    description: string,
    options?: FieldOptions<Value, Optional, Shown>,
  ) =>
    field(kind, description, options)

/** What a field says to a JSON value as JSON.parse gives it; undefined when absent. */
export function parseField<Value>(
  { kind, optional, default: given }: Pick<Field<Value>, 'kind' | 'optional' | 'default'>,
  json: unknown,
  context: Context = {},
): Parsed<Value | null> {
  if (kind.derive) return accept(context.beside == null ? null : kind.derive(String(context.beside)))
  const scalar = typeof json === 'string' ? trim(json) : json
  if (scalar === undefined || scalar === null || scalar === '') {
    if (given !== undefined) return accept(given)
    return optional ? accept(null) : reject('missing')
  }
  if (typeof scalar === 'object') return kind.parseNested?.(scalar, context) ?? reject(kind.wrongType)
  if (typeof scalar === 'string' && scalar.includes('\0')) return reject('contains-nul')
  return kind.parse(scalar as Scalar, context)
}

/** A whole number between these, both included. */
export const between = (random: () => number, min: number, max: number): number =>
  min + Math.floor(random() * (max - min + 1))

export const accept = <Value>(value: Value): Parsed<Value> => ({ ok: true, value })
export const reject = (reason: ReasonCode, at?: string): Parsed<never> =>
  at === undefined ? { ok: false, reason } : { ok: false, reason, at }

/** A mistake in a definition, found when its module loads. */
export function definitionError(where: string, expected: string, actual: unknown): TypeError {
  return new TypeError(`${where}: expected ${expected}, got ${JSON.stringify(actual)}`)
}
