import { identifier } from '@cupel/core/kinds/strings'
import type { Summary } from '@cupel/core/summary'
import { differenceQuery, groupColumns, notesTable, summariesByDataset } from '@cupel/core/summary-sql'
import type { Postgres } from '@cupel/io/postgres'

/** A summary, compared with its full recomputation from gold. */
export type SummaryStock = {
  readonly name: string
  readonly rows: number
  readonly differing: readonly string[] // groups, some; those that summarize comes to by itself are not among them
}

/** One query each. */
export async function takeStockOfSummaries(
  warehouse: Pick<Postgres, 'query'>,
  summaries: readonly Summary[],
): Promise<readonly SummaryStock[]> {
  const stocks: SummaryStock[] = []
  for (const summary of summaries) {
    const [counted] = await warehouse.query<{ rows: string }>(
      `SELECT count(*) AS rows FROM ${identifier(summary.name)}`,
    )
    const group = `json_build_array(${groupColumns(summary).map(identifier).join(', ')})::text`
    const found = await warehouse.query<{ group: string }>(
      `SELECT DISTINCT ${group} AS "group" FROM (${differenceQuery(summary)}) AS found ORDER BY 1 LIMIT ${some}`,
    )
    stocks.push({
      name: summary.name,
      rows: Number(counted?.rows),
      differing: found.map(({ group }) => group),
    })
  }
  return stocks
}

const some = 20

/** How many changes wait to be taken into the summaries. */
export async function changesToSummarize(
  warehouse: Pick<Postgres, 'query'>,
  summaries: readonly Summary[],
): Promise<number> {
  const tables = [...summariesByDataset(summaries).keys()].map(notesTable)
  if (tables.length === 0) return 0
  const counts = tables.map((table) => `(SELECT count(*) FROM ${table})`)
  const [row] = await warehouse.query<{ changes: string }>(`SELECT ${counts.join(' + ')} AS changes`)
  return Number(row?.changes ?? 0)
}
