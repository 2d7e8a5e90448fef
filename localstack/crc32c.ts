// CRC-32C (Castagnoli), reflected polynomial 0x82F63B78, as record batches and S3's checksums carry it. "Slicing by 8":
// eight tables let one step take eight bytes, several times faster than byte by byte; node:zlib only offers the other
// CRC-32. https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
const [T0, T1, T2, T3, T4, T5, T6, T7] = makeTables()

/** CRC-32C as an unsigned 32-bit number. With the checksum of the bytes before as `seed`, that of both together. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed
  let i = 0
  for (const last = bytes.length - 8; i <= last; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    crc =
      T7[crc & 255]! ^
      T6[(crc >>> 8) & 255]! ^
      T5[(crc >>> 16) & 255]! ^
      T4[crc >>> 24]! ^
      T3[bytes[i + 4]!]! ^
      T2[bytes[i + 5]!]! ^
      T1[bytes[i + 6]!]! ^
      T0[bytes[i + 7]!]!
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ T0[(crc ^ bytes[i]!) & 255]!
  return ~crc >>> 0
}

type Table = Int32Array
function makeTables(): [Table, Table, Table, Table, Table, Table, Table, Table] {
  const first = new Int32Array(256).map((_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
    return crc
  })
  const next = (table: Table) => table.map((crc) => (crc >>> 8) ^ first[crc & 255]!)
  const tables: Table[] = [first]
  while (tables.length < 8) tables.push(next(tables.at(-1)!))
  return tables as ReturnType<typeof makeTables>
}
