import type { Clock } from './clock.ts'

/**
 * A log that says the same thing at most once in `periodMs`, so that an outage is a few lines and not a flood.
 * `about` is what makes two lines the same thing; `forget` lets the next one through at once.
 */
export function rarely(log: (line: string) => void, clock: Pick<Clock, 'now'>, periodMs = 30_000) {
  const saidAt = new Map<string, number>()
  return {
    say(about: string, line: string): void {
      const last = saidAt.get(about)
      if (last !== undefined && clock.now() - last < periodMs) return
      if (saidAt.size >= 100)
        for (const [old, at] of saidAt) if (clock.now() - at >= periodMs) saidAt.delete(old)
      saidAt.set(about, clock.now())
      log(line)
    },
    forget(): void {
      saidAt.clear()
    },
  }
}
