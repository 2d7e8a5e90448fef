import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { crc32c } from '../crc32c.ts'
import { type Crc64, crc64nvme } from './crc64nvme.ts'

export type ChecksumName = 'crc32' | 'crc32c' | 'crc64nvme' | 'sha1' | 'sha256'

/** A checksum of an object as S3 shows it. COMPOSITE is the checksum of the parts' checksums, with `-<parts>` behind. */
export type Checksum = {
  readonly name: ChecksumName
  readonly value: string // base64 of the big-endian bytes
  readonly type: 'FULL_OBJECT' | 'COMPOSITE'
}

export type Checksummer = { update(bytes: Uint8Array): void; digest(): string }

const lengths: Record<ChecksumName, number> = { crc32: 4, crc32c: 4, crc64nvme: 8, sha1: 20, sha256: 32 } // bytes
export const checksumNames = Object.keys(lengths) as readonly ChecksumName[]

export const isChecksumName = (name: string): name is ChecksumName => Object.hasOwn(lengths, name)

/** Whether `value` could be a checksum of this kind: base64 of the right number of bytes. */
export const isChecksumValue = (name: ChecksumName, value: string): boolean => {
  const bytes = Buffer.from(value, 'base64')
  return bytes.length === lengths[name] && bytes.toString('base64') === value
}

/** A running checksum whose digest is base64, as in the `x-amz-checksum-*` headers. */
export function makeChecksummer(name: ChecksumName): Checksummer {
  if (name === 'sha1' || name === 'sha256') {
    const hash = createHash(name)
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('base64') }
  }
  if (name === 'crc64nvme') {
    let crc: Crc64 = { high: 0, low: 0 }
    return {
      update: (bytes) => {
        crc = crc64nvme(bytes, crc)
      },
      digest: () => bigEndian(crc.high, crc.low),
    }
  }
  const step = name === 'crc32' ? crc32 : crc32c
  let crc = 0
  return {
    update: (bytes) => {
      crc = step(bytes, crc)
    },
    digest: () => bigEndian(crc),
  }
}

/** The checksum of a multipart object over its parts' checksums, in order. */
export function compositeChecksum(name: ChecksumName, parts: readonly string[]): Checksum {
  const checksummer = makeChecksummer(name)
  for (const part of parts) checksummer.update(Buffer.from(part, 'base64'))
  return { name, value: `${checksummer.digest()}-${parts.length}`, type: 'COMPOSITE' }
}

function bigEndian(...words: number[]): string {
  const bytes = Buffer.alloc(words.length * 4)
  for (const [index, word] of words.entries()) bytes.writeUInt32BE(word, index * 4)
  return bytes.toString('base64')
}
