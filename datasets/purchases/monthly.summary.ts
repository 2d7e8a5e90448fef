import { count, distinct, sum, summary } from '@cupel/core/summary'
import { purchases } from './purchases.ts'

const net = 'gross - discounts - returns + corrections'

export const monthlyPurchases = summary({
  name: 'monthly_purchase_summary',
  description: 'What each buyer bought and brought back in a month, by category and store.',
  from: purchases,
  period: { month: 'purchased_at' },
  by: ['buyer', 'category', 'store', 'currency'],
  measures: {
    purchases: count('How many lines were bought.', { where: ['kind', 'purchase'] }),
    receipts: distinct('On how many receipts.', 'receipt', { where: ['kind', 'purchase'] }),
    gross: sum('What they cost before discounts.', ['quantity', 'unit_price'], {
      where: ['kind', 'purchase'],
    }),
    discounts: sum('What was taken off.', 'discount', { where: ['kind', 'purchase'] }),
    returns: sum('What was paid back.', ['quantity', 'unit_price'], { where: ['kind', 'return'] }),
    corrections: sum('What corrections add, or take away below zero.', ['quantity', 'unit_price'], {
      where: ['kind', 'correction'],
    }),
  },
  derived: {
    net: { description: 'What was kept: gross - discounts - returns + corrections.', sql: net },
    average_basket: {
      description: 'What a receipt came to, after discounts; null of none.',
      sql: 'round((gross - discounts) / nullif(receipts, 0), 2)',
    },
  },
  views: {
    monthly_purchase_change: {
      description: 'Each group of a month or the one before it: what was kept in both, and the difference.',
      sql: `SELECT month, buyer, category, store, currency, sum(net) AS net, sum(net_before) AS net_before, sum(net - net_before) AS change
FROM (SELECT month, buyer, category, store, currency, net, 0 AS net_before FROM monthly_purchase_summary
  UNION ALL SELECT (month + interval '1 month')::date, buyer, category, store, currency, 0, net FROM monthly_purchase_summary) AS months
GROUP BY month, buyer, category, store, currency`,
    },
  },
})
