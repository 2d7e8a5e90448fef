/** A part of an object: `length` bytes from `start` on, both counted from 0. */
export type ByteRange = { readonly start: number; readonly length: number }

/**
 * What a Range header asks of an object of `size` bytes. `whole` when it is absent or when S3 ignores it (another unit,
 * several ranges, last before first); `unsatisfiable` when no byte of the object is in it.
 * https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return 'whole'
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, length }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return 'whole'
  if (start >= size) return 'unsatisfiable'
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  return { start, length: end - start + 1 }
}
