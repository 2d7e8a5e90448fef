import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matches, readJson, readPattern } from '#localstack/event-pattern.ts'

const matched = (pattern: unknown, event: string) =>
  matches(readPattern(typeof pattern === 'string' ? pattern : JSON.stringify(pattern)), readJson(event))

describe('a pattern', () => {
  it.each<[pattern: unknown, event: string, expected: boolean]>([
    [{}, '{}', true],
    [{ a: ['x'] }, '{"a":"x","b":1}', true],
    [{ a: ['x'] }, '{"a":"y"}', false],
    [{ a: ['x'] }, '{}', false],
    [{ a: ['x', 'y'] }, '{"a":"y"}', true],
    [{ a: ['x'], b: ['y'] }, '{"a":"x","b":"y"}', true],
    [{ a: ['x'], b: ['y'] }, '{"a":"x"}', false],
    [{ a: { b: ['x'] } }, '{"a":{"b":"x"}}', true],
    [{ a: { b: ['x'] } }, '{"a":"x"}', false],
    [{ a: ['x'] }, '{"a":["z","x"]}', true], // a list stands for each element
    [{ a: { b: ['x'] } }, '{"a":[{"b":"z"},{"b":"x"}]}', true],
    [{ a: [''] }, '{"a":""}', true],
    [{ a: [null] }, '{"a":null}', true],
    [{ a: [null] }, '{"a":"null"}', false],
    [{ a: [null] }, '{}', false],
    [{ a: [true] }, '{"a":true}', true],
    [{ a: [true] }, '{"a":"true"}', false],
    [{ a: [{ 'equals-ignore-case': 'ALICE' }] }, '{"a":"aLice"}', true],
    [{ a: [{ 'equals-ignore-case': 'ALICE' }] }, '{"a":"bob"}', false],
    [{ a: [{ 'anything-but': ['x', 'y'] }] }, '{"a":"z"}', true],
    [{ a: [{ 'anything-but': ['x', 'y'] }] }, '{"a":"y"}', false],
    [{ a: [{ 'anything-but': 'x' }] }, '{"a":"x"}', false],
    [{ a: [{ 'anything-but': 'x' }] }, '{}', false], // something else has to be there
    [{ a: [{ 'anything-but': [5] }] }, '{"a":5}', false],
    [{ a: [{ prefix: 'us-' }] }, '{"a":"us-east-1"}', true],
    [{ a: [{ prefix: 'us-' }] }, '{"a":"eu-us-"}', false],
    [{ a: [{ suffix: '.png' }] }, '{"a":"x.png"}', true],
    [{ a: [{ suffix: '.png' }] }, '{"a":"x.png.jpg"}', false],
    [{ a: [{ numeric: ['>', 0, '<=', 5] }] }, '{"a":5}', true],
    [{ a: [{ numeric: ['>', 0, '<=', 5] }] }, '{"a":0}', false],
    [{ a: [{ numeric: ['=', 3.018e2] }] }, '{"a":301.8}', true],
    [{ a: [{ numeric: ['>=', 0] }] }, '{"a":"5"}', false],
    [{ a: [{ exists: true }] }, '{"a":null}', true],
    [{ a: [{ exists: true }] }, '{"b":1}', false],
    [{ a: [{ exists: false }] }, '{"b":1}', true],
    [{ a: [{ exists: false }] }, '{"a":1}', false],
    [{ a: { b: [{ exists: false }] } }, '{"c":1}', true],
    [{ $or: [{ a: ['x'] }, { b: [{ numeric: ['>', 1] }] }] }, '{"b":2}', true],
    [{ $or: [{ a: ['x'] }, { b: [{ numeric: ['>', 1] }] }] }, '{"b":1}', false],
    [{ c: ['y'], $or: [{ a: ['x'] }, { b: ['x'] }] }, '{"a":"x","c":"z"}', false],
    [{ a: { $or: [{ b: ['x'] }, { c: ['x'] }] } }, '{"a":{"c":"x"}}', true],
  ])('%j on %s: %s', (pattern, event, expected) => expect(matched(pattern, event)).toBe(expected))

  it('54. compares numbers by their text, but within numeric by their value', () => {
    expect(matched('{"a":[300]}', '{"a":300}')).toBe(true)
    expect(matched('{"a":[300]}', '{"a":300.0}')).toBe(false)
    expect(matched('{"a":[300]}', '{"a":3.0e2}')).toBe(false)
    expect(matched('{"a":[300]}', '{"a":"300"}')).toBe(false)
    for (const value of ['300', '300.0', '3.0e2'])
      expect(matched('{"a":[{"numeric":["=",300]}]}', `{"a":${value}}`)).toBe(true)
  })

  it('55. with exists does not match an object, only its leaves', () => {
    expect(matched({ a: [{ exists: true }] }, '{"a":{"b":1}}')).toBe(false)
    expect(matched({ a: { b: [{ exists: true }] } }, '{"a":{"b":1}}')).toBe(true)
  })

  it.each([
    ['[]', 'a pattern is a JSON object'],
    ['{"a":"x"}', '"a" has to be an object or a list with at least one rule'],
    ['{"a":[]}', '"a" has to be an object or a list'],
    ['{"a":[["x"]]}', '"a": a rule is a value or an object'],
    ['{"a":[{}]}', 'a rule has exactly one operator'],
    ['{"a":[{"prefix":"a","suffix":"b"}]}', 'a rule has exactly one operator'],
    ['{"a":[{"prefix":1}]}', '"a": prefix takes a text'],
    ['{"a":[{"exists":"yes"}]}', 'exists is true or false'],
    ['{"a":[{"anything-but":{"prefix":"x"}}]}', 'no anything-but with an operator'],
    ['{"a":[{"numeric":["=="]}]}', 'numeric takes one or two pairs'],
    ['{"a":[{"numeric":["=","5"]}]}', 'numeric takes =, <, <=, >, >= and numbers'],
    ['{"a":[{"cidr":"10.0.0.0/8"}]}', "cidr is not an operator of Lambda's filters"],
    ['{"$or":[{"a":["x"]}]}', '"$or" has to be a list of at least two patterns'],
  ])('is refused where Lambda has no such rule: %s', (text, message) => {
    expect(() => readPattern(text)).toThrow(message)
  })
})

describe('JSON with the text of its numbers', () => {
  it('is what JSON.parse reads, whatever that is', () => {
    const plain = (json: unknown): unknown => {
      if (json instanceof Map)
        return Object.fromEntries([...json].map(([name, value]) => [name, plain(value)]))
      if (Array.isArray(json)) return json.map(plain)
      return typeof json === 'object' && json !== null ? Number((json as { number: string }).number) : json
    }
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(plain(readJson(text))).toEqual(JSON.parse(text))
      }),
    )
    for (const text of ['"\\\\"', '"5\\"6"', '{"\\"1":-1e-7}', '""', ' [ 1 ,"2" ] '])
      expect(plain(readJson(text))).toEqual(JSON.parse(text))
    const long = JSON.stringify(`${'a\\"'.repeat(500_000)}`)
    expect(readJson(long)).toBe(JSON.parse(long))
  })
})
