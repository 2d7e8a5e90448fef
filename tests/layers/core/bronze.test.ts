import { bronzeLine, readBronzeLine, readValue } from '@cupel/core/bronze'
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

describe('readBronzeLine', () => {
  const line = bronzeLine(kafkaRecord({ offset: 7, value: Buffer.from('{"a":1}') }))
  const { topic, partition, timestampMs } = kafkaRecord()

  it('gives back what is needed to refine the record', () => {
    const value = { format: 'json', text: '{"a":1}', json: { a: 1 } }
    expect(readBronzeLine(line)).toEqual({ topic, partition, offset: 7, timestampMs, key: null, value })
  })

  it.each([
    ['no JSON', line.slice(1)],
    ['null', 'null'],
    ['a number', '5'],
    ['another object', '{"a":1}'],
    ['an offset with a fraction', line.replace('"offset":7', '"offset":7.5')],
    ['an offset below zero', line.replace('"offset":7', '"offset":-7')],
    ['an offset that a double does not carry', line.replace('"offset":7', '"offset":9007199254740993')],
    ['a partition that is text', line.replace(/"partition":\d+/, '"partition":"0"')],
    ['no time', line.replace('"timestamp"', '"time"')],
    ['no format', line.replace('"format"', '"form"')],
  ])('takes %s for no bronze line', (_, other) => {
    expect(readBronzeLine(other)).toBeUndefined()
  })
})
