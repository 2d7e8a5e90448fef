/** Numbers as people read them in the view. */
export const showCount = (value: number): string => Math.round(value).toLocaleString('en-US')

/** Below ten with one decimal, so that a trickle is no 0. */
export const showRate = (perSecond: number): string =>
  perSecond > 0 && perSecond < 9.95 ? perSecond.toFixed(1) : showCount(perSecond)

/** `12 ms`, `1.25 s`, `12.5 s`, `3:05`, `26:40:00`. */
export function showDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`
  return showClock(ms)
}

/** `0:07`, `3:05`, `1:00:00`. */
export function showClock(ms: number): string {
  const seconds = Math.round(ms / 1000)
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const [hours, minutes, rest] = parts.map((part) => String(part).padStart(2, '0'))
  return parts[0]! > 0 ? `${parts[0]}:${minutes}:${rest}` : `${hours === '00' ? parts[1] : minutes}:${rest}`
}

export const showMegabytes = (bytes: number): string => `${showCount(bytes / 1e6)} MB`
