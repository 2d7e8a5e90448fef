import { dataset, type RowOf } from '@cupel/core/dataset'
import { derived, money, oneOf, text, timestamp } from '@cupel/core/kinds'
import { browserOf, deviceOf, systemOf } from './user-agent.ts'

/** What visitors do in the shop: files of events, dropped at intervals. */
export const shopEvents = dataset({
  name: 'shop_events',
  description: 'Shop events: who looked at which product, and who bought it.',
  landing: {},
  bronzeFolder: 'shop-events',
  silverFolder: 'processed-shop-events',
  table: 'shop_events',
  version: 1,
  key: ['user_id', 'session_id', 'action', 'product_id', 'event_time'],
  orderBy: 'event_time',
  append: true, // rows are numbered by `id`
  checks: [
    { rows: { min: 1 } },
    { unique: ['user_id', 'session_id', 'action', 'product_id', 'event_time'] },
    { notNull: 'price', when: ['action', 'purchase'] },
    { range: 'price', min: '0.01', max: '100000' },
    { range: 'event_time', min: '2020-01-01' },
    { fresh: '_loaded_at', withinHours: 24 },
  ],
  fields: {
    user_id: text('The visitor: digits, more of them than a double holds.', { pattern: '[1-9]\\d{0,19}' }),
    session_id: text('The session, as the tracker of the shop named it.', { max: 100 }),
    action: oneOf('What was done.', ['view', 'purchase']),
    product_id: text('The product.', { pattern: '[1-9]\\d{0,19}' }),
    event_time: timestamp('When it was done.'),
    price: money('What was paid, of a purchase.', { currency: 'USD', positive: true, optional: true }),
    user_agent: text('The User-Agent header of the request.', { max: 1000, optional: true }),
    browser: derived('Browser, by the user agent.', 'user_agent', browserOf),
    system: derived('Operating system, by the user agent.', 'user_agent', systemOf),
    device: derived('Type of device, by the user agent.', 'user_agent', deviceOf),
  },
})

export type ShopEvent = RowOf<typeof shopEvents>
