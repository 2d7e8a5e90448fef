import type { Dirent } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '@cupel/core/dataset'
import { isEditedKey, isLandedKey, parseBronzeKey, silverKey } from '@cupel/core/keys'
import { identifier } from '@cupel/core/kinds/strings'
import type { TopicOffsets } from '@cupel/io/kafka'
import { isDecided } from '#datasets/pipelines.ts'
import { consumerGroups } from '../../consumer-groups.ts'
import { inParallel } from '../../in-parallel.ts'
import { keptFailures } from '../../kept-failures.ts'
import { countOffsets, lagOf, noOffsets, sum } from '../../reconcile.ts'
import type { DataPorts } from '../data-ports.ts'
import type { Endpoints } from '../local-cloud.ts'
import { showBytes, showCount, showTime } from '../numbers.ts'
import { layersTable, type Report, table } from '../report.ts'
import { countDecided } from '../settle.ts'
import { cutText } from '../view/text.ts'
import { type LoggedError, lastErrors } from './log-errors.ts'
import type { Services } from './services.ts'
import { plural, printable } from './text.ts'

export type Status = {
  readonly running: boolean
  readonly pid: number | null
  readonly sinceMs: number | null
  readonly endpoints: Pick<Endpoints, 'kafka' | 's3' | 'lambda' | 'postgres'> | null
  readonly directory: string
  readonly bytes: Readonly<Record<string, number>> // by folder
  readonly datasets: Report['datasets']
  readonly decisions: { readonly fraud: number; readonly genuine: number }
  readonly waiting: Waiting
  readonly warned: number // rows without a value that was not taken
  readonly lag: readonly { readonly group: string; readonly topic: string; readonly records: number }[]
  readonly migrations: readonly string[] // names, as they were applied
  readonly notLoaded: readonly { readonly object: string; readonly problem: string }[]
  readonly unsentAlerts: number
  readonly errors: readonly LoggedError[]
}
/** Records that have come to one stage and not to the next. */
export type Waiting = {
  readonly bronze: number
  readonly silver: number
  readonly gold: number
  readonly decision: number
  readonly parent: number // rows that gold holds back until their parents come
}

const shownErrors = 3
const readLogBytes = 1_000_000

export async function takeStatus(
  { ports, running, directory }: Pick<Services, 'ports' | 'running' | 'directory'>,
  datasets: readonly Dataset[],
): Promise<Status> {
  const { kafka, warehouse } = ports
  const kept = await keptFailures(ports.failures)
  const tooLargeOf = (topic: string | undefined) => kept.filter((failure) => failure.topic === topic)
  const counted = await Promise.all(datasets.map((dataset) => countLayers(ports, dataset, tooLargeOf)))
  const [counts] = await warehouse.query<
    Record<'fraud' | 'genuine' | 'unsent' | 'deferred' | 'warned', string>
  >(
    `SELECT (SELECT count(*) FROM fraud_transaction) AS fraud, (SELECT count(*) FROM genuine_transaction) AS genuine,
            (SELECT count(*) FROM alerts WHERE sent_at IS NULL) AS unsent, (SELECT count(*) FROM deferred_rows) AS deferred,
            (SELECT coalesce(sum(warned), 0) FROM ledger) AS warned`,
  )
  const progress = await warehouse.query<{ topic: string; partition: number; next_offset: string }>(
    'SELECT topic, partition, next_offset FROM fraud_progress',
  )
  const undecided = counted.map(({ topic, offsets }, index) => {
    const rows = progress.filter((row) => row.topic === topic)
    if (!isDecided(datasets[index]!)) return 0
    const next = new Map(rows.map((row) => [row.partition, Number(row.next_offset)]))
    return offsets.records - countDecided(offsets, next, tooLargeOf(topic))
  })
  const migrations = await warehouse.query<{ name: string }>(
    'SELECT name FROM migrations ORDER BY applied_at, name',
  )
  return {
    running: running !== undefined,
    pid: running?.pid ?? null,
    sinceMs: running
      ? ((await stat(join(directory, 'endpoints.json')).catch(() => null))?.mtimeMs ?? null)
      : null,
    endpoints: running
      ? { kafka: running.kafka, s3: running.s3, lambda: running.lambda, postgres: running.postgres }
      : null,
    directory,
    bytes: await sizes(directory),
    datasets: counted.map(({ row }) => row),
    decisions: { fraud: Number(counts?.fraud), genuine: Number(counts?.genuine) },
    waiting: {
      bronze: sum(counted, ({ row }) => Math.max(0, row.kafka - (row.bronze - row.landed) - row.tooLarge)),
      silver: sum(counted, ({ unrefined }) => unrefined),
      gold: sum(counted, ({ row, unrefined, loaded }) => Math.max(0, row.bronze - unrefined - loaded)),
      decision: sum(undecided, (records) => records),
      parent: Number(counts?.deferred),
    },
    warned: Number(counts?.warned),
    lag: await measureLag(
      kafka,
      new Map(counted.flatMap(({ topic, offsets }) => (topic === undefined ? [] : [[topic, offsets]]))),
    ),
    migrations: migrations.map(({ name }) => name),
    notLoaded: await warehouse.query(
      `SELECT object_key AS object, problem FROM ledger WHERE problem IS NOT NULL ORDER BY loaded_at DESC LIMIT ${shownErrors}`,
    ),
    unsentAlerts: Number(counts?.unsent),
    errors: lastErrors(await endOf(join(directory, 'cupel.log')), shownErrors),
  }
}

