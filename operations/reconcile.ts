import type { Dataset } from '@cupel/core/dataset'
import { parseBronzeKey, silverKey } from '@cupel/core/keys'
import type { TopicOffsets } from '@cupel/io/kafka'

/** One bronze object, as its key and metadata say; counts are NaN where it was not ingest-stream that wrote it. */
export type BronzeObject = {
  readonly key: string
  readonly partition: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly records: number
}
export type LedgerEntry = {
  readonly objectKey: string
  readonly records: number
  readonly silver: number
  readonly quarantined: number
  readonly duplicates: number
  readonly problem: string | null
}
/** Records that no function saw, because they are too large for an event: kept in the failure bucket. */
export type KeptFailure = {
  readonly topic: string
  readonly partition: number
  readonly firstOffset: number
  readonly lastOffset: number
}
/** All that the stages hold of one dataset. */
export type DatasetStock = {
  readonly dataset: Pick<Dataset, 'name' | 'topic' | 'bronzeFolder' | 'silverFolder'>
  readonly kafka: TopicOffsets
  readonly keptFailures: readonly KeptFailure[]
  readonly bronze: readonly BronzeObject[]
  readonly ledger: readonly LedgerEntry[]
  readonly gold: { readonly rows: number; readonly notTheFoldOfSilver: readonly string[] } // keys, some
}
export type DecisionStock = {
  readonly fraud: number
  readonly genuine: number
  readonly undecided: readonly string[] // ids of valid transactions without a decision, some
  readonly unexpected: readonly string[] // ids decided that are not in silver, some
}

/**
 * Do the layers agree, to the record? Each string says where they do not; none says that guarantees G1 to G4 of the
 * README hold for what is stored now.
 */
export function reconcile(stocks: readonly DatasetStock[], decisions: DecisionStock): readonly string[] {
  return [...stocks.flatMap(reconcileDataset), ...reconcileDecisions(decisions)]
}

/** The bronze objects that hold what came from the topic. */
export const received = ({ kafka, bronze }: DatasetStock): readonly BronzeObject[] =>
  bronze.filter((object) => isIngested(object) && isOfTopic(kafka, object))

/**
 * Objects that did not come from the topic, or that cannot be read: they count for nothing, take nothing away from what
 * was received, and stay until somebody takes them away. One string each.
 */
export function foreignObjects(stock: DatasetStock): readonly string[] {
  const { dataset, kafka, bronze, ledger } = stock
  const expected = new Set(received(stock).map((object) => silverOf(dataset, object)))
  return [
    ...bronze
      .filter((object) => !isIngested(object))
      .map(({ key }) => `${key}: not written by ingest-stream`),
    ...bronze
      .filter((object) => isIngested(object) && !isOfTopic(kafka, object))
      .map(({ key, partition }) => `${key}: topic ${dataset.topic} has no partition ${partition}`),
    ...ledger.flatMap(({ objectKey, problem }) =>
      problem === null || expected.has(objectKey) ? [] : [`${objectKey}: ${problem}`],
    ),
  ]
}

/** Whether its metadata are those that ingest-stream writes. */
const isIngested = ({ firstOffset, lastOffset, records }: BronzeObject): boolean =>
  [firstOffset, lastOffset, records].every((count) => Number.isSafeInteger(count) && count >= 0)

const isOfTopic = ({ partitions }: TopicOffsets, object: BronzeObject): boolean =>
  partitions.some(({ partition }) => partition === object.partition)

const silverOf = ({ silverFolder }: DatasetStock['dataset'], { key }: BronzeObject): string =>
  silverKey(silverFolder, parseBronzeKey(key)?.name ?? '')

function reconcileDataset(stock: DatasetStock): string[] {
  const { dataset, kafka, keptFailures, ledger, gold } = stock
  const bronze = received(stock)
  const problems: string[] = []
  const say = (problem: string) => problems.push(`${dataset.name}: ${problem}`)

  for (const { partition, start, end } of kafka.partitions) {
    const covered = [...bronze, ...keptFailures].filter((range) => range.partition === partition)
    for (const hole of holes(covered, start, end)) say(`${dataset.topic}-${partition} ${hole}`)
  }
  const inBronze = sum(bronze, ({ records }) => records)
  const kept = sum(keptFailures, ({ firstOffset, lastOffset }) => lastOffset - firstOffset + 1)
  const keepsAll = kafka.partitions.every(({ start }) => start === 0) // bronze keeps what Kafka has let go
  if (keepsAll && inBronze + kept !== kafka.records)
    say(`${kafka.records} records in Kafka, ${inBronze} in bronze and ${kept} kept as too large`)

  const entries = new Map(ledger.map((entry) => [entry.objectKey, entry]))
  for (const object of bronze) {
    const { key, records } = object
    const expected = silverOf(dataset, object)
    const entry = entries.get(expected)
    if (!entry) say(`${key} is not in gold: ${expected} is missing or was not loaded`)
    else if (entry.problem !== null) say(`${expected} could not be loaded: ${entry.problem}`)
    else if (entry.records !== records)
      say(`${key} holds ${records} records, ${expected} accounts for ${entry.records}`)
  }
  if (gold.notTheFoldOfSilver.length > 0)
    say(`gold is not the newest of silver, for example at ${gold.notTheFoldOfSilver.join(', ')}`)
  return problems
}

type Range = { readonly firstOffset: number; readonly lastOffset: number }

/** Where ranges do not cover `start` ≤ offset < `end` exactly once. What lies between the records of one object is Kafka's own gap. */
function holes(ranges: readonly Range[], start: number, end: number): string[] {
  const found: string[] = []
  let next = start
  for (const { firstOffset, lastOffset } of [...ranges].sort((a, b) => a.firstOffset - b.firstOffset)) {
    if (lastOffset < start) continue // older than what Kafka still keeps
    if (firstOffset > next) found.push(`offsets ${next} to ${firstOffset - 1} are not in bronze`)
    if (firstOffset < next && next > start) found.push(`offset ${firstOffset} stands in bronze twice`)
    next = Math.max(next, lastOffset + 1)
  }
  if (next < end) found.push(`offsets ${next} to ${end - 1} are not in bronze`)
  if (next > end)
    found.push(`bronze holds offsets up to ${next - 1}, Kafka ends at ${end}: the topic was made anew`)
  return found
}

function reconcileDecisions({ undecided, unexpected }: DecisionStock): string[] {
  const problems: string[] = []
  if (undecided.length > 0) problems.push(`fraud: no decision on ${undecided.join(', ')}`)
  if (unexpected.length > 0)
    problems.push(`fraud: decisions on what is not in silver: ${unexpected.join(', ')}`)
  return problems
}

export const sum = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((total, item) => total + value(item), 0)
