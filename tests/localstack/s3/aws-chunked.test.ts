import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { makeChunkDecoder } from '#localstack/s3/aws-chunked.ts'

const signature = `;chunk-signature=${'0'.repeat(64)}`

function frame(
  chunks: readonly Uint8Array[],
  trailers: readonly string[],
  signed: boolean,
  feed = '\r\n',
): Buffer {
  const head = (size: number) => Buffer.from(`${size.toString(16)}${signed ? signature : ''}${feed}`)
  const filled = chunks.filter(({ length }) => length > 0)
  return Buffer.concat([
    ...filled.flatMap((chunk) => [head(chunk.length), chunk, Buffer.from('\r\n')]),
    head(0),
    Buffer.from([...trailers.map((trailer) => `${trailer}${feed}`), '\r\n'].join('')),
  ])
}

function decode(pieces: readonly Uint8Array[]) {
  const decoder = makeChunkDecoder()
  const data = Buffer.concat(pieces.flatMap((piece) => decoder.push(piece)))
  return { data, trailers: Object.fromEntries(decoder.end()) }
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return ends.slice(1).map((end, index) => bytes.subarray(ends[index], end))
}

describe('the aws-chunked decoder', () => {
  it('gives back the data, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 })),
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.boolean(),
        (chunks, places, signed) => {
          const framed = frame(chunks, ['x-amz-checksum-crc32:AAAAAA==', 'X-Other: b:c '], signed)
          const { data, trailers } = decode(cut(framed, places))
          expect(data).toEqual(Buffer.concat(chunks))
          expect(trailers).toEqual({ 'x-amz-checksum-crc32': 'AAAAAA==', 'x-other': 'b:c' })
        },
      ),
    )
  })

  it('refuses every body that ends too early', () => {
    const framed = frame([Buffer.from('hello'), Buffer.from('you')], ['x-amz-checksum-crc32:AAAAAA=='], true)
    const whole = framed.length - '\r\n'.length
    for (let length = 0; length < whole; length++) {
      const kept = framed.subarray(0, length)
      if (kept.toString().endsWith(`0${signature}\r\n`)) continue // the end of a body without trailers
      expect(() => decode([kept]), kept.toString()).toThrow(/ended early/)
    }
  })

  it.each([
    ['plain data\n', /size in hex/],
    ['5\r\nhello!\r\n', /longer than its size/],
    ['-1\r\n', /size in hex/],
    ['fffffffffffffff\r\n', /size in hex/],
    ['5', /ended early/],
    ['x'.repeat(9000), /too long/],
    ['0\r\nno colon\r\n\r\n', /not well-formed/],
    [`0\r\n${Array.from({ length: 40 }, (_, index) => `a${index}:b\r\n`).join('')}\r\n`, /not well-formed/],
  ])('refuses %j', (body, message) => {
    expect(() => decode([Buffer.from(body)])).toThrow(message)
  })

  it('never does anything but decode or throw an S3 error', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 5 }), (pieces) => {
        try {
          decode(pieces)
        } catch (error) {
          expect(error).toHaveProperty('name', 'S3Error')
        }
      }),
    )
  })
})
