/** A line of cupel.log that says that something went wrong. */
export type LoggedError = {
  readonly atMs: number | null // null in a log of before lines had times
  readonly line: string
  readonly times: number // in a row, but for times and numbers in it
}

const timed = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) (.*)$/
const telling =
  /\bwarning: |\bError\b|Task timed out|\bfailed\b|\bgiven up\b|\bcould not\b|\bcannot\b|\bdropped\b|is not loaded|ended by itself|read-only|disk is full/
const harmless = /\bALERT\b|^\s+at |^Error:?$|work again|runs again/

/** The last errors and warnings of a log, oldest first. What is said again and again is one, with its last time. */
export function lastErrors(log: string, count: number): readonly LoggedError[] {
  const found: LoggedError[] = []
  for (const text of log.split('\n')) {
    const [, time, rest] = timed.exec(text) ?? [undefined, undefined, text]
    const line = rest!.trim()
    if (!telling.test(line) || harmless.test(line)) continue
    const atMs = time === undefined ? null : Date.parse(time)
    const before = found.at(-1)
    if (before && sketch(before.line) === sketch(line)) found.pop()
    const times = before && sketch(before.line) === sketch(line) ? before.times + 1 : 1
    found.push({ atMs, line, times })
  }
  return found.slice(-count)
}

const sketch = (line: string): string => line.replace(/[\da-f-]{8,}|\d+/gi, '#')
