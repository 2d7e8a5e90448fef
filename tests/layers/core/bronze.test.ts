import { bronzeLine, readValue } from '@cupel/core/bronze'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { kafkaRecord } from '../../support/kafka.ts'

const storedValue = (line: string): Buffer | null => {
  const { format, value } = JSON.parse(line)
  if (format === 'json') return Buffer.from(line.slice(line.indexOf('"value":') + '"value":'.length, -1))
  return value === null ? null : Buffer.from(value, 'base64')
}

describe('readValue', () => {
  it.each([
    ['{"a":1}', 'json'],
    ['null', 'json'],
    [' [1, 2] ', 'json'],
    ['{\n"a":1}', 'text'],
    ['{"a":"\r\n"}', 'bytes'], // a raw line break inside a string is not JSON
    ['{"a":"\\ud83d\\ude00"}', 'json'],
    ['{"a":"\\ud83d"}', 'bytes'],
    ['{"a":"\\ude00\\ud83d"}', 'bytes'],
    ['{"a":"\\\\ud83d"}', 'json'], // an escaped backslash, then letters
    ['\ufeff{"a":1}', 'bytes'],
    ['{"a":NaN}', 'bytes'],
    ['{"a":1,}', 'bytes'],
    ['', 'bytes'],
    ['hello', 'bytes'],
    ['['.repeat(200_000), 'bytes'],
  ])('%#: reads %j as %s', (text, format) => {
    expect(readValue(Buffer.from(text)).format).toBe(format)
  })
  it('knows bytes that are not UTF-8, and a tombstone', () => {
    expect(readValue(Uint8Array.of(0x22, 0xff, 0x22)).format).toBe('bytes')
    expect(readValue(null)).toEqual({ format: 'tombstone' })
  })
})

describe('bronzeLine', () => {
  const anyValue = fc.oneof(
    fc.json().map((json) => Buffer.from(json)),
    fc.json({ maxDepth: 2 }).map((json) => Buffer.from(JSON.stringify(JSON.parse(json), null, 2))),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.constant(null),
  )
  it('is one line of JSON from which the very bytes of the value come back', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const line = bronzeLine(kafkaRecord({ value }))
        expect(line).not.toMatch(/[\r\n]/)
        expect(storedValue(line)).toEqual(value)
      }),
    )
  })
  it('keeps the fields in the order that readers were promised', () => {
    const line = bronzeLine(kafkaRecord({ headers: [['h', Buffer.from('x')]] }))
    expect(Object.keys(JSON.parse(line))).toEqual([
      'topic',
      'partition',
      'offset',
      'timestamp',
      'key',
      'headers',
      'format',
      'value',
    ])
  })
})
