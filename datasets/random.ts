/** Seeded random numbers: the same seed gives the same numbers on every machine. Not for secrets. */
export type Random = {
  readonly next: () => number // in [0, 1)
  readonly below: (bound: number) => number // whole number in [0, bound)
  readonly chance: (probability: number) => boolean
  readonly pick: <T>(list: readonly T[]) => T
  /** Rank in [0, size) in which the first are much more frequent: probability about 1 / rank, as in Zipf's law. */
  readonly rank: (size: number) => number
  /** One of a list that begins with the most popular: by `rank`. */
  readonly zipf: <T>(list: readonly T[]) => T
  readonly normal: () => number // mean 0, deviation 1
  readonly uuid: () => string // version 4
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/**
 * The generator sfc32 (Chris Doty-Humphrey's Small Fast Counter, http://pracrand.sourceforge.net/RNG_engines.txt): 128 bits
 * of state, so identifiers do not repeat in runs without end. The streams of a seed have nothing in common.
 */
export function makeRandom(seed: number, stream = 0): Random {
  let a = seed | 0
  let b = Math.floor(seed / 2 ** 32) | 0
  let c = stream | 0
  let counter = 1
  const word = (): number => {
    const result = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + result) | 0
    return result >>> 0
  }
  for (let i = 0; i < 16; i += 1) word() // until every bit of the seed has reached every bit of the state

  const next = () => word() / 2 ** 32
  const below = (bound: number) => Math.floor(next() * bound)
  const four = (bits: number) =>
    hex[bits >>> 24]! + hex[(bits >>> 16) & 255]! + hex[(bits >>> 8) & 255]! + hex[bits & 255]!
  const rank = (size: number) => Math.min(size - 1, Math.floor(Math.exp(Math.log(size + 1) * next())) - 1)
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (list) => list[below(list.length)]!,
    rank,
    zipf: (list) => list[rank(list.length)]!,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    uuid() {
      const one = four(word())
      const two = four((word() & 0xffff0fff) | 0x4000)
      const three = four((word() & 0x3fffffff) | 0x80000000)
      return `${one}-${two.slice(0, 4)}-${two.slice(4)}-${three.slice(0, 4)}-${three.slice(4)}${four(word())}`
    },
  }
}
