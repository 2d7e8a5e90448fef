import type { Dataset } from '@cupel/core/dataset'
import { isEditedKey, isLandedKey, parseBronzeKey, quarantineKey, silverKey } from '@cupel/core/keys'
import type { TopicOffsets } from '@cupel/io/kafka'
import type { LandedFile } from './landed-files.ts'
import type { SummaryStock } from './summary-stock.ts'

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
/** What Kafka holds of a dataset that comes by files or APIs only. */
export const noOffsets: TopicOffsets = { records: 0, partitions: [] }
/** All that the stages hold of one dataset. */
export type DatasetStock = {
  readonly dataset: Pick<Dataset, 'name' | 'topic' | 'bronzeFolder' | 'silverFolder'>
  readonly kafka: TopicOffsets
  readonly committed: {
    readonly ingest: CommittedOffsets
    readonly detectFraud: CommittedOffsets
  }
  readonly keptFailures: readonly KeptFailure[]
  readonly files: readonly LandedFile[]
  readonly bronze: readonly BronzeObject[]
  readonly ledger: readonly LedgerEntry[]
  readonly silver: readonly string[] // keys of objects
  readonly quarantine: readonly { readonly key: string; readonly lines: number }[]
  readonly gold: {
    readonly rows: number
    readonly compared: boolean // row by row with the fold of silver; else by counts
    readonly notTheFoldOfSilver: readonly string[] // keys, some
  }
}
export type DecisionStock = {
  readonly topic: string
  readonly fraud: number
  readonly genuine: number
  readonly undecided: readonly Placed[] // valid transactions without a decision, some
  readonly unexpected: readonly Placed[] // transactions decided that are not in silver, some
  readonly withoutAlert: readonly string[] // ids decided as fraud, some
  readonly unsent: readonly string[] // ids whose alert was recorded more than a minute ago, some
  readonly progress: readonly (Partition & { readonly firstOffset: number; readonly nextOffset: number })[]
  readonly gaps: readonly (Range & Partition)[] // without a known cause
}
/** From which offset a consumer group goes on, by partition; a partition that is not there it reads from the start. */
export type CommittedOffsets = ReadonlyMap<number, number>
type Placed = Partition & { readonly id: string; readonly offset: number } // where its record stands
type Partition = { readonly partition: number }

export type Guarantee = 'G1' | 'G2' | 'G3' | 'G4' | 'G9'
/** Where a guarantee of the README does not hold. */
export type Problem = {
  readonly guarantee: Guarantee
  readonly subject: string // a dataset, a summary, or `fraud`
  readonly address: string // of what is missing or wrong: partition and offset, object key, key of a row
  readonly text: string
  readonly remedy: string
  /**
   * How many records wait here for a stage that finishes them when it runs again: nothing is lost. Without it, no start
   * mends the problem by itself.
   */
  readonly underWay?: number
}

/**
 * Do the layers agree, to the record? Each string says where they do not; none says that guarantees G1 to G4 and G9
 * of the README hold for what is stored now, and that nothing is under way.
 */
export const reconcile = (
  stocks: readonly DatasetStock[],
  decisions: DecisionStock | undefined,
  summaries: readonly SummaryStock[] = [],
): readonly string[] =>
  findProblems(stocks, decisions, summaries).map(({ subject, text }) => `${subject}: ${text}`)

/** All that does not hold, and all that is under way; of decisions where they are taken. */
export const findProblems = (
  stocks: readonly DatasetStock[],
  decisions: DecisionStock | undefined,
  summaries: readonly SummaryStock[] = [],
): readonly Problem[] => [
  ...stocks.flatMap(problemsOfDataset),
  ...(decisions
    ? problemsOfDecisions(
        decisions,
        stocks.find(({ dataset }) => dataset.topic === decisions.topic),
      )
    : []),
  ...problemsOfSummaries(summaries),
]

export const problemsOfSummaries = (stocks: readonly SummaryStock[]): readonly Problem[] =>
  stocks.flatMap(({ name, differing }) =>
    differing.map((group) => ({
      guarantee: 'G9' as const,
      subject: name,
      address: group,
      text: `${group} is not what its rows in gold add up to`,
      remedy: `somebody wrote to ${name}: echo '{"anew": true}' | npx cupel invoke summarize --event - computes it anew`,
    })),
  )

/** The bronze objects that hold what came from the topic. */
export const received = ({ kafka, bronze }: DatasetStock): readonly BronzeObject[] =>
  bronze.filter((object) => isIngested(object) && isOfTopic(kafka, object))

