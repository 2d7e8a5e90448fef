import { dataset, type RowOf } from '@cupel/core/dataset'
import { currency, integer, money, oneOf, text, timestamp } from '@cupel/core/kinds'

/** What people buy in shops and bring back, a line of a receipt each. */
export const purchases = dataset({
  name: 'purchases',
  description: 'Purchases: lines of receipts; returns and corrections are records of their own.',
  topic: 'purchases',
  bronzeFolder: 'purchases-folder',
  silverFolder: 'processed-purchases',
  table: 'purchases',
  version: 1,
  key: 'record_id',
  orderBy: 'recorded_at', // sent again with another content: the later one counts
  fields: {
    record_id: text('The record, for ever.', { max: 100 }),
    kind: oneOf('What it is.', ['purchase', 'return', 'correction']),
    refers_to: text('The record that a return or a correction is about.', { max: 100, optional: true }),
    receipt: text('The receipt that it stands on.', { max: 100 }),
    buyer: text('Number of the buyer, where known.', { max: 100, optional: true }),
    store: text('Where it was bought.', { max: 200 }),
    category: text('What sort of thing it is.', { max: 100 }),
    item: text('What was bought.', { max: 500 }),
    quantity: integer('Pieces. Of a correction below zero where there were fewer.', {
      min: -1_000_000,
      max: 1_000_000,
    }),
    unit_price: money('Of one piece, in `currency`; of a return what is paid back for one.'),
    discount: money('What was taken off the line, in `currency`.', { optional: true }),
    currency: currency('Of price and discount.'),
    payment_method: oneOf('How it was paid.', ['card', 'cash', 'transfer', 'voucher', 'other'], {
      optional: true,
    }),
    purchased_at: timestamp('When it was bought, brought back or corrected: the month that it counts in.'),
    recorded_at: timestamp('When the till wrote this.'),
  },
  checks: [
    { notNull: 'refers_to', when: ['kind', 'return'] },
    { range: 'discount', min: 0 },
  ],
})

export type Purchase = RowOf<typeof purchases>