type Counted = {
  readonly topic: string | undefined
  readonly offsets: TopicOffsets
  readonly row: Report['datasets'][number]
  readonly unrefined: number // records of bronze objects without silver
  readonly loaded: number // records of bronze objects in the ledger
}

/** From listings and the ledger; only objects that the ledger does not know yet are asked for their counts. */
async function countLayers(
  { kafka, lake, warehouse }: Pick<DataPorts, 'kafka' | 'lake' | 'warehouse'>,
  { name, topic, table, bronzeFolder, silverFolder }: Dataset,
  tooLargeOf: (topic: string | undefined) => readonly { firstOffset: number; lastOffset: number }[],
): Promise<Counted> {
  const ledger = await warehouse.query<
    Record<'object_key' | 'records' | 'silver' | 'quarantined' | 'duplicates', string>
  >('SELECT object_key, records, silver, quarantined, duplicates FROM ledger WHERE dataset = $1', [name])
  const known = new Map(ledger.map((row) => [row.object_key, Number(row.records)]))
  const silver = new Set(await inParallel(lake.list(`silver/${silverFolder}/`), async ({ key }) => key))
  const all = await inParallel(lake.list(`bronze/${bronzeFolder}/`), async ({ key }) => {
    const target = silverKey(silverFolder, parseBronzeKey(key)?.name ?? '')
    const inLedger = known.get(target)
    const records = inLedger ?? (Number((await lake.head(key))?.metadata.records) || 0)
    const isEdited = isEditedKey(key)
    return { key, records, isEdited, isRefined: silver.has(target), isLoaded: inLedger !== undefined }
  })
  const bronze = all.filter(({ isEdited }) => !isEdited)
  const offsets = topic === undefined ? noOffsets : await kafka.offsets(topic)
  const [gold] = await warehouse.query<{ count: string }>(`SELECT count(*) FROM ${identifier(table)}`)
  const total = (column: 'silver' | 'quarantined' | 'duplicates') => sum(ledger, (row) => Number(row[column]))
  const records = ({ records }: { records: number }) => records
  return {
    topic,
    offsets,
    row: {
      dataset: name,
      kafka: offsets.records,
      bronze: sum(bronze, records),
      landed: sum(
        bronze.filter(({ key }) => isLandedKey(key)),
        records,
      ),
      edited: all.length - bronze.length,
      tooLarge: countOffsets(tooLargeOf(topic)),
      silver: total('silver'),
      quarantined: total('quarantined'),
      duplicates: total('duplicates'),
      gold: Number(gold?.count),
    },
    unrefined: sum(
      bronze.filter(({ isRefined, isLoaded }) => !isRefined && !isLoaded),
      records,
    ),
    loaded: sum(
      bronze.filter(({ isLoaded }) => isLoaded),
      records,
    ),
  }
}

/** By group and topic; from the start in a partition of which a group has committed nothing, though it has of others. */
export async function measureLag(
  { groups, committed }: Pick<DataPorts['kafka'], 'groups' | 'committed'>,
  topics: ReadonlyMap<string, TopicOffsets>,
): Promise<Status['lag']> {
  const found = await Promise.all(
    (await groups(consumerGroups.all)).flatMap((group) =>
      [...topics].map(async ([topic, offsets]) => {
        const goesOn = await committed(group, topic)
        return { group, topic, records: lagOf(offsets, goesOn), reads: goesOn.size > 0 }
      }),
    ),
  )
  return found.filter(({ reads }) => reads).map(({ group, topic, records }) => ({ group, topic, records }))
}

