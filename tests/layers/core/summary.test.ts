import { count, lookUp, sum, summary } from '@cupel/core/summary'
import { describe, expect, it } from 'vitest'
import { merchants } from '#datasets/finance/merchants.ts'
import { transactions } from '#datasets/finance/transactions.ts'
import { users } from '#datasets/finance/users.ts'

const base = { name: 'spent', description: 'A sum.', from: transactions } as const
const measures = { payments: count('How many.') }

describe('summary', () => {
  it.each<[string, () => unknown, string]>([
    [
      'money of several currencies in one sum',
      () => summary({ ...base, by: ['user_id'], measures: { amount: sum('All.', 'amount') } }),
      'money of one currency in a sum',
    ],
    [
      'a sum of text',
      () => summary({ ...base, by: ['user_id'], measures: { cities: sum('All.', 'city') } }),
      'sums of money, decimal, integer',
    ],
    [
      'a period of what is no time',
      () => summary({ ...base, by: [], period: { day: 'city' }, measures }),
      'a period of a timestamp or date',
    ],
    [
      'groups by personal data',
      () =>
        summary({
          name: 'names',
          description: 'Of a name.',
          from: users,
          by: ['full_name'],
          measures: { users: count('How many.') },
        }),
      'groups that show nobody',
    ],
    [
      'a look-up by a field of another kind than the key',
      () =>
        summary({
          ...base,
          by: ['user_id'],
          joined: { trade: lookUp(merchants, 'city', 'category') },
          measures,
        }),
      'of the kind that the one key of merchants has',
    ],
    [
      'a column twice',
      () => summary({ ...base, by: ['user_id'], measures: { user_id: count('How many.') } }),
      'each column once',
    ],
  ])('refuses %s', (_, define, message) => {
    expect(define).toThrow(message)
  })

  it('knows the fields: what is misspelt does not compile', () => {
    // @ts-expect-error: no such field to group by
    expect(() => summary({ ...base, by: ['usr_id'], measures })).toThrow('fields of transactions')
    expect(() =>
      // @ts-expect-error: no such field to add up
      summary({ ...base, by: ['currency'], measures: { amount: sum('All.', 'amuont') } }),
    ).toThrow('measures of fields')
    // @ts-expect-error: no such field to take the day of
    expect(() => summary({ ...base, by: [], period: { day: 'when' }, measures })).toThrow('a period of')
    expect(() =>
      // @ts-expect-error: no such field of merchants
      lookUp(merchants, 'merchant_id', 'kategory'),
    ).not.toThrow()
  })
})
