import type { MicroUsd } from './money.ts'

/**
 * What is remembered of a user's spending. A fold over the payments in the order in which they arrive: what it holds
 * depends on that order alone, not on how the payments were cut into batches.
 */
export type History = {
  // Payments found genuine, with a known exchange rate: how many, their sum, and the sum of their squares. Exact.
  readonly payments: number
  readonly sum: MicroUsd
  readonly sumOfSquares: bigint // micro USD, squared
  readonly recent: readonly Recent[] // in order of arrival
}

/** A payment that arrived lately. Worth 0 when it was fraud or its rate was not known: it counts, but adds up to nothing. */
export type Recent = { readonly eventMs: number; readonly worth: MicroUsd }

export type Payment = {
  readonly eventMs: number
  readonly worth: MicroUsd | null // null: no exchange rate known
  readonly genuine: boolean
}

export const emptyHistory: History = { payments: 0, sum: 0n, sumOfSquares: 0n, recent: [] }

const keptRecent = 32
const keptMs = 3_600_000

/**
 * The history after one more payment. Fraud does not become a habit: it enters neither mean nor sums. Of recent ones, the
 * last 32 to arrive are kept that are no more than an hour older than the one that just came.
 */
export function remember(history: History, { eventMs, worth, genuine }: Payment): History {
  const counted = genuine ? worth : null
  const kept = history.recent.filter((recent) => recent.eventMs > eventMs - keptMs)
  return {
    ...addUp(history, counted, 1),
    recent: [...kept, { eventMs, worth: counted ?? 0n }].slice(-keptRecent),
  }
}

/** The history as if a payment had not been: it came again, corrected. */
export function forget(history: History, { eventMs, worth, genuine }: Payment): History {
  const counted = genuine ? worth : null
  const at = history.recent.findIndex(
    (recent) => recent.eventMs === eventMs && recent.worth === (counted ?? 0n),
  )
  return { ...addUp(history, counted, -1), recent: history.recent.filter((_, index) => index !== at) }
}

function addUp(
  { payments, sum, sumOfSquares }: History,
  worth: MicroUsd | null,
  sign: 1 | -1,
): Omit<History, 'recent'> {
  if (worth === null) return { payments, sum, sumOfSquares }
  return {
    payments: payments + sign,
    sum: sum + BigInt(sign) * worth,
    sumOfSquares: sumOfSquares + BigInt(sign) * worth * worth,
  }
}

/**
 * The most payments, and the most money, in any stretch of `windowMs` (its start excluded, its end included) that holds
 * the payment at `eventMs`; that one counts too. By event time, so late and out-of-order payments count where they belong.
 */
export function busiestWindow(
  recent: readonly Recent[],
  { eventMs, worth }: Recent,
  windowMs: number,
): { readonly payments: number; readonly sum: MicroUsd } {
  const near = recent.filter((other) => Math.abs(other.eventMs - eventMs) < windowMs)
  const ends = [eventMs, ...near.map((other) => other.eventMs).filter((end) => end > eventMs)]
  let payments = 0
  let sum = 0n
  for (const end of ends) {
    const inside = near.filter((other) => other.eventMs > end - windowMs && other.eventMs <= end)
    const together = inside.reduce((total, other) => total + other.worth, worth)
    if (inside.length + 1 > payments) payments = inside.length + 1
    if (together > sum) sum = together
  }
  return { payments, sum }
}
