import { exchangeRates } from './lists.ts'

/** About what a unit of a currency is worth in US dollars at that time, as floating point: to make up amounts, not to decide on them. */
export function usdPerUnit(currency: string, timeMs: number): number {
  const steps = stepsOf.get(currency)
  if (!steps) return 1
  let at = steps.length - 1
  while (at > 0 && steps[at]!.fromMs > timeMs) at -= 1
  return steps[at]!.usd
}

const stepsOf = new Map<string, { readonly fromMs: number; readonly usd: number }[]>()
for (const { currency, from, usdPerUnit } of exchangeRates) {
  const steps = stepsOf.get(currency) ?? []
  stepsOf.set(currency, steps)
  steps.push({ fromMs: Date.parse(from), usd: Number(usdPerUnit) })
}
for (const steps of stepsOf.values()) steps.sort((a, b) => a.fromMs - b.fromMs)

const withoutCents = new Set(['JPY', 'KRW', 'HUF'])

/** Hundredths of a unit that are worth so many dollars, 1 at least; whole units where nobody counts in cents. */
export function centsFor(usd: number, currency: string, timeMs: number): number {
  const units = usd / usdPerUnit(currency, timeMs)
  if (withoutCents.has(currency)) return Math.max(1, Math.round(units)) * 100
  return Math.max(1, Math.round(units * 100))
}
