/** Numbers as people read them. */
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

/** `2026-11-21 13:20:01.123`, in UTC. */
export const showTime = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').replace('Z', '')

/** `+13 ms`, `+1.24 s`, `+3 min 5 s`, `+2 h 0 min`. */
export function showDifference(ms: number): string {
  const sign = ms < 0 ? '−' : '+'
  const size = Math.abs(ms)
  if (size < 1_000) return `${sign}${Math.round(size)} ms`
  if (size < 60_000) return `${sign}${(size / 1_000).toFixed(2)} s`
  const [unit, parts, small] = size < 3_600_000 ? [60_000, 1_000, 's'] : [3_600_000, 60_000, 'min']
  const large = small === 's' ? 'min' : 'h'
  return `${sign}${Math.floor(size / unit)} ${large} ${Math.floor((size % unit) / parts)} ${small}`
}

/** `1.2 MB`, in powers of 1,000. */
export function showBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = bytes < 1_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1_000 ** power
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power]}`
}
