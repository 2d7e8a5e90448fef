import { dataset, type RowOf } from '@cupel/core/dataset'
import { currency, money, oneOf, timestamp, uuid } from '@cupel/core/kinds'

/** Accounts with their balance. */
export const accounts = dataset({
  name: 'accounts',
  description: 'Accounts with their balance: what each user holds, and in which currency.',
  topic: 'account_balances',
  bronzeFolder: 'account-folder',
  silverFolder: 'processed-accounts',
  table: 'accounts',
  version: 1,
  key: 'account_id',
  orderBy: 'updated_at',
  references: { user_id: { dataset: 'users', late: 'backfill' } },
  fields: {
    account_id: uuid('The account, for ever.'),
    user_id: uuid('The user who holds it.'),
    type: oneOf('Type of account.', ['checking', 'savings', 'credit']),
    balance: money('Balance in the account currency; below zero when overdrawn.'),
    currency: currency('Currency of the account.'),
    status: oneOf('Whether it can be used.', ['active', 'dormant', 'frozen', 'closed']),
    opened_at: timestamp('When it was opened.'),
    updated_at: timestamp('When balance or status last changed.'),
  },
})

export type Account = RowOf<typeof accounts>
