import { dataset, type RowOf } from '@cupel/core/dataset'
import { money, oneOf, text, timestamp } from '@cupel/core/kinds'

const longId = { max: 20, pattern: String.raw`\d{1,20}` } // beyond 2^53 a number would lose digits

/** What visitors of a shop look at and buy. */
export const shopEvents = dataset({
  name: 'shop_events',
  description: 'Shop events: what visitors of a shop look at and buy, from files that come now and then.',
  landing: { formats: ['csv'] },
  bronzeFolder: 'shop-events-folder',
  silverFolder: 'processed-shop-events',
  table: 'shop_events',
  version: 1,
  key: ['session_id', 'action', 'product_id', 'event_time'],
  orderBy: 'event_time',
  append: true, // an event is never corrected
  fields: {
    user_id: text('The visitor, for ever: digits.', longId),
    session_id: text('The visit.', { max: 64 }),
    action: oneOf('What was done.', ['view', 'purchase']),
    product_id: text('The product: digits.', longId),
    event_time: timestamp('When it was done.'),
    price: money('What was paid, where something was bought.', { positive: true, optional: true }),
    user_agent: text('What the browser says of itself.', { max: 500, optional: true }),
  },
})

export type ShopEvent = RowOf<typeof shopEvents>
