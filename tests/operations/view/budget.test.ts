import { expect, it } from 'vitest'
import { makeBudget } from '#operations/cli/view/budget.ts'

const limits = { atOnce: 5, perSecond: 2, sayEveryMs: 5_000 }

it('shows a few at once, then so many a second, and says how many were not shown', () => {
  const budget = makeBudget(limits)
  const takenAt = (nowMs: number, count: number) =>
    Array.from({ length: count }, () => budget.take(nowMs)).filter(Boolean).length
  expect(takenAt(0, 20)).toBe(5)
  expect(takenAt(1_000, 20)).toBe(2)
  expect(budget.withheld(1_000)).toBe(0) // it waits for more
  expect(budget.withheld(5_000)).toBe(33)
  expect(budget.withheld(20_000)).toBe(0)
  expect(takenAt(60_000, 20)).toBe(5)
})

it('shows all of a trickle', () => {
  const budget = makeBudget(limits)
  for (let second = 0; second < 100; second++) expect(budget.take(second * 1_000)).toBe(true)
  expect(budget.withheld(1e9)).toBe(0)
})
