import { S3Error } from './errors.ts'

export type ChunkDecoder = {
  /** The data bytes that these body bytes complete, as views into them. Throws `IncompleteBody` for broken framing. */
  push(bytes: Uint8Array): readonly Uint8Array[]
  /** To be called after the last byte: the trailers by lower-case name. Throws when the body ended too early. */
  end(): ReadonlyMap<string, string>
}

const longestLine = 8192 // bytes
const mostTrailers = 32

/**
 * Decodes the `aws-chunked` framing of a body, however its bytes are cut into pieces. Chunk signatures are not checked.
 *
 * ```
 * body     = chunk* last trailer* CRLF
 * chunk    = size [";chunk-signature=" hex] CRLF data CRLF       size in hex, bytes of data
 * last     = "0" [";chunk-signature=" hex] CRLF
 * trailer  = name ":" value CRLF
 * ```
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
export function makeChunkDecoder(): ChunkDecoder {
  const trailers = new Map<string, string>()
  let state: 'size' | 'data' | 'after data' | 'trailer' | 'done' = 'size'
  let left = 0 // data bytes that the current chunk still has to bring
  let line = ''

  function onLine(text: string): void {
    if (state === 'after data') {
      if (text !== '') throw broken('a chunk is longer than its size says')
      state = 'size'
    } else if (state === 'size') {
      const size = /^([0-9a-f]{1,12})(?:;.*)?$/i.exec(text)?.[1]
      if (size === undefined) throw broken('a chunk does not start with its size in hex')
      left = Number.parseInt(size, 16)
      state = left === 0 ? 'trailer' : 'data'
    } else if (text === '') {
      state = 'done'
    } else {
      const colon = text.indexOf(':')
      if (colon < 1 || trailers.size === mostTrailers) {
        throw new S3Error(
          'MalformedTrailerError',
          'The request contained trailing data that was not well-formed',
        )
      }
      trailers.set(text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim())
    }
  }

  return {
    push(bytes) {
      const data: Uint8Array[] = []
      let at = 0
      while (at < bytes.length && state !== 'done') {
        if (state === 'data') {
          const piece = bytes.subarray(at, at + left)
          data.push(piece)
          at += piece.length
          left -= piece.length
          if (left === 0) state = 'after data'
          continue
        }
        const feed = bytes.indexOf(10, at)
        const end = feed < 0 ? bytes.length : feed
        if (line.length + end - at > longestLine) throw broken('a line of the framing is too long')
        line += Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1')
        at = end + 1
        if (feed < 0) break
        const text = line.endsWith('\r') ? line.slice(0, -1) : line
        line = ''
        onLine(text)
      }
      return data
    },
    end() {
      // Some clients leave out the empty line at the very end; nothing is missing then.
      if (state !== 'done' && !(state === 'trailer' && line === '')) throw broken('the body ended early')
      return trailers
    },
  }
}

const broken = (what: string): S3Error =>
  new S3Error('IncompleteBody', `The aws-chunked body is broken: ${what}`)
