import { dataset, type RowOf } from '@cupel/core/dataset'
import { country, oneOf, text, timestamp, uuid } from '@cupel/core/kinds'

/** Where money is spent. */
export const merchants = dataset({
  name: 'merchants',
  description: 'Merchants: where money is spent, what they sell and how risky that is.',
  topic: 'merchant_info',
  landing: {},
  bronzeFolder: 'merchant-folder',
  silverFolder: 'processed-merchants',
  table: 'merchants',
  version: 1,
  key: 'merchant_id',
  orderBy: 'updated_at',
  fields: {
    merchant_id: uuid('The merchant, for ever.'),
    name: text('Trading name.', { max: 200 }),
    category: oneOf('What the merchant sells.', [
      'grocery',
      'restaurant',
      'fuel',
      'travel',
      'electronics',
      'fashion',
      'health',
      'entertainment',
      'utilities',
      'crypto',
      'gambling',
      'jewelry',
      'money_transfer',
    ]),
    risk: oneOf('Risk class that compliance assigned.', ['low', 'medium', 'high']),
    country: country('Country of establishment.'),
    city: text('City of establishment.', { max: 200 }),
    updated_at: timestamp('When the merchant last changed.'),
  },
})

export type Merchant = RowOf<typeof merchants>
