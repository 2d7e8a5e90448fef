import { examplePattern, exampleText } from './example-text.ts'
import {
  accept,
  definitionError,
  type FieldOptions,
  field,
  type Kind,
  type Personal,
  reject,
} from './kind.ts'
import { codePoints, wholePattern } from './strings.ts'

type TextRule = {
  readonly min?: number // code points, at least 1: blank text is missing
  readonly max?: number // code points
  /** Matches the whole text. Only what all readers of patterns take alike: literals, classes, `\d`, groups, quantifiers. */
  readonly pattern?: string
}

const anyLength = 1_000_000

export type TextOptions<Optional extends boolean, Shown extends Personal> = TextRule &
  FieldOptions<string, Optional, Shown>

/** Trimmed text; lengths in code points. White space inside, letter case and Unicode form stay as they are. */
export function text<Optional extends boolean = false, Shown extends Personal = false>(
  description: string,
  options?: TextOptions<Optional, Shown>,
) {
  return field(textKind(options ?? {}), description, options)
}

function textKind({ min = 1, max = anyLength, pattern }: TextRule): Kind<string> {
  if (!(Number.isInteger(min) && Number.isInteger(max) && 1 <= min && min <= max))
    throw definitionError('text', 'whole numbers 1 <= min <= max', { min, max })
  const form = pattern === undefined ? undefined : sharedPattern(pattern)
  return {
    name: 'text',
    schema: {
      type: 'string',
      minLength: min,
      maxLength: max,
      ...(pattern !== undefined && { pattern: `^(?:${pattern})$` }),
    },
    example: (random) =>
      pattern === undefined ? exampleText(random, min, max) : examplePattern(random, pattern),
    wrongType: 'not-text',
    duckdbType: 'VARCHAR',
    postgresType: 'text',
    ...(!form && {
      isCanonical: (bytes, start, end) =>
        end - start >= min && end - start <= max && isTrimmedAscii(bytes, start, end),
    }),
    parse: (value) => {
      if (typeof value !== 'string') return reject('not-text')
      const length = value.length < min || value.length > max || min > 1 ? codePoints(value) : min
      if (length < min) return reject('too-short')
      if (length > max) return reject('too-long')
      if (form && !form.test(value)) return reject('wrong-form')
      return accept(value)
    },
  }
}

/** ASCII without space at its ends. */
function isTrimmedAscii(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] === space || bytes[end - 1] === space) return false
  for (let at = start; at < end; at += 1) if (bytes[at]! < space || bytes[at]! > tilde) return false
  return true
}

const [space, tilde] = [32, 126]

/** Refuses what JavaScript, RE2 and JSON Schema's readers take differently: white space classes, the dot, anchors, look-around, back-references. */
function sharedPattern(pattern: string): RegExp {
  const outsideClasses = pattern.replace(/\\[^a-zA-Z0-9]|\\d/g, '_').replace(/\[[^\]\\[&]*\]/g, '_')
  if (/[\\.^$[\]]|\(\?(?!:)/.test(outsideClasses))
    throw definitionError(
      'text pattern',
      String.raw`literals, classes, \d, groups and quantifiers only`,
      pattern,
    )
  return wholePattern(pattern)
}
