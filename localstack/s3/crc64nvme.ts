// CRC-64/NVME, reflected polynomial 0x9a6c9329ac4bc9b5, as two 32-bit halves because BigInt is far too slow a byte.
// NVM Express NVM Command Set Specification, 5.2.1.3.4; check value of "123456789": ae8b14860a799888
const high = new Uint32Array(256)
const low = new Uint32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let upper = 0
  let lower = byte
  for (let bit = 0; bit < 8; bit++) {
    const carry = lower & 1
    lower = (lower >>> 1) | (upper << 31)
    upper >>>= 1
    if (carry) {
      upper ^= 0x9a6c9329
      lower ^= 0xac4bc9b5
    }
  }
  high[byte] = upper
  low[byte] = lower
}

/** The two halves of the CRC of all bytes so far; both 0 before the first. */
export type Crc64 = { readonly high: number; readonly low: number }

/** CRC-64/NVME of the bytes that led to `seed`, followed by `bytes`. */
export function crc64nvme(bytes: Uint8Array, seed: Crc64 = { high: 0, low: 0 }): Crc64 {
  let upper = ~seed.high
  let lower = ~seed.low
  for (const byte of bytes) {
    const index = (lower ^ byte) & 255
    lower = ((lower >>> 8) | (upper << 24)) ^ low[index]!
    upper = (upper >>> 8) ^ high[index]!
  }
  return { high: ~upper >>> 0, low: ~lower >>> 0 }
}
