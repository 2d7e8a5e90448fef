/** From `firstMs`, doubling with every further attempt up to `longestMs`. `attempt` counts from 1. */
export type Backoff = { readonly firstMs: number; readonly longestMs: number }

/** How long to wait after the `attempt`-th failure: half of the step for certain, the rest by `random` (0 to 1). */
export function backoffMs({ firstMs, longestMs }: Backoff, attempt: number, random: () => number): number {
  const stepMs = Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 30))
  return stepMs / 2 + (stepMs / 2) * random()
}
