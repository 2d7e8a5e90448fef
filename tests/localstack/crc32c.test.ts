import fc from 'fast-check'
import { expect, it } from 'vitest'
import { crc32c } from '#localstack/crc32c.ts'

// The first is the check value of the catalogue of CRC algorithms, the others are from RFC 3720, B.4.
it.each([
  ['123456789', Buffer.from('123456789'), 0xe3069283],
  ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 times 0xff', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ['nothing', Buffer.alloc(0), 0],
])('has the published value for %s', (_, bytes, checksum) => {
  expect(crc32c(bytes)).toBe(checksum)
})

it('agrees with the definition, bit by bit, wherever the bytes are cut', () => {
  const slow = (bytes: Uint8Array) => {
    let crc = 0xffff_ffff
    for (const byte of bytes) {
      crc ^= byte
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
    }
    return (crc ^ 0xffff_ffff) >>> 0
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, place) => {
      expect(crc32c(bytes)).toBe(slow(bytes))
      expect(crc32c(bytes.subarray(place), crc32c(bytes.subarray(0, place)))).toBe(slow(bytes))
    }),
  )
})
