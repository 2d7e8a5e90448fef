import { dataset, type RowOf } from '@cupel/core/dataset'
import { country, currency, decimal, money, oneOf, text, timestamp, uuid } from '@cupel/core/kinds'

/** Payments from accounts to merchants. */
export const transactions = dataset({
  name: 'transactions',
  description: 'Transactions: payments from an account to a merchant, where and how they were made.',
  topic: 'transactions',
  bronzeFolder: 'transactions-folder',
  silverFolder: 'processed-transactions',
  table: 'transactions',
  version: 1,
  key: 'transaction_id',
  orderBy: 'event_time',
  references: {
    account_id: { dataset: 'accounts', late: 'backfill' },
    user_id: { dataset: 'users', late: 'backfill' },
    merchant_id: { dataset: 'merchants', late: 'backfill' },
  },
  fields: {
    transaction_id: uuid('The transaction, for ever.'),
    account_id: uuid('The account that pays.'),
    user_id: uuid('The user who holds the account.'),
    merchant_id: uuid('The merchant who is paid.'),
    amount: money('What is paid, in `currency`.', { positive: true }),
    currency: currency('Currency of the amount.'),
    country: country('Country where it was made.'),
    city: text('City where it was made.', { max: 200 }),
    latitude: decimal('Degrees north.', { precision: 9, scale: 6, min: '-90', max: '90', optional: true }),
    longitude: decimal('Degrees east.', { precision: 9, scale: 6, min: '-180', max: '180', optional: true }),
    channel: oneOf('How it was made.', ['pos', 'online', 'atm', 'transfer', 'mobile']),
    device: text('Device or terminal, where known.', { max: 200, optional: true }),
    event_time: timestamp('When it was made.'),
  },
})

export type Transaction = RowOf<typeof transactions>
