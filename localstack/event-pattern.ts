import { randomUUID } from 'node:crypto'

/**
 * EventBridge's pattern language, as far as Lambda's event filters have it. Fields of a pattern are ANDed, the rules of a
 * field ORed; what an event has beside them does not matter.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax
 */
export type Pattern = {
  readonly fields: readonly (readonly [name: string, pattern: Pattern | readonly Rule[]])[]
  readonly oneOf: readonly (readonly Pattern[])[] // each `$or`: one of its patterns has to match
}

/** What a leaf of an event has to be. */
export type Rule =
  | { readonly is: 'equal'; readonly to: Leaf }
  | { readonly is: 'equal-ignoring-case'; readonly to: string }
  | { readonly is: 'anything-but'; readonly of: readonly Leaf[] }
  | { readonly is: 'prefix' | 'suffix'; readonly text: string }
  | { readonly is: 'numeric'; readonly bounds: readonly (readonly [Comparison, number])[] }
  | { readonly is: 'there' | 'not-there' }

/** Numbers keep the text they were written with, because equality compares that: `300` is not `300.0`. */
export type Leaf = null | boolean | string | NumberText
export type NumberText = { readonly number: string }
type Comparison = (typeof comparisons)[number]

/** JSON with numbers as {@link NumberText}, as `readJson` gives it. */
export type Json = Leaf | readonly Json[] | JsonObject
export type JsonObject = ReadonlyMap<string, Json>

const comparisons = ['=', '<', '<=', '>', '>='] as const

/** Reads a pattern from its JSON text. Throws an Error whose message says what Lambda would not take. */
export function readPattern(text: string): Pattern {
  const json = readJson(text)
  if (!(json instanceof Map)) throw new Error('a pattern is a JSON object')
  return patternOf(json)
}

/** Whether the event has what the pattern asks for. `undefined` is a place where the event has nothing. */
export function matches(pattern: Pattern, event: Json | undefined): boolean {
  return (
    pattern.fields.every(([name, wanted]) => {
      const found = valuesAt(event, name)
      return isRules(wanted)
        ? matchesRules(wanted, found)
        : found.some((value) => matches(wanted, value)) || (found.length === 0 && matches(wanted, undefined))
    }) && pattern.oneOf.every((choices) => choices.some((choice) => matches(choice, event)))
  )
}

/** Whether one of the rules holds for one of the leaves; lists in an event stand for each of their elements. */
export function matchesRules(rules: readonly Rule[], found: readonly Json[]): boolean {
  const leaves = found.flatMap(elements).filter(isLeaf)
  return rules.some((rule) =>
    rule.is === 'not-there' ? leaves.length === 0 : leaves.some((leaf) => holds(rule, leaf)),
  )
}

export const isRules = (pattern: Pattern | readonly Rule[]): pattern is readonly Rule[] =>
  Array.isArray(pattern)

/** Parses JSON, and keeps the text of its numbers. Throws what JSON.parse throws. */
export function readJson(text: string): Json {
  JSON.parse(text) // so that what follows reads tokens of valid JSON
  return tagged(JSON.parse(text.replace(stringOrNumber, (token) => (token[0] === '"' ? token : tag(token)))))
}

const stringOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g
const mark = `number:${randomUUID()}:` // no text of an event can begin like this
const tag = (number: string) => `"${mark}${number}"`

function tagged(value: unknown): Json {
  if (typeof value === 'string') return value.startsWith(mark) ? { number: value.slice(mark.length) } : value
  if (value === null || typeof value !== 'object') return value as null | boolean
  if (Array.isArray(value)) return value.map(tagged)
  return new Map(Object.entries(value).map(([name, inner]) => [name, tagged(inner)]))
}

function holds(rule: Exclude<Rule, { is: 'not-there' }>, leaf: Leaf): boolean {
  switch (rule.is) {
    case 'there':
    case 'not-there':
      return true
    case 'equal':
      return isEqual(rule.to, leaf)
    case 'equal-ignoring-case':
      return typeof leaf === 'string' && leaf.toLowerCase() === rule.to.toLowerCase()
    case 'anything-but':
      return !rule.of.some((excluded) => isEqual(excluded, leaf))
    case 'prefix':
      return typeof leaf === 'string' && leaf.startsWith(rule.text)
    case 'suffix':
      return typeof leaf === 'string' && leaf.endsWith(rule.text)
    case 'numeric':
      return isNumber(leaf) && rule.bounds.every((bound) => isWithin(bound, Number(leaf.number)))
  }
}

