/** How large a generated world is, and when it begins. */

/** How people stand then does not depend on when a run starts, unless it starts earlier. */
export const worldStartMs = Date.UTC(2024, 0, 1)
/** Of one user, on average over a year: the others of a topic come on top of that. */
export const paymentsADay = 4

/** How many users a run has when not told: one for 40 transactions, from 50 to 5,000. */
export const usersFor = (transactions: number): number =>
  Math.round(Math.min(5000, Math.max(50, transactions / 40)))
