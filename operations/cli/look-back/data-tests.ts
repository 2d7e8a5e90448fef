import { checkQuery } from '@cupel/core/checks'
import type { Dataset } from '@cupel/core/dataset'
import type { Postgres } from '@cupel/io/postgres'
import { showCount } from '../numbers.ts'
import { printable } from './text.ts'

export type DataTest = {
  readonly dataset: string
  readonly check: string
  readonly holds: boolean
  readonly failing: number // rows that do not hold; 1 where it is not about rows
  readonly seen: string // what it looked at
}

/** Ask gold what the datasets' files say must hold of it. */
export async function runChecks(
  warehouse: Pick<Postgres, 'query'>,
  datasets: readonly Dataset[],
  nowMs: number,
): Promise<readonly DataTest[]> {
  const tests: DataTest[] = []
  for (const dataset of datasets)
    for (const check of dataset.checks) {
      const { name, sql } = checkQuery(dataset, check, new Date(nowMs).toISOString())
      const [row] = await warehouse.query<{ failing: string; seen: string }>(sql)
      const failing = Number(row!.failing)
      tests.push({ dataset: dataset.name, check: name, holds: failing === 0, failing, seen: row!.seen })
    }
  return tests
}

/** A line a test, and how many hold. */
export function formatChecks(tests: readonly DataTest[]): string {
  const width = (of: (test: DataTest) => string): number => Math.max(...tests.map((test) => of(test).length))
  const [datasetWidth, checkWidth] = [width(({ dataset }) => dataset), width(({ check }) => check)]
  const failed = tests.filter(({ holds }) => !holds).length
  return [
    ...tests.map(({ dataset, check, holds, failing, seen }) =>
      [
        holds ? 'ok    ' : 'FAILED',
        dataset.padEnd(datasetWidth),
        check.padEnd(checkWidth),
        holds ? printable(seen) : `${showCount(failing)} failing of ${printable(seen)}`,
      ].join('  '),
    ),
    '',
    failed === 0
      ? `All ${tests.length} checks hold.`
      : `${failed} of ${tests.length} checks do not hold: npx cupel sql shows the rows, the dataset's file says what is asked.`,
  ].join('\n')
}
