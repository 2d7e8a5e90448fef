import type { Dataset } from '@cupel/core/dataset'
import { withReferences } from '@cupel/core/references'
import type { Summary } from '@cupel/core/summary'
import { books } from './books/books.ts'
import { accounts } from './finance/accounts.ts'
import { merchants } from './finance/merchants.ts'
import { dailySpending, monthlySpending } from './finance/spending.summary.ts'
import { transactions } from './finance/transactions.ts'
import { users } from './finance/users.ts'
import { monthlyPurchases } from './purchases/monthly.summary.ts'
import { purchases } from './purchases/purchases.ts'
import { shopEvents } from './shop/events.ts'
import { shopFunnel, shopSessions } from './shop/shop.summary.ts'

/** All datasets, parents before those that refer to them. Each topic, folder and table belongs to one of them. */
export const datasets: readonly Dataset[] = withReferences([
  users,
  merchants,
  accounts,
  transactions,
  books,
  purchases,
  shopEvents,
])

/** All summaries. */
export const summaries: readonly Summary[] = [
  dailySpending,
  monthlySpending,
  monthlyPurchases,
  shopSessions,
  shopFunnel,
]

/** The summaries of some datasets. */
export const summariesOf = (of: readonly Pick<Dataset, 'name'>[]): readonly Summary[] =>
  summaries.filter(({ from }) => of.some(({ name }) => name === from.name))

export const datasetByTopic = (topic: string): Dataset | undefined => find('topic', topic)
/** `folder` as in `bronze/<folder>/…`. */
export const datasetByBronzeFolder = (folder: string): Dataset | undefined => find('bronzeFolder', folder)
/** `folder` as in `silver/<folder>/…`. */
export const datasetBySilverFolder = (folder: string): Dataset | undefined => find('silverFolder', folder)

const find = (property: 'topic' | 'bronzeFolder' | 'silverFolder', value: string): Dataset | undefined =>
  datasets.find((dataset) => dataset[property] === value)
