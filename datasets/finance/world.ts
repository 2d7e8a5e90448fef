import { makeSource } from './fakers.ts'
import { makeUser, type User } from './people.ts'
import { makeTrade, type Trade } from './trade.ts'

/** The people and merchants that a generator run is about. */
export type World = {
  readonly trade: Trade
  readonly users: readonly User[] // at least one
}

/**
 * Make the world of a seed as it stands at `worldMs`. Same arguments, same world; a larger one holds the people and
 * merchants of a smaller one.
 */
export function makeWorld(seed: number, { worldMs, users }: { worldMs: number; users: number }): World {
  const society = makeSource(seed, 2, worldMs)
  return {
    trade: makeTrade(makeSource(seed, 1, worldMs), Math.min(2000, Math.round(users / 10))),
    users: Array.from({ length: users }, (_, number) => makeUser(society, number)),
  }
}
