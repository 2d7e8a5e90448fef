/**
 * Time as an argument: windows, backoffs, retries and schedules ask only this.
 *
 * `now` never goes back, whatever happens to the machine's clock, and only differences of it mean something.
 * `date` is the wall clock, for times that are written into events.
 */
export type Clock = {
  readonly now: () => number // milliseconds
  readonly date: () => Date
  /** Runs once after `delayMs`, which may be longer than setTimeout's 24.8 days. Returns what cancels it. */
  readonly after: (delayMs: number, run: () => void) => () => void
  readonly speed?: number // how many of its milliseconds pass in one; default 1
}

const longestTimeoutMs = 2 ** 31 - 1 // setTimeout runs at once above it

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  after: (delayMs, run) => {
    let timer: NodeJS.Timeout
    const arm = (leftMs: number) => {
      const stepMs = Math.min(leftMs, longestTimeoutMs)
      timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : run()), stepMs)
    }
    arm(Math.max(0, delayMs))
    return () => clearTimeout(timer)
  },
}

/** A clock on which waiting takes `1/speed` of the time: with 60, AWS's retry after a minute comes after a second. */
export const scaledClock = (speed: number, clock: Clock = systemClock): Clock => ({
  now: () => clock.now() * speed,
  date: clock.date,
  after: (delayMs, run) => clock.after(delayMs / speed, run),
  speed,
})