async function sizes(directory: string): Promise<Record<string, number>> {
  const names = ['kafka', 's3', 'postgres', 'cupel.log']
  const found = await Promise.all(names.map(async (name) => [name, await sizeOf(join(directory, name))]))
  return Object.fromEntries(found)
}

/** 0 where there is nothing, or nothing any more. */
async function sizeOf(path: string): Promise<number> {
  const entries: Dirent[] | undefined = await readdir(path, { withFileTypes: true }).catch(() => undefined)
  if (!entries) return (await stat(path).catch(() => ({ size: 0 }))).size
  const inside = await inParallel(entries, async (entry) =>
    entry.isSymbolicLink() ? 0 : sizeOf(join(path, entry.name)),
  )
  return sum(inside, (bytes) => bytes)
}

async function endOf(file: string): Promise<string> {
  const handle = await open(file).catch(() => undefined)
  if (!handle) return ''
  try {
    const { size } = await handle.stat()
    const length = Math.min(size, readLogBytes)
    const { buffer } = await handle.read({ buffer: Buffer.alloc(length), position: size - length, length })
    return buffer.toString()
  } finally {
    await handle.close()
  }
}

/** One screen, in lines of at most `width` characters. */
export function formatStatus(status: Status, nowMs: number, width = Number.POSITIVE_INFINITY): string {
  const { running, pid, sinceMs, endpoints, directory, bytes, datasets, decisions, waiting } = status
  const { warned, lag, migrations, notLoaded, unsentAlerts, errors } = status
  const since =
    sinceMs === null ? '' : ` since ${showTime(sinceMs).slice(0, 19)} UTC (${age(nowMs - sinceMs)})`
  const behind = lag.filter(({ records }) => records > 0)
  const lines = [
    entry('state', running ? `running${since}, process ${pid}` : 'stopped; npm start goes on from here'),
    ...(endpoints
      ? [
          entry('Kafka', endpoints.kafka),
          entry('S3', endpoints.s3),
          entry('PostgreSQL', `psql ${endpoints.postgres}`),
          entry('Lambda', endpoints.lambda),
        ]
      : []),
    entry(
      'data',
      `${directory}  ${Object.entries(bytes)
        .map(([name, size]) => `${name} ${showBytes(size)}`)
        .join(', ')}`,
    ),
    entry(
      'database',
      `${plural(migrations.length, 'migration')} applied, the last: ${migrations.at(-1) ?? '–'}`,
    ),
    '',
    layersTable(datasets),
    '',
    entry(
      'decisions',
      `${showCount(decisions.fraud + decisions.genuine)}: ${showCount(decisions.fraud)} fraud, ${showCount(decisions.genuine)} genuine`,
    ),
    entry(
      'waiting',
      `for bronze ${showCount(waiting.bronze)}, for silver ${showCount(waiting.silver)}, for gold ${showCount(waiting.gold)}, for a decision ${showCount(waiting.decision)}`,
    ),
    ...(waiting.parent > 0
      ? [entry('held back', `${plural(waiting.parent, 'row')} until their parents come`)]
      : []),
    ...(warned > 0 ? [entry('warnings', `${plural(warned, 'row')} without a value that was not taken`)] : []),
    entry('lag', behind.length === 0 ? `none in ${plural(lag.length, 'consumer group')}` : ''),
    ...(behind.length === 0
      ? []
      : [indented(table(behind.map(({ group, records }) => [group, showCount(records)])))]),
    ...(unsentAlerts > 0 ? [entry('alerts', `${showCount(unsentAlerts)} not sent yet`)] : []),
    ...notLoaded.map(({ object, problem }) => entry('not loaded', printable(`${object}: ${problem}`))),
    entry('last errors', errors.length === 0 ? 'none in cupel.log' : ''),
    ...errors.map(
      ({ atMs, line, times }) =>
        `  ${atMs === null ? '' : `${showTime(atMs).slice(0, 19)}  `}${times > 1 ? `(${showCount(times)} times) ` : ''}${printable(line)}`,
    ),
  ]
  return lines
    .join('\n')
    .split('\n')
    .map((line) => (/psql postgres/.test(line) ? line : cutText(line, width).trimEnd()))
    .join('\n')
}

const entry = (name: string, text: string): string => name.padEnd(13) + text
const indented = (text: string): string =>
  text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')

function age(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return `${Math.max(0, Math.floor(ms / 1_000))} s`
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