/** The bronze objects of one edited record each: Kafka knows nothing of them, and all stages behind bronze do. */
export const edited = ({ bronze }: Pick<DatasetStock, 'bronze'>): readonly BronzeObject[] =>
  bronze.filter(({ key }) => isEditedKey(key)).map((object) => ({ ...object, records: 1 }))

/** The bronze objects that hold what came in files. */
export const landed = ({ bronze }: Pick<DatasetStock, 'bronze'>): readonly BronzeObject[] =>
  bronze.filter((object) => isIngested(object) && isLandedKey(object.key))

/** The bronze objects that are refined. */
const refinable = (stock: DatasetStock): readonly BronzeObject[] => [
  ...received(stock),
  ...edited(stock),
  ...landed(stock),
]

/**
 * Objects that came neither from the topic nor from files, or that cannot be read: they count for nothing, take nothing away from what
 * was received, and stay until somebody takes them away. One string each.
 */
export function foreignObjects(stock: DatasetStock): readonly string[] {
  const { dataset, kafka, bronze, ledger } = stock
  const expected = new Set(refinable(stock).map((object) => silverOf(dataset, object)))
  return [
    ...bronze
      .filter((object) => !isIngested(object) && !isEditedKey(object.key))
      .map(({ key }) => `${key}: not written by ingest-stream or land-file`),
    ...bronze
      .filter((object) => isIngested(object) && !isLandedKey(object.key) && !isOfTopic(kafka, object))
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

function problemsOfDataset(stock: DatasetStock): Problem[] {
  const { dataset } = stock
  const found = [problemsOfBronze, problemsOfFiles, problemsOfSilver, problemsOfGold].flatMap((look) =>
    look(stock),
  )
  return found.map(([guarantee, address, text, remedy, underWay]) => ({
    guarantee,
    subject: dataset.name,
    address,
    text,
    remedy,
    ...(underWay !== undefined && { underWay }),
  }))
}
type Found = readonly [guarantee: Guarantee, address: string, text: string, remedy: string, underWay?: number]

function loadedObjects(stock: DatasetStock): readonly BronzeObject[] {
  const loaded = new Set(stock.ledger.map(({ objectKey }) => objectKey))
  return received(stock).filter((object) => loaded.has(silverOf(stock.dataset, object)))
}

function problemsOfBronze(stock: DatasetStock): Found[] {
  const { dataset, kafka, keptFailures, committed } = stock
  const bronze = received(stock)
  const found = kafka.partitions.flatMap(({ partition, start, end }) => {
    const covered = [...bronze, ...keptFailures].filter((range) => range.partition === partition)
    const place = `${dataset.topic}-${partition}`
    const isInBronzeLater = (offset: number): boolean =>
      bronze.some((object) => object.partition === partition && object.lastOffset > offset)
    return flaws(covered, start, end).map(({ kind, from, to }): Found => {
      const address = `${place} offset ${from}`
      if (kind === 'hole') {
        const text = `${place} offsets ${from} to ${to} are not in bronze`
        if (!isInBronzeLater(to) && isAhead(committed.ingest, partition, from))
          return ['G1', address, text, goesOn, to - from + 1]
        return [
          'G1',
          address,
          text,
          'Kafka has them still: put the object that held them back, or set the consumer group of its ingest back to the first of them',
        ]
      }
      if (kind === 'twice')
        return [
          'G1',
          address,
          `${place} offset ${from} stands in bronze twice`,
          'take one of the two objects away',
        ]
      return [
        'G1',
        address,
        `${place} bronze holds offsets up to ${to}, Kafka ends at ${end}: the topic was made anew`,
        'move the old bronze objects of this topic away, or name the new topic differently',
      ]
    })
  })
  const inBronze = sum(bronze, ({ records }) => records)
  const kept = countOffsets(keptFailures)
  const waiting = sum(found, ([, , , , underWay]) => underWay ?? 0)
  const hasFault = found.some(([, , , , underWay]) => underWay === undefined)
  const keepsAll = kafka.partitions.every(({ start }) => start === 0) // bronze keeps what Kafka has let go
  if (!hasFault && keepsAll && inBronze + kept + waiting !== kafka.records)
    found.push([
      'G1',
      String(dataset.topic),
      `${kafka.records} records in Kafka, ${inBronze} in bronze and ${kept} kept as too large${waiting > 0 ? `, ${waiting} under way` : ''}`,
      'an object in bronze holds fewer lines than its offsets say: put it back as it was',
    ])
  return found
}

/** Each file stands in bronze, as many records as it was found to hold. */
function problemsOfFiles(stock: DatasetStock): Found[] {
  return stock.files.flatMap(({ key, bronze }): Found[] => {
    if (!bronze)
      return [['G1', key, `${key} has not landed`, 'npm start lands it: its sweep looks for such', 1]]
    const { prefix, records } = bronze
    const held = sum(
      landed(stock).filter((object) => object.key.startsWith(prefix)),
      (object) => object.records,
    )
    const remedy = `delete what is under landed/${stock.dataset.name}/, and npm start lands what is missing`
    return held === records
      ? []
      : [['G1', key, `${key} has ${records} records, ${prefix} holds ${held}`, remedy]]
  })
}

const goesOn = 'npm start goes on with what waits in Kafka'

/** Whether a consumer group will come to an offset by itself. */
const isAhead = (committed: CommittedOffsets, partition: number, offset: number): boolean =>
  (committed.get(partition) ?? 0) <= offset

function problemsOfSilver(stock: DatasetStock): Found[] {
  const { dataset, ledger } = stock
  const entries = new Map(ledger.map((entry) => [entry.objectKey, entry]))
  const silver = new Set(stock.silver)
  const quarantine = new Map(stock.quarantine.map(({ key, lines }) => [key, lines]))
  const found: Found[] = []
  for (const object of refinable(stock)) {
    const { key, records } = object
    const expected = silverOf(dataset, object)
    const entry = entries.get(expected)
    const rejected = quarantineKey(dataset.name, parseBronzeKey(key)?.name ?? '')
    const lines = quarantine.get(rejected) ?? 0
    if (!silver.has(expected))
      found.push(
        entry
          ? [
              'G2',
              key,
              `${key}: ${expected} was loaded into gold and is missing`,
              'put it back, or npm start makes it anew: its sweep looks for such',
            ]
          : [
              'G2',
              key,
              `${key}: ${expected} is missing`,
              'npm start refines it: its sweep looks for such. Where its dataset refuses it, the log says why (OBJECT_REFUSED)',
              records,
            ],
      )
    else if (!entry)
      found.push([
        'G3',
        expected,
        `${expected} was not loaded into gold`,
        'npm start loads it: its sweep looks for such',
        records,
      ])
    else if (entry.problem !== null)
      found.push([
        'G3',
        expected,
        `${expected} could not be loaded: ${entry.problem}`,
        'delete it, and npm start makes it anew from bronze',
      ])
    else if (entry.records !== records)
      found.push([
        'G2',
        key,
        `${key} holds ${records} records, ${expected} accounts for ${entry.records}`,
        `put the bronze object back as it was, or delete ${expected}, and npm start makes it anew`,
      ])
    else if (lines !== entry.quarantined)
      found.push([
        'G2',
        rejected,
        `${rejected} holds ${lines} records, ${expected} accounts for ${entry.quarantined} in quarantine`,
        `delete ${expected}, and npm start makes both anew from bronze`,
      ])
  }
  return found
}

function problemsOfGold({ dataset, ledger, gold }: DatasetStock): Found[] {
  const loaded = sum(ledger, ({ silver }) => silver)
  if (!gold.compared && gold.rows > loaded)
    return [
      [
        'G3',
        dataset.name,
        `gold has ${gold.rows} rows, more than the ${loaded} records of silver`,
        'npx cupel verify --full names rows',
      ],
    ]
  return gold.notTheFoldOfSilver.map((key) => [
    'G3',
    key,
    `gold is not the newest of silver at ${key}`,
    `npx cupel trace '${key}' --dataset ${dataset.name} shows both`,
  ])
}

function problemsOfDecisions(decisions: DecisionStock, stock: DatasetStock | undefined): Problem[] {
  const { topic, undecided, unexpected, withoutAlert, unsent, progress, gaps } = decisions
  const problems: Problem[] = []
  const say = (address: string, text: string, remedy: string, underWay?: number) =>
    problems.push({
      guarantee: 'G4',
      subject: 'fraud',
      address,
      text,
      remedy,
      ...(underWay !== undefined && { underWay }),
    })
  const trace = (id: string): string => `npx cupel trace ${id} shows where its record stands`
  // What detect-fraud has not come to, or gold, is told of by its offset or its object.
  for (const { id, partition, offset } of undecided)
    if (offset < (progress.find((each) => each.partition === partition)?.nextOffset ?? 0))
      say(id, `no decision on ${id}`, 'npm start decides it: its sweep looks for such', 1)
  const loaded = stock ? loadedObjects(stock) : []
  for (const { id, partition, offset } of unexpected)
    if (
      loaded.some(
        (each) => each.partition === partition && each.firstOffset <= offset && offset <= each.lastOffset,
      )
    )
      say(id, `a decision on ${id}, which is not in silver`, trace(id))
  for (const id of withoutAlert)
    say(id, `no alert for the fraud ${id}`, 'it was deleted from the table alerts: put it back')
  for (const id of unsent) say(id, `the alert on ${id} was never sent`, 'npm start sends it', 1)

  const kept = (partition: number) =>
    stock?.keptFailures.filter((failure) => failure.partition === partition) ?? []
  for (const { partition, start, end } of stock?.kafka.partitions ?? []) {
    const done = progress.find((each) => each.partition === partition)
    const decided = done ? [{ firstOffset: done.firstOffset, lastOffset: done.nextOffset - 1 }] : []
    const tooLarge = kept(partition).filter(
      ({ firstOffset }) => !done || firstOffset < done.firstOffset || firstOffset >= done.nextOffset,
    )
    for (const { kind, from, to } of flaws([...decided, ...tooLarge], start, end)) {
      if (kind !== 'hole') continue
      const address = `${topic}-${partition} offset ${from}`
      const text = `${topic}-${partition} offsets ${from} to ${to} are not decided`
      if (from < (done?.firstOffset ?? start))
        say(
          address,
          text,
          `delete ${topic}-${partition} from fraud_progress and fraud_gaps, and set the consumer group of detect-fraud back to ${from}; decisions stay`,
        )
      else if (!isAhead(stock!.committed.detectFraud, partition, from))
        say(address, text, `set the consumer group of detect-fraud back to ${from}`)
      else say(address, text, goesOn, to - from + 1)
    }
  }
  for (const { partition, firstOffset, lastOffset } of gaps)
    for (const { kind, from, to } of flaws(
      overlapping(kept(partition), firstOffset, lastOffset),
      firstOffset,
      lastOffset + 1,
    ))
      if (kind === 'hole')
        say(
          `${topic}-${partition} offset ${from}`,
          `${topic}-${partition} offsets ${from} to ${to} never came, and nobody knows why`,
          'when you do, note it: UPDATE fraud_gaps SET cause = …',
        )
  return problems
}

type Range = { readonly firstOffset: number; readonly lastOffset: number }

/** How many offsets lie in ranges that do not overlap. */
export const countOffsets = (ranges: readonly Range[]): number =>
  sum(ranges, ({ firstOffset, lastOffset }) => lastOffset - firstOffset + 1)

/** Records of a topic that a consumer group has before it; from the start where it has committed nothing. */
export const lagOf = (
  { partitions }: Pick<TopicOffsets, 'partitions'>,
  committed: CommittedOffsets,
): number =>
  sum(partitions, ({ partition, start, end }) =>
    Math.max(0, end - Math.max(start, committed.get(partition) ?? start)),
  )
type Flaw = { readonly kind: 'hole' | 'twice' | 'beyond'; readonly from: number; readonly to: number }

const overlapping = (ranges: readonly Range[], first: number, last: number): readonly Range[] =>
  ranges
    .filter(({ firstOffset, lastOffset }) => firstOffset <= last && lastOffset >= first)
    .map(({ firstOffset, lastOffset }) => ({
      firstOffset: Math.max(first, firstOffset),
      lastOffset: Math.min(last, lastOffset),
    }))

/** Where ranges do not cover `start` ≤ offset < `end` exactly once. What lies between the records of one object is Kafka's own gap. */
function flaws(ranges: readonly Range[], start: number, end: number): Flaw[] {
  const found: Flaw[] = []
  let next = start
  for (const { firstOffset, lastOffset } of [...ranges].sort((a, b) => a.firstOffset - b.firstOffset)) {
    if (lastOffset < start) continue // older than what Kafka still keeps
    if (firstOffset > next) found.push({ kind: 'hole', from: next, to: firstOffset - 1 })
    if (firstOffset < next && next > start) found.push({ kind: 'twice', from: firstOffset, to: next - 1 })
    next = Math.max(next, lastOffset + 1)
  }
  if (next < end) found.push({ kind: 'hole', from: next, to: end - 1 })
  if (next > end) found.push({ kind: 'beyond', from: end, to: next - 1 })
  return found
}

export const sum = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((total, item) => total + value(item), 0)
