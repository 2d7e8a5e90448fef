import type { Postgres } from '@cupel/io/postgres'
import { Failure } from '../failure.ts'
import { table } from '../report.ts'
import { type DateOrder, parseMapping } from './mapping.ts'
import { type Sums, sumNames, type Trial, tryFile } from './trial.ts'

/** `cupel report purchases --map retail.csv`: exit code 0 when the two sums of each month are equal. */
export async function runTrial(
  warehouse: Pick<Postgres, 'transaction'>,
  file: string,
  { month, columns = '', dates }: { month?: string; columns?: string; dates?: DateOrder },
): Promise<number> {
  const trial = await tryFile(warehouse, file, { mapping: parseMapping(columns), dates })
  const months = trial.months.filter(({ of }) => month === undefined || of.startsWith(month))
  console.log(`A trial: nothing of ${file} is stored.\n\n${showRefusals(trial)}`)
  if (months.length === 0)
    throw new Failure(`${file} has no purchase that is taken${month ? ` in ${month}` : ''}`)
  console.log(`\n${showSums({ ...trial, months })}`)
  return months.every(isEqual) ? 0 : 1
}

/** How many rows were refused, and why. */
export function showRefusals({ rows, refused, reasons }: Trial): string {
  return [
    `${rows} rows: ${rows - refused} taken, ${refused} refused${refused > 0 ? ', by reason:' : ''}`,
    ...[...reasons]
      .toSorted(([, a], [, b]) => b.rows - a.rows)
      .map(
        ([reason, { rows, first, value }]) =>
          `  ${rows}  ${reason}, first in row ${first}${value === null ? '' : ` (${JSON.stringify(value)})`}`,
      ),
  ].join('\n')
}

/** The two sums of each month below each other. */
export function showSums({ replaced, months }: Pick<Trial, 'replaced' | 'months'>): string {
  const line = (name: string, sums: Sums, verdict: string) => [
    name,
    ...sumNames.map((sum) => (sum === 'purchases' ? String(sums[sum]) : showAmount(sums[sum]))),
    verdict,
  ]
  const different = months.filter((month) => !isEqual(month))
  return [
    table([
      ['', ...sumNames, ''],
      ...months.flatMap((month) => [
        line(`${month.of}, summary`, month.summary, ''),
        line(`${month.of}, file`, month.file, isEqual(month) ? 'equal' : 'NOT equal'),
      ]),
    ]),
    '',
    different.length === 0
      ? 'Equal to the last digit: the SQL of monthly_purchase_summary, and the cells of the file added up.'
      : `NOT equal: ${different.map(({ of }) => of).join(', ')}.`,
    ...(replaced > 0
      ? [
          `${replaced} rows have the record_id of another one, and of each only the newest counts: map it to what tells rows apart.`,
        ]
      : []),
  ].join('\n')
}

const isEqual = ({ summary, file }: Trial['months'][number]): boolean =>
  sumNames.every((name) => summary[name] === file[name])

/** Units of 0.0001 with all of their decimals, two at least. */
export function showAmount(units: bigint): string {
  const digits = String(units < 0n ? -units : units).padStart(5, '0')
  const whole = BigInt(digits.slice(0, -4)).toLocaleString('en-US')
  return `${units < 0n ? '-' : ''}${whole}.${digits.slice(-4).replace(/0{1,2}$/, '')}`
}
