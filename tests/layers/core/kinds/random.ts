/** Numbers from 0 to below 1: the same for the same seed, the edges among them. */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % 16 === 0 ? 0 : state % 16 === 1 ? 1 - 2 ** -32 : state / 2 ** 32
  }
}
