import type { Postgres } from '@cupel/io/postgres'
import type { Panel } from './chart.ts'

/** What a shop sold of a category in a month. Amounts are exact, as text with two decimals. */
export type MonthRow = {
  readonly currency: string
  readonly store: string
  readonly category: string
  readonly purchases: string
  readonly gross: string
  readonly returns: string
  readonly net: string
  readonly basket: string // of a receipt, on average
  readonly before: string // what was kept in the month before
}

/** Of one buyer, category and store receipts are told apart, so they add up over buyers. `month`: `2026-10`. */
export const readMonth = (
  warehouse: Pick<Postgres, 'query'>,
  month: string,
): Promise<readonly MonthRow[]> => {
  const amount = (sum: string) => `to_char(${sum}, 'FM999,999,999,999,990.00')`
  return warehouse.query<MonthRow>(
    `WITH months AS (
       SELECT *, month = $1::date AS is_now FROM monthly_purchase_summary
        WHERE month IN ($1::date, ($1::date - interval '1 month')::date))
     SELECT currency, store, category,
            coalesce(sum(purchases) FILTER (WHERE is_now), 0)::text AS purchases,
            ${amount('coalesce(sum(gross) FILTER (WHERE is_now), 0)')} AS gross,
            ${amount('coalesce(sum(returns) FILTER (WHERE is_now), 0)')} AS returns,
            ${amount('coalesce(sum(net) FILTER (WHERE is_now), 0)')} AS net,
            coalesce(${amount('sum(gross - discounts) FILTER (WHERE is_now) / nullif(sum(receipts) FILTER (WHERE is_now), 0)')}, '–') AS basket,
            ${amount('coalesce(sum(net) FILTER (WHERE NOT is_now), 0)')} AS before
       FROM months GROUP BY currency, store, category ORDER BY currency, store, category`,
    [`${month}-01`],
  )
}

/** `+12 %`, `−3 %`, `new`. */
export function showChange(net: string, before: string): string {
  const [now, then] = [numberOf(net), numberOf(before)]
  if (then === 0) return now === 0 ? '' : 'new'
  const percent = Math.round((100 * (now - then)) / Math.abs(then))
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent)} %`
}

export const panelsOf = (rows: readonly MonthRow[]): readonly Panel[] =>
  [...new Set(rows.map(({ currency }) => currency))].map((currency) => ({
    currency,
    bars: rows
      .filter((row) => row.currency === currency)
      .map(({ store, category, net, before }) => ({
        label: `${store}, ${category}`,
        net: numberOf(net),
        before: numberOf(before),
      })),
  }))

const numberOf = (amount: string): number => Number(amount.replaceAll(',', ''))
