/**
 * Order of keys by their UTF-8 bytes, which is S3's order of listing. JavaScript's own order differs: it puts a
 * surrogate pair (above U+FFFF) before U+E000 to U+FFFF.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

/** Place of a UTF-16 code unit in UTF-8 order: surrogates last. */
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800)

/** Index of the first key that is not below `key`. `sorted` is in the order of `compareKeys`. */
export const lowerBound = (sorted: readonly string[], key: string): number =>
  partitionPoint(sorted, (candidate) => compareKeys(candidate, key) < 0)

/** Index of the first key after all keys that are below `prefix` or start with it. */
export const endOfPrefix = (sorted: readonly string[], prefix: string): number =>
  partitionPoint(sorted, (candidate) => compareKeys(candidate, prefix) < 0 || candidate.startsWith(prefix))

/** Index of the first key for which `before` no longer holds; it has to hold for a beginning of `sorted` and nowhere else. */
function partitionPoint(sorted: readonly string[], before: (key: string) => boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (before(sorted[middle]!)) low = middle + 1
    else high = middle
  }
  return low
}
