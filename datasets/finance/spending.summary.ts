import { count, lookUp, sum, summary } from '@cupel/core/summary'
import { merchants } from './merchants.ts'
import { transactions } from './transactions.ts'

const spending = {
  from: transactions,
  by: ['user_id', 'merchant_id', 'currency'],
  joined: { category: lookUp(merchants, 'merchant_id', 'category') },
  measures: {
    payments: count('How many payments.'),
    amount: sum('What was paid, in `currency`.', 'amount'),
  },
} as const

export const dailySpending = summary({
  ...spending,
  name: 'daily_spending',
  description: 'What each user paid to each merchant on a day, by currency.',
  period: { day: 'event_time' },
})

export const monthlySpending = summary({
  ...spending,
  name: 'monthly_spending',
  description: 'What each user paid to each merchant in a month, by currency.',
  period: { month: 'event_time' },
})
