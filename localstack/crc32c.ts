// Slicing-by-8: eight tables, so that eight bytes cost eight look-ups and no dependent shifts.
// Polynomial 0x1EDC6F41 (Castagnoli), reflected: https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
const tables = makeTables(0x82f63b78)

/**
 * CRC-32C (Castagnoli) of `bytes` as an unsigned 32-bit number. `seed` is the result for the bytes before them, so
 * `crc32c(b, crc32c(a))` equals `crc32c(a followed by b)`.
 */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ]
  let crc = ~seed
  let at = 0
  for (const end = bytes.length - 7; at < end; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc =
      t7[crc & 255]! ^
      t6[(crc >>> 8) & 255]! ^
      t5[(crc >>> 16) & 255]! ^
      t4[crc >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 255]!
  return ~crc >>> 0
}

function makeTables(polynomial: number): readonly Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    return crc
  })
  const all = [first]
  for (let table = 1; table < 8; table++) {
    const previous = all[table - 1]!
    all.push(previous.map((crc) => (crc >>> 8) ^ first[crc & 255]!))
  }
  return all
}
