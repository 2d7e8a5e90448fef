/** How many things may be shown, so that a person can read them: a few at once, then so many a second. */
export type Budget = {
  /** Whether one more may be shown now; if not, it is counted. */
  readonly take: (nowMs: number) => boolean
  /** How many were not shown since this was last asked, when it is time to say so; else 0. */
  readonly withheld: (nowMs: number) => number
}

export function makeBudget({
  atOnce,
  perSecond,
  sayEveryMs,
}: {
  atOnce: number
  perSecond: number
  sayEveryMs: number
}): Budget {
  let left = atOnce
  let lastMs = Number.NEGATIVE_INFINITY
  let count = 0
  let saidMs = Number.NEGATIVE_INFINITY
  return {
    take(nowMs) {
      left = Math.min(atOnce, left + (perSecond * (nowMs - lastMs)) / 1000)
      lastMs = nowMs
      if (left >= 1) {
        left--
        return true
      }
      if (count === 0) saidMs = nowMs // the first of those that are counted
      count++
      return false
    },
    withheld(nowMs) {
      if (count === 0 || nowMs - saidMs < sayEveryMs) return 0
      const found = count
      count = 0
      return found
    },
  }
}
