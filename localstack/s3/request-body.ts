import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { makeChunkDecoder } from './aws-chunked.ts'
import {
  type Checksum,
  type ChecksumName,
  checksumNames,
  isChecksumName,
  isChecksumValue,
  makeChecksummer,
} from './checksums.ts'
import { S3Error } from './errors.ts'

/** What a request says about its body, and what has to hold of it. */
export type BodyClaims = {
  readonly framed: boolean // aws-chunked
  readonly size?: number // bytes, decoded
  readonly md5?: string // base64, Content-MD5
  readonly payloadSha256?: string // hex, part of the signature
  readonly checksum?: {
    readonly name: ChecksumName
    readonly value?: string // base64; without one, it is only computed, or stands
    readonly inTrailer?: boolean // behind the body
  }
}

export type BodyDigest = {
  readonly size: number
  readonly md5: string /* hex */
  readonly checksum?: Checksum
}

const largest = 5 * 1024 ** 3 // bytes in one PUT: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html

/** Reads the claims from the headers. Throws an `S3Error` when they are malformed or contradict each other. */
export const readClaims = (headers: IncomingHttpHeaders): BodyClaims => ({
  ...readTransfer(headers),
  checksum: readChecksum(headers, headers['x-amz-trailer']?.toString() ?? ''),
})

/** The claims without the checksum, for a request whose checksum is of something else than its body. */
export function readTransfer(headers: IncomingHttpHeaders): BodyClaims {
  const header = (name: string) => headers[name]?.toString()
  const payload = header('x-amz-content-sha256') ?? ''
  const framed = payload.startsWith('STREAMING-') || /\baws-chunked\b/i.test(header('content-encoding') ?? '')
  const length = header(framed ? 'x-amz-decoded-content-length' : 'content-length')
  if (length !== undefined && !/^\d{1,15}$/.test(length)) {
    throw new S3Error('InvalidArgument', `The body's length is not a number of bytes: ${length}`)
  }
  const size = length === undefined ? undefined : Number(length)
  if (size !== undefined && size > largest) {
    throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
      ProposedSize: size,
      MaxSizeAllowed: largest,
    })
  }
  const md5 = header('content-md5')
  if (md5 !== undefined && !/^[A-Za-z0-9+/]{22}==$/.test(md5)) {
    throw new S3Error('InvalidDigest', 'The Content-MD5 you specified is not valid.')
  }
  return {
    framed,
    size,
    md5,
    payloadSha256: /^[0-9a-f]{64}$/.test(payload) ? payload : undefined,
  }
}

function readChecksum(headers: IncomingHttpHeaders, trailer: string): BodyClaims['checksum'] {
  const announced = trailer.split(',').map((name) => name.trim().toLowerCase())
  const claims = checksumNames.flatMap((name) => {
    const value = headers[`x-amz-checksum-${name}`]?.toString()
    const inTrailer = announced.includes(`x-amz-checksum-${name}`)
    return value !== undefined || inTrailer ? [{ name, value, inTrailer }] : []
  })
  const [claim, ...others] = claims
  if (others.length > 0) {
    throw new S3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    )
  }
  if (claim?.value !== undefined && !isChecksumValue(claim.name, claim.value)) {
    throw new S3Error('InvalidRequest', `Value for x-amz-checksum-${claim.name} header is invalid.`)
  }
  return claim
}

/** The checksum that a request wants to have computed (`x-amz-checksum-algorithm`), in any case of letters. */
export function wantedChecksum(headers: IncomingHttpHeaders): ChecksumName | undefined {
  const algorithm = headers['x-amz-checksum-algorithm']?.toString().toLowerCase()
  if (algorithm === undefined || isChecksumName(algorithm)) return algorithm
  throw new S3Error(
    'InvalidRequest',
    'Checksum algorithm provided is unsupported. Please try again with a valid one.',
  )
}

/**
 * Passes the decoded bytes of a body to `write`, one call after the other, and checks all claims at the end. Throws an
 * `S3Error` when one does not hold, and what `write` throws. Memory is flat whatever the size.
 */
export async function receiveBody(
  source: AsyncIterable<Uint8Array>,
  claims: BodyClaims,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<BodyDigest> {
  const md5 = createHash('md5')
  const checksummer = claims.checksum && makeChecksummer(claims.checksum.name)
  const sha256 = claims.payloadSha256 && createHash('sha256')
  const decoder = claims.framed ? makeChunkDecoder() : undefined
  let size = 0
  for await (const received of source) {
    for (const bytes of decoder?.push(received) ?? [received]) {
      size += bytes.length
      if (size > largest)
        throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size')
      md5.update(bytes)
      checksummer?.update(bytes)
      if (sha256) sha256.update(bytes)
      await write(bytes)
    }
  }
  const trailers = decoder?.end()
  if (claims.size !== undefined && claims.size !== size) {
    throw new S3Error(
      'IncompleteBody',
      `The request declared a body of ${claims.size} bytes and brought ${size}`,
    )
  }
  if (sha256 && sha256.digest('hex') !== claims.payloadSha256) {
    throw new S3Error(
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )
  }
  const md5Digest = md5.digest()
  if (claims.md5 !== undefined && md5Digest.toString('base64') !== claims.md5) {
    throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.')
  }
  const digest = { size, md5: md5Digest.toString('hex') }
  if (!claims.checksum || !checksummer) return digest
  const { name, inTrailer } = claims.checksum
  const expected = claims.checksum.value ?? trailers?.get(`x-amz-checksum-${name}`)
  const value = checksummer.digest()
  if (expected === undefined && inTrailer) {
    throw new S3Error(
      'MalformedTrailerError',
      `The trailer x-amz-checksum-${name} was announced and did not come`,
    )
  }
  if (expected !== undefined && expected !== value) {
    throw new S3Error(
      'BadDigest',
      `The ${name.toUpperCase()} you specified did not match the calculated checksum.`,
    )
  }
  return { ...digest, checksum: { name, value, type: 'FULL_OBJECT' } }
}

/** A request's bytes. Leaving the loop early keeps the connection, so that the error can still be answered. */
export const bodyOf = (request: IncomingMessage): AsyncIterable<Uint8Array> =>
  request.iterator({ destroyOnReturn: false })

const longestDocument = 4 * 1024 ** 2 // bytes; 10,000 parts with checksums, or 1,000 keys of 1,024 bytes

/** The text of a small body, checked as `receiveBody` does. */
export async function receiveText(request: IncomingMessage, claims: BodyClaims): Promise<string> {
  const pieces: Uint8Array[] = []
  let length = 0
  await receiveBody(bodyOf(request), claims, async (bytes) => {
    length += bytes.length
    if (length > longestDocument) throw new S3Error('MalformedXML', 'The XML you provided is too long')
    pieces.push(bytes)
  })
  return Buffer.concat(pieces).toString()
}
