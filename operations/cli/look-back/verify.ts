import { setTimeout as sleep } from 'node:timers/promises'
import type { Dataset } from '@cupel/core/dataset'
import { summariesOf } from '#datasets/index.ts'
import { decidedOf } from '#datasets/pipelines.ts'
import {
  type DatasetStock,
  type DecisionStock,
  findProblems,
  type Guarantee,
  type Problem,
  sum,
} from '../../reconcile.ts'
import { type StockPorts, takeStock, takeStockOfDecisions } from '../../stock.ts'
import { type SummaryStock, takeStockOfSummaries } from '../../summary-stock.ts'
import { showCount } from '../numbers.ts'
import { layersTable, makeReport, type Report } from '../report.ts'
import { plural, printable } from './text.ts'

export type Verification = Pick<Report, 'datasets' | 'decisions' | 'notes'> & {
  readonly holds: boolean
  readonly running: boolean
  readonly compared: boolean // gold with silver row by row; else by counts
  readonly summaries: readonly Pick<SummaryStock, 'name' | 'rows'>[] // that were compared with their recomputation
  readonly problems: readonly Problem[]
  readonly underWay: readonly Problem[] // what waits for the next start, where nothing runs
}

export type VerifyOptions = {
  readonly running: boolean
  readonly full: boolean // compare row by row, however much there is
  readonly signal: AbortSignal
}

const compareUpToBytes = 100_000_000 // of a dataset's silver: seconds
const lookAgainMs = 1_000
const lookForMs = 20_000

/**
 * Check G1 to G4 and G9 on what is stored now. Where nothing runs, what is merely under way is no problem: the next start finishes
 * it. While it runs stages disagree for a moment, so a problem counts only when it lasts: the same one at every look for
 * 20 s.
 */
export async function verify(
  ports: StockPorts,
  datasets: readonly Dataset[],
  { running, full, signal }: VerifyOptions,
): Promise<Verification> {
  const options = full ? {} : { compareUpToBytes }
  const decided = decidedOf(datasets)
  const look = async () => {
    const stocks = await takeStock(ports, datasets, options)
    const small = stocks.filter(({ gold }) => gold.compared).map(({ dataset }) => dataset)
    return {
      stocks,
      decisions: decided && (await takeStockOfDecisions(ports.warehouse, decided.topic)),
      summaries: await takeStockOfSummaries(ports.warehouse, summariesOf(small)),
    }
  }
  let seen = await look()
  let problems = findProblems(seen.stocks, seen.decisions, seen.summaries)
  for (const startedMs = performance.now(); running && problems.length > 0 && !signal.aborted; ) {
    if (performance.now() - startedMs > lookForMs) break
    await sleep(lookAgainMs, undefined, { signal }).catch(() => {})
    seen = await look()
    problems = lasting(problems, findProblems(seen.stocks, seen.decisions, seen.summaries))
  }
  return makeVerification(seen, problems, running)
}

/** Those of `now` that were there before, at the same address. */
export function lasting(before: readonly Problem[], now: readonly Problem[]): readonly Problem[] {
  const name = ({ guarantee, subject, address }: Problem): string => `${guarantee} ${subject} ${address}`
  const known = new Set(before.map(name))
  return now.filter((problem) => known.has(name(problem)))
}

export function makeVerification(
  {
    stocks,
    decisions,
    summaries,
  }: {
    stocks: readonly DatasetStock[]
    decisions: DecisionStock | undefined
    summaries: readonly SummaryStock[]
  },
  found: readonly Problem[],
  running: boolean,
): Verification {
  const isUnderWay = ({ underWay }: Problem): boolean => !running && underWay !== undefined
  const problems = found.filter((problem) => !isUnderWay(problem))
  const run = { seconds: 0, recordsPerSecond: 0, latencyMs: { decision: null, gold: null }, problems: [] }
  const report = makeReport(stocks, decisions, run)
  return {
    holds: problems.length === 0,
    running,
    compared: stocks.every(({ gold }) => gold.compared),
    datasets: report.datasets,
    ...(report.decisions && { decisions: report.decisions }),
    summaries: summaries.map(({ name, rows }) => ({ name, rows })),
    problems,
    underWay: found.filter(isUnderWay),
    notes: report.notes,
  }
}

const promises: Record<Guarantee, string> = {
  G1: 'each record of Kafka stands in bronze once',
  G2: 'bronze = silver + quarantined + duplicates',
  G3: 'gold = the newest of silver',
  G4: 'one decision for each valid transaction, one alert for each fraud',
  G9: 'each summary = its full recomputation from gold',
}
const shown = 5 // problems of a guarantee

export function formatVerification(verification: Verification): string {
  const {
    datasets,
    decisions = { fraud: 0, genuine: 0 },
    summaries,
    problems,
    underWay,
    compared,
    holds,
    running,
    notes,
  } = verification
  const guarantees = Object.keys(promises) as Guarantee[]
  const total = (name: 'kafka' | 'bronze' | 'gold'): number =>
    datasets.reduce((sum, row) => sum + row[name], 0)
  const checked: Record<Guarantee, string> = {
    G1: plural(total('kafka'), 'offset'),
    G2: plural(total('bronze'), 'record'),
    G3: `${plural(total('gold'), 'row')}${compared ? '' : ', by counts: --full compares each'}`,
    G4: `${plural(decisions.fraud + decisions.genuine, 'decision')}, ${showCount(decisions.fraud)} fraud`,
    G9: `${plural(
      sum(summaries, ({ rows }) => rows),
      'group',
    )} in ${plural(summaries.length, 'table')}`,
  }
  const width = Math.max(...Object.values(promises).map(({ length }) => length))
  return [
    layersTable(datasets),
    '',
    ...guarantees.flatMap((guarantee) => {
      const found = problems.filter((problem) => problem.guarantee === guarantee)
      const waiting = underWay.filter((problem) => problem.guarantee === guarantee)
      return [
        `${guarantee}  ${found.length === 0 ? 'ok    ' : 'BROKEN'}  ${promises[guarantee].padEnd(width)}  ${checked[guarantee]}`,
        ...found
          .slice(0, shown)
          .flatMap(({ subject, text, remedy }) => [
            `            ${printable(`${subject}: ${text}`)}`,
            `            → ${printable(remedy)}`,
          ]),
        ...(found.length > shown
          ? [`            and ${showCount(found.length - shown)} more: --json lists them`]
          : []),
        ...(waiting.length > 0 ? [`            ${describeUnderWay(waiting)}`] : []),
      ]
    }),
    '',
    holds
      ? running
        ? 'The layers reconcile, but for what is under way at this moment.'
        : underWay.length > 0
          ? 'The layers reconcile, but for what is under way: npm start finishes it.'
          : 'The layers reconcile.'
      : `The layers do NOT reconcile: ${plural(problems.length, 'problem')}.`,
    ...(notes.length === 0
      ? []
      : [
          '',
          'In the lake, counted nowhere; take them away:',
          ...notes.map((note) => `  ${printable(note)}`),
        ]),
  ].join('\n')
}

/** How many records, and one of the places. */
function describeUnderWay(waiting: readonly Problem[]): string {
  const records = plural(
    sum(waiting, ({ underWay }) => underWay ?? 0),
    'record',
  )
  const [{ subject, text }, ...others] = waiting as [Problem, ...Problem[]]
  const more = others.length > 0 ? `, and ${showCount(others.length)} more such` : ''
  return `under way: ${records} (${printable(`${subject}: ${text}`)}${more})`
}
