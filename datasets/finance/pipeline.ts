import type { Pipeline } from '../pipeline.ts'
import { accounts } from './accounts.ts'
import { merchants } from './merchants.ts'
import { paymentsADay, usersFor, worldStartMs } from './scale.ts'
import { transactions } from './transactions.ts'
import { users } from './users.ts'

/** A bank: who pays whom, and which payments are fraud. */
export const finance = {
  name: 'finance',
  datasets: [users, merchants, accounts, transactions],
  source: {
    kind: 'generated',
    counted: transactions,
    worldStartMs,
    usualRate: 100,
    users: { usual: 500, forRecords: usersFor, recordsADay: paymentsADay },
    async load() {
      const { generateFinance } = await import('./generate.ts')
      return ({ records, ...options }) => generateFinance({ ...options, transactions: records })
    },
  },
  decided: transactions,
} satisfies Pipeline
