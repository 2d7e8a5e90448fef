import { isDecided } from '#datasets/pipelines.ts'
import { showBytes, showDifference, showTime } from '../numbers.ts'
import { printable } from './text.ts'
import type { Decision, Occurrence, Trace } from './trace.ts'

/** The life of a record for a person. Behind each time stands how long it is after the step before. */
export function formatTrace(trace: Trace): string {
  const { dataset, key, records, gold, decisions, scanned } = trace
  const many = records.length > 1
  const orphans = decisions.filter((decision) => !records.some((record) => isAt(record, decision)))
  return [
    `${dataset}  ${printable(key)}   (times are UTC, with the difference to the step before)`,
    ...(many
      ? [`${records.length} records of Kafka have this key; the newest valid one stands in gold.`]
      : []),
    ...records.flatMap((record, i) => [
      '',
      ...(many ? [`${i + 1} of ${records.length}`] : []),
      ...formatRecord(record, trace),
    ]),
    ...(records.length === 0 && gold
      ? ['', `gold        ${gold.table} names ${gold.partition}:${gold.offset}, which bronze does not hold`]
      : []),
    ...orphans.flatMap((decision) => ['', ...formatDecision(decision, Number.NaN)]),
    ...(scanned.all
      ? []
      : [
          '',
          `Looked up by address: bronze holds ${showBytes(scanned.bytes)}. Repetitions of this key are not listed; --scan reads all of it.`,
        ]),
  ].join('\n')
}

const indent = ' '.repeat(12)
const entry = (name: string, text: string): string => name.padEnd(12) + text

function step(name: string, what: string, ms: number, beforeMs: number, since = ''): string[] {
  const time = Number.isFinite(ms)
    ? `${showTime(ms)}${Number.isFinite(beforeMs) ? `  ${showDifference(ms - beforeMs)}${since}` : ''}`
    : ''
  return time ? [entry(name, time), `${indent}${what}`] : [entry(name, what)]
}

const isAt = (
  { topic, partition, offset }: Pick<Occurrence, 'topic' | 'partition' | 'offset'>,
  at: Pick<Decision, 'topic' | 'partition' | 'offset'>,
): boolean => at.topic === topic && at.partition === partition && at.offset === offset

function formatRecord(record: Occurrence, { gold, decisions, dataset }: Trace): string[] {
  const { topic, partition, offset, timestampMs, bronze, outcome } = record
  const decision = decisions.filter((each) => isAt(record, each))
  return [
    ...step('Kafka', `${topic}-${partition} offset ${offset}`, timestampMs, Number.NaN),
    ...step('bronze', `${bronze.object} line ${bronze.line}`, bronze.storedMs, timestampMs),
    ...formatValue(record),
    ...formatOutcome(record),
    ...(outcome.kind === 'silver' ? formatGold(record, outcome, gold) : []),
    ...decision.flatMap((each) => formatDecision(each, timestampMs)),
    ...(decision.length === 0 && isDecided({ name: dataset }) && outcome.kind !== 'quarantine'
      ? [
          entry(
            'decision',
            decisions.length > 0 ? 'none of its own: the same content was decided before' : 'none yet',
          ),
        ]
      : []),
  ]
}

/** Indented where that changes nothing but white space: what was sent may hold what JSON.parse does not keep. */
function formatValue({ raw }: Occurrence): string[] {
  if (raw === null) return [`${indent}no value: a tombstone`]
  const json = parse(raw)
  const lines = JSON.stringify(json) === raw ? JSON.stringify(json, null, 2).split('\n') : [raw]
  return lines.map((line) => indent + printable(line))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function formatOutcome({ bronze, outcome }: Occurrence): string[] {
  switch (outcome.kind) {
    case 'waiting':
      return [entry('silver', 'not refined yet')]
    case 'silver':
      return [
        ...step('silver', outcome.object, outcome.storedMs, bronze.storedMs),
        ...fields(Object.fromEntries(Object.entries(outcome.row).filter(([name]) => !name.startsWith('_')))),
      ]
    case 'quarantine':
      return [
        ...step('quarantine', outcome.object, outcome.storedMs, bronze.storedMs),
        ...outcome.reasons.map(
          ({ field, reason, value }) =>
            `${indent}${field ?? 'the record'}: ${reason}${value === null ? '' : `, it was ${JSON.stringify(value)}`}`,
        ),
        `${indent}by version ${outcome.version} of the dataset`,
      ]
    case 'duplicate':
      return [
        ...step(
          'duplicate',
          outcome.wonBy
            ? `counted; the newer record at ${outcome.wonBy.partition}:${outcome.wonBy.offset} stands in ${outcome.object}`
            : `${outcome.object} does not hold it, nor a newer one of its key`,
          outcome.storedMs,
          bronze.storedMs,
        ),
      ]
  }
}

function formatGold(
  { partition, offset }: Occurrence,
  { loadedMs, problem, storedMs }: Extract<Occurrence['outcome'], { kind: 'silver' }>,
  gold: Trace['gold'],
): string[] {
  if (problem !== null) return [entry('gold', `its object was not loaded: ${printable(problem)}`)]
  if (loadedMs === null) return [entry('gold', 'not loaded yet')]
  if (gold && gold.partition === partition && gold.offset === offset)
    return step('gold', `this record is the row of ${gold.table}`, gold.loadedMs, storedMs)
  const newer = gold ? `the row is that of the newer record at ${gold.partition}:${gold.offset}` : 'no row'
  return step('gold', newer, loadedMs, storedMs)
}

function formatDecision(decision: Decision, recordMs: number): string[] {
  const { version, verdict, decidedMs, findings, rules, referenceVersion, amountUsd, alert } = decision
  const silent = rules.filter((rule) => !findings.some((found) => `${found.rule}@${found.version}` === rule))
  const worth = amountUsd === null ? 'no exchange rate known' : `worth ${amountUsd} USD`
  return [
    ...step('decision', `${verdict}, version ${version}; ${worth}`, decidedMs, recordMs, ' since Kafka'),
    ...findings.flatMap(({ rule, version, explanation, inputs, thresholds }) => [
      `${indent}${rule}@${version}: ${printable(explanation)}`,
      `${indent}  saw ${show(inputs)}; limit ${show(thresholds)}`,
    ]),
    ...(silent.length > 0 ? [`${indent}found nothing: ${silent.join(', ')}`] : []),
    `${indent}reference data version ${referenceVersion}`,
    ...(alert ? formatAlert(alert, decidedMs) : []),
  ]
}

function formatAlert({ id, createdMs, sentMs }: NonNullable<Decision['alert']>, decidedMs: number): string[] {
  return [
    ...(sentMs === null
      ? step('alert', `number ${id}, recorded and not sent yet`, createdMs, decidedMs)
      : step('alert', `number ${id}, sent`, sentMs, decidedMs)),
  ]
}

const show = (values: Record<string, unknown>): string =>
  Object.entries(values)
    .map(
      ([name, value]) =>
        `${name} ${printable(typeof value === 'object' ? JSON.stringify(value) : String(value))}`,
    )
    .join(', ') || 'nothing'

function fields(values: Record<string, unknown>): string[] {
  const width = Math.max(0, ...Object.keys(values).map((name) => name.length))
  return Object.entries(values).map(
    ([name, value]) => `${indent}${name.padEnd(width)}  ${value === null ? '–' : printable(String(value))}`,
  )
}
