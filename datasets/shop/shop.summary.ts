import { count, distinct, sum, summary } from '@cupel/core/summary'
import { shopEvents } from './events.ts'

const inactivity = "interval '30 minutes'"

/**
 * Visits, by what a visitor really did: who does nothing for half an hour comes back in a new session, whatever the
 * tracker of the shop calls it.
 */
export const shopSessions = summary({
  name: 'shop_sessions',
  description: 'Sessions of the shop: what a visitor did without a pause of half an hour.',
  from: shopEvents,
  by: ['user_id'],
  rows: {
    columns: {
      started_at: { type: 'timestamptz(3)', description: 'When it began.' },
      ended_at: { type: 'timestamptz(3)', description: 'When its last event was.' },
      views: { type: 'bigint', description: 'Products looked at, each time.' },
      purchases: { type: 'bigint', description: 'Products bought.' },
      spent: { type: 'numeric', description: 'What was paid, in US dollars.' },
    },
    sql: (source) => `
      SELECT user_id, min(event_time) AS started_at, max(event_time) AS ended_at,
             count(*) FILTER (WHERE action = 'view') AS views,
             count(*) FILTER (WHERE action = 'purchase') AS purchases,
             coalesce(sum(price) FILTER (WHERE action = 'purchase'), 0) AS spent
        FROM (SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY user_id ORDER BY event_time) AS session
                FROM (SELECT *, event_time - lag(event_time) OVER (PARTITION BY user_id ORDER BY event_time)
                                  > ${inactivity} AS begins FROM ${source}) AS events) AS numbered
       GROUP BY user_id, session`,
  },
})

/** From looking to buying, a day and a product at a time. */
export const shopFunnel = summary({
  name: 'shop_funnel',
  description: 'How many of those who looked at a product on a day bought it that day.',
  from: shopEvents,
  period: { day: 'event_time' },
  by: ['product_id'],
  measures: {
    views: count('How often it was looked at.', { where: ['action', 'view'] }),
    viewers: distinct('Visitors who looked at it.', 'user_id', { where: ['action', 'view'] }),
    buyers: distinct('Visitors who bought it.', 'user_id', { where: ['action', 'purchase'] }),
    purchases: count('How often it was bought.', { where: ['action', 'purchase'] }),
    revenue: sum('What was paid for it, in US dollars.', 'price', { where: ['action', 'purchase'] }),
  },
  derived: {
    conversion: {
      description: 'Buyers of 100 viewers; null where nobody looked.',
      sql: 'round(100.0 * buyers / nullif(viewers, 0), 2)',
    },
  },
})
