import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  array,
  between,
  boolean,
  int8,
  int16,
  int32,
  int64,
  MalformedRequestError,
  nullableArray,
  nullableBytes,
  nullableString,
  Reader,
  since,
  string,
  struct,
  type Type,
  uuid,
  uvarint,
  varint,
  Writer,
} from '#localstack/kafka/wire.ts'

const message = struct({
  flag: boolean,
  small: int8,
  short: int16,
  count: int32,
  offset: int64,
  size: uvarint,
  delta: varint,
  id: uuid,
  name: nullableString,
  body: nullableBytes,
  items: nullableArray(struct({ label: string, numbers: array(int32) })),
  late: since(2, int32, -1),
  early: between(0, 1, string, 'gone'),
})

const safeInteger = fc.maxSafeInteger()
const anyString = fc.string({ unit: 'binary' })
const anyMessage = fc.record({
  flag: fc.boolean(),
  small: fc.integer({ min: -128, max: 127 }),
  short: fc.integer({ min: -32768, max: 32767 }),
  count: fc.integer(),
  offset: safeInteger,
  size: fc.integer({ min: 0, max: 0xffff_ffff }),
  delta: safeInteger,
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  name: fc.option(anyString),
  body: fc.option(fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes))),
  items: fc.option(fc.array(fc.record({ label: anyString, numbers: fc.array(fc.integer()) }))),
  late: fc.integer(),
  early: anyString,
})

function encode<In>(
  type: Pick<Type<unknown, In>, 'write'>,
  value: In,
  version: number,
  flexible: boolean,
): Buffer {
  const to = new Writer()
  to.version = version
  to.flexible = flexible
  type.write(to, value)
  const bytes = Buffer.concat(to.finish())
  expect(bytes.length).toBe(to.length)
  return bytes
}

function readerOf(bytes: Buffer, version: number, flexible: boolean): Reader {
  const from = new Reader(bytes)
  from.version = version
  from.flexible = flexible
  return from
}

it('reads back what it wrote, in every version, classic and flexible', () => {
  fc.assert(
    fc.property(anyMessage, fc.integer({ min: 0, max: 3 }), fc.boolean(), (value, version, flexible) => {
      const from = readerOf(encode(message, value, version, flexible), version, flexible)
      expect(message.read(from)).toEqual({
        ...value,
        late: version >= 2 ? value.late : -1,
        early: version <= 1 ? value.early : 'gone',
      })
      expect(from.remaining).toBe(0)
    }),
  )
})

it('refuses every truncation instead of reading past the end', () => {
  fc.assert(
    fc.property(
      anyMessage,
      fc.boolean(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (value, flexible, part) => {
        const bytes = encode(message, value, 2, flexible)
        const cut = bytes.subarray(0, Math.floor(part * (bytes.length - 1)))
        expect(() => message.read(readerOf(cut, 2, flexible))).toThrow(MalformedRequestError)
      },
    ),
  )
})

it('throws nothing but MalformedRequestError on any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, flexible) => {
      try {
        message.read(readerOf(Buffer.from(bytes), 1, flexible))
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedRequestError)
      }
    }),
    { numRuns: 1000 },
  )
})

it.each([
  [0, '00'],
  [-1, '01'],
  [1, '02'],
  [63, '7e'],
  [-64, '7f'],
  [64, '8001'],
  [-65, '8101'],
])('writes the zigzag varint %d as %s', (value, hex) => {
  expect(encode(varint, value, 0, false).toString('hex')).toBe(hex)
})

it.each([
  [0, '00'],
  [127, '7f'],
  [128, '8001'],
  [16_384, '808001'],
  [0xffff_ffff, 'ffffffff0f'],
])('writes the unsigned varint %d as %s', (value, hex) => {
  expect(encode(uvarint, value, 0, false).toString('hex')).toBe(hex)
})

it('writes compact strings with their length plus one, and null as zero', () => {
  expect(encode(nullableString, 'ab', 0, true).toString('hex')).toBe('036162')
  expect(encode(nullableString, null, 0, true).toString('hex')).toBe('00')
  expect(encode(nullableString, 'ab', 0, false).toString('hex')).toBe('00026162')
  expect(encode(nullableString, null, 0, false).toString('hex')).toBe('ffff')
})

it('skips the tagged fields that it does not know', () => {
  const one = struct({ count: int8 })
  const from = readerOf(Buffer.from('0502000100050161', 'hex'), 0, true) // 5, then tags 0 and 5 of a byte each
  expect(one.read(from)).toEqual({ count: 5 })
  expect(from.remaining).toBe(0)
})

it('gives the largest int64 back as it came', () => {
  const largest = Buffer.from('7fffffffffffffff', 'hex')
  expect(encode(int64, int64.read(new Reader(largest)), 0, false)).toEqual(largest)
})
