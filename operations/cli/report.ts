import type { Dataset } from '@cupel/core/dataset'
import { identifier } from '@cupel/core/kinds/strings'
import type { Postgres } from '@cupel/io/postgres'
import { isDecided } from '#datasets/pipelines.ts'
import {
  countOffsets,
  type DatasetStock,
  type DecisionStock,
  edited,
  foreignObjects,
  landed,
  sum,
} from '../reconcile.ts'
import { showCount } from './numbers.ts'

/** Milliseconds from a record's Kafka timestamp to the stage's commit. */
export type Latency = { readonly p50: number; readonly p99: number }
export type Report = {
  readonly datasets: readonly {
    readonly dataset: string
    readonly kafka: number
    readonly bronze: number // as received
    readonly landed: number // of these, in files
    readonly edited: number // besides, records that were rejected and came again from a person's hand
    readonly tooLarge: number
    readonly silver: number
    readonly quarantined: number
    readonly duplicates: number // older records of a key in the same object
    readonly gold: number // rows: the newest record of each key
  }[]
  readonly decisions?: { readonly fraud: number; readonly genuine: number } // where they are taken
  readonly seconds: number
  readonly recordsPerSecond: number
  readonly latencyMs: { readonly decision: Latency | null; readonly gold: Latency | null }
  readonly problems: readonly string[]
  readonly next?: readonly string[] // what to do with the tables
  readonly notes: readonly string[] // objects of somebody else in the lake, which count for nothing
}

export function makeReport(
  stocks: readonly DatasetStock[],
  decisions: DecisionStock | undefined,
  run: Pick<Report, 'seconds' | 'recordsPerSecond' | 'latencyMs' | 'problems' | 'next'>,
): Report {
  return {
    datasets: stocks.map(({ dataset, kafka, keptFailures, bronze, ledger, gold }) => ({
      dataset: dataset.name,
      kafka: kafka.records,
      bronze: sum(bronze, ({ records }) => records || 0),
      landed: sum(landed({ bronze }), ({ records }) => records),
      edited: edited({ bronze }).length,
      tooLarge: countOffsets(keptFailures),
      silver: sum(ledger, ({ silver }) => silver),
      quarantined: sum(ledger, ({ quarantined }) => quarantined),
      duplicates: sum(ledger, ({ duplicates }) => duplicates),
      gold: gold.rows,
    })),
    ...(decisions && { decisions: { fraud: decisions.fraud, genuine: decisions.genuine } }),
    ...run,
    notes: stocks.flatMap(foreignObjects),
  }
}

/**
 * p50 and p99 of the records that came since `sinceMs`, from Kafka's timestamp to the decision and to the row in gold. A
 * timestamp is the sender's: one from the future tells nothing.
 */
export async function measureLatency(
  warehouse: Pick<Postgres, 'query'>,
  datasets: readonly Dataset[],
  sinceMs: number,
): Promise<Report['latencyMs']> {
  const percentiles = async (lag: string, from: string): Promise<Latency | null> => {
    const [row] = await warehouse.query<{ p: number[] | null }>(
      `SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY ${lag}) AS p FROM ${from}`,
    )
    return row?.p ? { p50: Math.round(row.p[0]!), p99: Math.round(row.p[1]!) } : null
  }
  const since = `to_timestamp(${Math.floor(sinceMs)} / 1000.0)`
  return {
    decision: datasets.some(isDecided)
      ? await percentiles(
          'extract(epoch FROM decided_at - record_time) * 1000',
          `fraud_decisions WHERE record_time BETWEEN ${since} AND decided_at`,
        )
      : null,
    gold: await percentiles(
      'extract(epoch FROM _loaded_at) * 1000 - _timestamp_ms',
      `(${datasets.map(({ table }) => `SELECT _loaded_at, _timestamp_ms FROM ${identifier(table)}`).join(' UNION ALL ')}) AS rows
       WHERE _timestamp_ms BETWEEN ${Math.floor(sinceMs)} AND extract(epoch FROM _loaded_at) * 1000`,
    ),
  }
}

/** The report for a person: what each stage holds, and whether the layers agree. */
export function formatReport(report: Report): string {
  const { decision, gold } = report.latencyMs
  const latency = (name: string, of: Latency | null): string =>
    of ? `${name} p50 ${showCount(of.p50)} ms, p99 ${showCount(of.p99)} ms` : `${name} –`
  const { decisions } = report
  return [
    layersTable(report.datasets),
    '',
    ...(decisions
      ? [
          `decisions   ${showCount(decisions.fraud + decisions.genuine)}: ${showCount(decisions.fraud)} fraud, ${showCount(decisions.genuine)} genuine`,
        ]
      : []),
    `throughput  ${showCount(report.recordsPerSecond)} records/s over ${report.seconds.toFixed(1)} s, from the first append to the last row`,
    `latency     ${decisions ? `${latency('Kafka to decision', decision)}; ` : ''}${latency('Kafka to gold', gold)}`,
    '',
    ...(report.problems.length === 0
      ? [
          'The layers reconcile: in bronze once each record of Kafka; bronze = silver + quarantined + duplicates;',
          `gold = the newest of silver${decisions ? '; one decision for each valid transaction' : ''}.`,
        ]
      : ['The layers do NOT reconcile:', ...report.problems.map((problem) => `  ${problem}`)]),
    ...(report.notes.length === 0
      ? []
      : ['', 'In the lake, counted nowhere; take them away:', ...report.notes.map((note) => `  ${note}`)]),
    ...(report.next?.length ? ['', ...report.next] : []),
  ].join('\n')
}

/** What each stage holds of each dataset, and of all. */
export function layersTable(datasets: Report['datasets']): string {
  const columns = ['kafka', 'bronze', 'silver', 'quarantined', 'duplicates', 'gold'] as const
  const rare = (['landed', 'edited', 'tooLarge'] as const).filter((column) =>
    datasets.some((row) => row[column] > 0),
  )
  const shown = [...columns, ...rare]
  const rows = datasets.map((row) => [row.dataset, ...shown.map((column) => showCount(row[column]))])
  const total = ['total', ...shown.map((column) => showCount(sum(datasets, (row) => row[column])))]
  return table([
    ['', ...shown.map((column) => (column === 'tooLarge' ? 'too large' : column))],
    ...rows,
    total,
  ])
}

/** Rows as aligned columns: the first to the left, numbers to the right. The first row is the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
    )
    .map((line) => line.trimEnd())
    .join('\n')
}
