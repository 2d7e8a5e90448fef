import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../failure.ts'
import { withServices } from '../look-back/services.ts'
import { table } from '../report.ts'
import { monthChart } from './chart.ts'
import type { DateOrder } from './mapping.ts'
import { panelsOf, readMonth, showChange } from './month.ts'
import { runTrial } from './trial-command.ts'

export type PurchasesReportOptions = {
  readonly month?: string
  readonly chart?: string
  readonly map?: string // what follows is of the trial
  readonly columns?: string
  readonly dates?: DateOrder
}

/** `cupel report purchases --month 2026-10`: a month of the summary as a table, and as a chart beside the data. */
export const runPurchasesReport = (
  root: string,
  { month, chart, map, ...trial }: PurchasesReportOptions,
): Promise<number> =>
  withServices(
    root,
    async ({ ports, directory }) => {
      if (month !== undefined && !/^\d{4}-(0[1-9]|1[0-2])$/.test(month))
        throw new Failure(`${month} is no month: for example 2026-10`, 2)
      if (map !== undefined) return runTrial(ports.warehouse, map, { ...trial, ...(month && { month }) })
      if (month === undefined)
        throw new Failure('which month? --month 2026-10, or --map <csv> for a trial', 2)
      const rows = await readMonth(ports.warehouse, month)
      if (rows.length === 0)
        throw new Failure(
          `no purchases in ${month} or the month before: npm start -- --pipeline purchases makes some`,
        )
      console.log(
        table([
          [
            'store, category',
            'lines',
            'gross',
            'returns',
            'net',
            '',
            'to the month before',
            'average basket',
          ],
          ...rows.map(({ store, category, purchases, gross, returns, net, currency, before, basket }) => [
            `${store}, ${category}`,
            purchases,
            gross,
            returns,
            net,
            currency,
            showChange(net, before),
            basket,
          ]),
        ]),
      )
      const file = chart ?? join(directory, `purchases-${month}.svg`)
      await writeFile(file, monthChart(`Purchases in ${month}: what was kept`, panelsOf(rows)))
      console.log(`\nChart: ${file}`)
      return 0
    },
    ['postgres'],
  )