function isWithin([comparison, bound]: readonly [Comparison, number], value: number): boolean {
  switch (comparison) {
    case '=':
      return value === bound
    case '<':
      return value < bound
    case '<=':
      return value <= bound
    case '>':
      return value > bound
    case '>=':
      return value >= bound
  }
}

function valuesAt(event: Json | undefined, name: string): readonly Json[] {
  return elements(event ?? null).flatMap((element) => {
    const value = element instanceof Map ? element.get(name) : undefined
    return value === undefined ? [] : [value]
  })
}

const elements = (value: Json): readonly Json[] => (isList(value) ? value.flatMap(elements) : [value])
const isList = (value: Json): value is readonly Json[] => Array.isArray(value)
const isNumber = (value: Json): value is NumberText =>
  typeof value === 'object' && value !== null && 'number' in value
const isLeaf = (value: Json): value is Leaf => !isList(value) && !(value instanceof Map)
const isEqual = (a: Leaf, b: Leaf): boolean => (isNumber(a) ? isNumber(b) && a.number === b.number : a === b)

// Reading patterns

function patternOf(object: JsonObject): Pattern {
  const fields: (readonly [string, Pattern | readonly Rule[]])[] = []
  const oneOf: (readonly Pattern[])[] = []
  for (const [name, value] of object) {
    if (name === '$or') oneOf.push(choicesOf(value))
    else if (value instanceof Map) fields.push([name, patternOf(value)])
    else if (isList(value) && value.length > 0) fields.push([name, value.map((rule) => ruleOf(name, rule))])
    else throw new Error(`"${name}" has to be an object or a list with at least one rule`)
  }
  return { fields, oneOf }
}

function choicesOf(value: Json): Pattern[] {
  if (!isList(value) || value.length < 2) throw new Error('"$or" has to be a list of at least two patterns')
  return value.map((choice) => {
    if (!(choice instanceof Map)) throw new Error('"$or" has to be a list of patterns')
    return patternOf(choice)
  })
}

function ruleOf(field: string, rule: Json): Rule {
  if (isLeaf(rule)) return { is: 'equal', to: rule }
  const wrong = (what: string) => new Error(`"${field}": ${what}`)
  if (!(rule instanceof Map)) throw wrong('a rule is a value or an object')
  const [[operator, operand] = [], ...others] = [...rule]
  if (operator === undefined || operand === undefined || others.length > 0)
    throw wrong('a rule has exactly one operator')
  const text = () => {
    if (typeof operand !== 'string') throw wrong(`${operator} takes a text`)
    return operand
  }
  switch (operator) {
    case 'exists':
      if (typeof operand !== 'boolean') throw wrong('exists is true or false')
      return { is: operand ? 'there' : 'not-there' }
    case 'prefix':
    case 'suffix':
      return { is: operator, text: text() }
    case 'equals-ignore-case':
      return { is: 'equal-ignoring-case', to: text() }
    case 'anything-but': {
      const excluded = isList(operand) ? operand : [operand]
      if (excluded.length === 0 || !excluded.every(isLeaf))
        throw wrong("anything-but takes values; Lambda's filters have no anything-but with an operator")
      return { is: 'anything-but', of: excluded }
    }
    case 'numeric':
      return { is: 'numeric', bounds: boundsOf(operand, wrong) }
    default:
      throw wrong(`${operator} is not an operator of Lambda's filters`)
  }
}

function boundsOf(operand: Json, wrong: (what: string) => Error): (readonly [Comparison, number])[] {
  const parts = isList(operand) ? operand : []
  if (parts.length !== 2 && parts.length !== 4)
    throw wrong('numeric takes one or two pairs of a comparison and a number')
  return Array.from({ length: parts.length / 2 }, (_, index) => {
    const [comparison, bound] = [parts[2 * index] ?? null, parts[2 * index + 1] ?? null]
    if (!comparisons.includes(comparison as Comparison) || !isNumber(bound))
      throw wrong(`numeric takes ${comparisons.join(', ')} and numbers`)
    return [comparison as Comparison, Number(bound.number)] as const
  })
}
