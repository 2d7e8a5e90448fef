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
import { codePoints, wholeMatchSql, wholePattern } from './strings.ts'

type TextRule = {
  readonly min?: number // code points, at least 1: blank text is missing
  readonly max?: number // code points
  /** Matches the whole text. Only what JavaScript and RE2 read alike: literals, classes, `\d`, groups, quantifiers. */
  readonly pattern?: string
}

// Text that does not begin or end with white space or a control character and is free of U+0000; and such text that
// begins like no number, object or list.
const blank = String.raw`\x00-\x20\x7f-\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
const solidText = `[^${blank}](?:[^\\x00]*[^${blank}])?`
const wordText = String.raw`[^${blank}\-0-9\[{][^\x00]*`
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
    parse: (value) => {
      if (typeof value !== 'string') return reject('not-text')
      const length = value.length < min || value.length > max || min > 1 ? codePoints(value) : min
      if (length < min) return reject('too-short')
      if (length > max) return reject('too-long')
      if (form && !form.test(value)) return reject('wrong-form')
      return accept(value)
    },
    quick: (text) => {
      const rules = [
        `strlen(${text}) <= ${max}`,
        min > 1 && `length(${text}) >= ${min}`,
        pattern !== undefined && wholeMatchSql(text, pattern),
      ]
      return {
        value: `CASE WHEN ${wholeMatchSql(text, solidText)} AND ${rules.filter(Boolean).join(' AND ')} THEN ${text} END`,
        isString: `${wholeMatchSql(text, wordText)} AND ${text} NOT IN ('true', 'false')`,
      }
    },
  }
}

/** Refuses what JavaScript and RE2 read differently: white space classes, the dot, anchors, look-around, back-references. */
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
