import { type Cause, causes } from './dirt.ts'
import { type FraudKind, fraudKinds } from './frauds.ts'
import { type Topic, topics } from './records.ts'
import type { Produced } from './sender.ts'

/** What was planted in the records taken so far. records = valid + duplicates + broken, for each topic. */
export type Summary = {
  readonly topics: Readonly<
    Record<Topic, { records: number; valid: number; duplicates: number; broken: number }>
  >
  readonly causes: Record<Cause, number>
  /** What quarantine must hold: how often each `<topic> <field, or - for the record> <reason>`. */
  readonly reasons: Record<string, number>
  /** Transactions planted as fraud, each once. Of a `spending-velocity` burst all are, though only its end shows. */
  readonly frauds: Record<FraudKind, number>
  /** Honest transactions that are easily taken for fraud. */
  readonly lookAlikes: Record<FraudKind, number>
}

export const emptySummary = (): Summary => ({
  topics: tally(topics, () => ({ records: 0, valid: 0, duplicates: 0, broken: 0 })),
  causes: tally(causes, () => 0),
  reasons: {},
  frauds: tally(fraudKinds, () => 0),
  lookAlikes: tally(fraudKinds, () => 0),
})

export function count(
  { topics, causes, reasons, frauds, lookAlikes }: Summary,
  { topic, truth }: Produced,
): void {
  const counts = topics[topic]
  counts.records += 1
  if (truth.as === 'valid') {
    counts.valid += 1
    if (truth.fraud !== 'none') frauds[truth.fraud] += 1
    if (truth.resembles !== 'none') lookAlikes[truth.resembles] += 1
  } else if (truth.as === 'duplicate') counts.duplicates += 1
  else {
    counts.broken += 1
    causes[truth.as] += 1
    for (const { field, reason } of truth.reasons) {
      const name = `${topic} ${field ?? '-'} ${reason}`
      reasons[name] = (reasons[name] ?? 0) + 1
    }
  }
}

const tally = <Name extends string, Value>(names: readonly Name[], start: () => Value): Record<Name, Value> =>
  Object.fromEntries(names.map((name) => [name, start()])) as Record<Name, Value>
