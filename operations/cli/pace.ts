import type { GeneratedSource } from '#datasets/pipeline.ts'
import { Failure } from './failure.ts'

/** What was asked for; any of it may be left open. */
export type AskedPace = {
  readonly records?: number // of what is counted; undefined: without end
  readonly users?: number
  readonly rate?: number // of what is counted a second
  readonly speed?: number // simulated days a minute
}
export type Pace = {
  readonly users: number | undefined // where there are any
  /** Records of what is counted a second, on average; undefined when it goes as fast as it can. */
  readonly rate: number | undefined
  /** Simulated days a minute that come of it, on average. */
  readonly speed: number | undefined
  /** Whether sending is even, or follows the simulated clock through busy days and quiet nights. */
  readonly follows: 'nothing' | 'rate' | 'clock'
}

const mostUsers = 200_000 // about 1 kB each
const tolerance = 0.05

/**
 * How fast to send for how many users. Each makes so many records a simulated day, so rate = users × those × speed / 60: any
 * two of them give the third. A rate alone is held evenly; a speed makes day and night visible. Throws a Failure when what
 * was asked for cannot be together.
 */
export function planPace(
  { records, users, rate, speed }: AskedPace,
  source: Pick<GeneratedSource, 'counted' | 'usualRate' | 'users'>,
): Pace {
  const held = rate ?? (records === undefined ? source.usualRate : undefined)
  const follows = held === undefined ? 'nothing' : 'rate'
  const people = source.users
  if (!people) return { users: undefined, rate: held, speed: undefined, follows }
  const rateOf = (users: number, speed: number): number => (users * people.recordsADay * speed) / 60
  const usualUsers = users ?? (records === undefined ? people.usual : people.forRecords(records))
  if (speed === undefined)
    return {
      users: inReach(usualUsers),
      rate: held,
      speed: held && held / rateOf(usualUsers, 1),
      follows,
    }
  if (rate === undefined)
    return { users: inReach(usualUsers), rate: rateOf(usualUsers, speed), speed, follows: 'clock' }
  const needed = Math.max(1, Math.round(rate / rateOf(1, speed)))
  const made = rateOf(users ?? needed, speed)
  if (Math.abs(made - rate) > rate * tolerance)
    throw new Failure(
      `${users === undefined ? '1 user' : `--users ${users}`} at --speed ${speed} ${users === undefined ? 'makes' : 'make'} ` +
        `${shown(made)} ${source.counted.name} a second, not --rate ${rate}: leave one of them out ` +
        `(rate = users × ${people.recordsADay} × speed / 60)`,
      2,
    )
  return { users: inReach(users ?? needed), rate: made, speed, follows: 'clock' }
}

function inReach(users: number): number {
  if (users > mostUsers)
    throw new Failure(`${users} users are more than fit into memory: ${mostUsers} at most`, 2)
  return users
}

/** A number for people: three digits that count. */
export const shown = (value: number): string =>
  value.toLocaleString(
    'en-US',
    value >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 },
  )

/** When a record may be sent, in milliseconds after the first one that waits; undefined for one that need not wait. */
export type Due<Outgoing> = (record: Outgoing) => number | undefined

/** Records of one topic evenly, `rate` a second; all others at once. */
export function evenly(topic: string, rate: number): Due<{ readonly topic: string }> {
  let before = 0
  return (record) => (record.topic === topic ? (before++ * 1000) / rate : undefined)
}

/** Records of one topic when their own time has come, at so many simulated days a minute; all others at once. */
export function byClock(
  topic: string,
  speed: number,
): Due<{ readonly topic: string; readonly timestampMs: number }> {
  const simulatedPerMs = speed * 24 * 60
  let firstMs: number | undefined
  return ({ topic: of, timestampMs }) => {
    if (of !== topic) return undefined
    firstMs ??= timestampMs
    return (timestampMs - firstMs) / simulatedPerMs
  }
}
