import { describe, expect, it } from 'vitest'
import { readPattern } from '#localstack/event-pattern.ts'
import { passes } from '#localstack/event-sources/kafka/filter.ts'

const delivered = (value: string | Uint8Array | null, ...patterns: object[]) =>
  passes(
    patterns.map((pattern) => readPattern(JSON.stringify(pattern))),
    { value: typeof value === 'string' ? Buffer.from(value) : value },
  )
const order = { value: { kind: ['order'], total: [{ numeric: ['>', 100] }] } }

describe('filters of a Kafka mapping', () => {
  it('50. are ORed, and the fields of one are ANDed', () => {
    const urgent = { value: { urgent: [true] } }
    expect(delivered('{"kind":"order","total":101}', order, urgent)).toBe(true)
    expect(delivered('{"kind":"order","total":100}', order, urgent)).toBe(false)
    expect(delivered('{"kind":"note","total":100,"urgent":true}', order, urgent)).toBe(true)
    expect(delivered('{"kind":"note"}')).toBe(true) // without filters
  })

  it('53. deliver what has another form than the pattern: plain text, lists of rules on JSON, bytes', () => {
    expect(delivered('not JSON', order)).toBe(true)
    expect(delivered('5', order)).toBe(true) // a number is a text to Lambda
    expect(delivered('{"kind":"x"}', { value: ['plain'] })).toBe(true)
    expect(delivered(Uint8Array.of(0xff, 0xfe), order)).toBe(true)
    expect(delivered(null, order)).toBe(true)
  })

  it('compare plain text with a list of rules', () => {
    const noErrors = { value: [{ 'anything-but': ['error'] }] }
    expect(delivered('error', noErrors)).toBe(false)
    expect(delivered('fine', noErrors)).toBe(true)
    expect(delivered('éa', { value: [{ prefix: 'é' }] })).toBe(true)
  })

  it('look into a JSON list', () => {
    expect(delivered('[{"kind":"x"},{"kind":"order","total":101}]', order)).toBe(true)
    expect(delivered('[{"kind":"x"}]', order)).toBe(false)
  })
})
