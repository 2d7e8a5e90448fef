import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { landingPrefix } from '@cupel/core/keys'
import type { FileSource, FilesSource, GeneratedSource, Pipeline } from '#datasets/pipeline.ts'
import { pipelines } from '#datasets/pipelines.ts'
import { Failure } from './failure.ts'
import { takeRun } from './generator-run.ts'
import type { LocalPorts } from './local-ports.ts'
import { type AskedPace, byClock, evenly, type Pace, planPace, shown } from './pace.ts'
import { produce } from './produce.ts'
import { countRows } from './stream/rows.ts'
import { streamRows } from './stream/stream.ts'

export type FeedOptions = AskedPace & {
  readonly dirt?: number // percent of the records
  readonly fraud?: number // percent of what is counted
  readonly seed?: number
}
/** What brings a pipeline its records. */
export type Feed = {
  readonly counted: string // of what: 'transactions'
  readonly of: number | undefined // how many; undefined: until Ctrl-C
  readonly rate: number | undefined // how many a second; undefined: as fast as it goes
  /** Send them. Returns how many records were acknowledged, those that are not counted too. */
  readonly send: (to: FeedPorts) => Promise<number>
}
export type FeedPorts = Pick<LocalPorts, 'kafka' | 'lake'> & {
  readonly directory: string // of all local data
  readonly signal: AbortSignal
  readonly note: (line: string) => void
  readonly onSent: (counted: number) => void
}

const usual = { dirt: 1, fraud: 1.5, seed: 7 }

/** The pipelines of a name, or of `all`. @throws {Failure} when there are none, or an option means nothing to any of them. */
export function choosePipelines(name: string | undefined, options: FeedOptions): readonly Pipeline[] {
  const chosen =
    name === 'all' ? pipelines : pipelines.filter((each) => each.name === (name ?? pipelines[0].name))
  const names = pipelines.map((each) => each.name).join(', ')
  if (chosen.length === 0) throw new Failure(`there is no pipeline ${name}; there are ${names}, and all`, 2)
  const understood = new Set(chosen.flatMap(optionsOf))
  for (const option of Object.keys(options) as (keyof FeedOptions)[])
    if (options[option] !== undefined && !understood.has(option))
      throw new Failure(`--${option} means nothing to the pipeline ${name}`, 2)
  return chosen
}

const optionsOf = ({ source, decided }: Pipeline): readonly (keyof FeedOptions)[] => [
  'records',
  'rate',
  ...(source.kind === 'file' ? [] : (['dirt', 'seed'] as const)),
  ...(source.kind === 'generated' && source.users ? (['users', 'speed'] as const) : []),
  ...(decided ? (['fraud'] as const) : []),
]

/** Plan it, before anything is started. @throws {Failure} when it cannot be as it was asked for. */
export const planFeed = async (
  root: string,
  { name, source }: Pipeline,
  options: FeedOptions,
): Promise<Feed> => {
  const seed = options.seed ?? usual.seed
  // The first pipeline's worlds were noted by their seeds alone when there was no other.
  const world = name === pipelines[0].name ? `${seed}` : `${name} ${seed}`
  switch (source.kind) {
    case 'file':
      return fileFeed(root, source, options)
    case 'files':
      return filesFeed(world, source, { ...options, seed })
    case 'generated':
      return generatedFeed(world, source, { ...options, seed })
  }
}

async function fileFeed(
  root: string,
  { file, sentTo, usualRate }: FileSource,
  { records, rate = records === undefined ? usualRate : undefined }: FeedOptions,
): Promise<Feed> {
  const path = join(root, file)
  const rows = await countRows(path)
  return {
    counted: 'rows',
    of: Math.min(records ?? rows, rows),
    rate,
    async send({ kafka, signal, note, onSent }) {
      onSent(0)
      const delayMs = rate === undefined ? 0 : 1000 / rate
      return streamRows(kafka, {
        file: path,
        topic: sentTo.topic,
        delayMs,
        most: records,
        signal,
        note,
        onSent,
      })
    },
  }
}

function filesFeed(
  world: string,
  { landedAs, worldStartMs, usualRate, recordsInFile, load }: FilesSource,
  { records, rate = records === undefined ? usualRate : undefined, dirt = usual.dirt, seed }: Seeded,
): Feed {
  return {
    counted: landedAs.name,
    of: records,
    rate,
    async send({ lake, directory, signal, note, onSent }) {
      const generate = await load()
      const { run, startMs, reach, close } = takeRun(directory, { world, worldStartMs }, note)
      const most = records ?? Number.POSITIVE_INFINITY
      let sent = 0
      onSent(0)
      try {
        for (const file of generate({ seed, run, startMs, records: most, recordsInFile, dirt: dirt / 100 })) {
          if (signal.aborted) break
          reach(file.timestampMs)
          await lake.put(`${landingPrefix(landedAs.name)}${file.name}`, file.content)
          sent += file.records
          onSent(file.records)
          if (rate) await sleep((file.records * 1000) / rate, undefined, { signal }).catch(() => {})
        }
        return sent
      } finally {
        close()
      }
    },
  }
}

type Seeded = FeedOptions & { readonly seed: number }

function generatedFeed(world: string, source: GeneratedSource, options: Seeded): Feed {
  const { records, dirt = usual.dirt, fraud = usual.fraud, seed } = options
  const { counted, worldStartMs, load } = source
  const pace = planPace(options, source)
  return {
    counted: counted.name,
    of: records,
    rate: pace.rate,
    async send({ kafka, directory, signal, note, onSent }) {
      const generate = await load()
      const { run, startMs, reach, close } = takeRun(directory, { world, worldStartMs }, note)
      const stream = generate({
        seed,
        run,
        startMs,
        records: records ?? Number.POSITIVE_INFINITY,
        users: pace.users,
        dirt: dirt / 100,
        fraud: fraud / 100,
      })
      function* remembered() {
        for (const record of stream) {
          reach(record.timestampMs)
          yield record
        }
      }
      note(describeWorld(pace, startMs))
      if (startMs > Date.now())
        note('The simulated time is ahead of the clock by now; npm run reset begins anew.')
      onSent(0)
      return produce(kafka, remembered(), {
        due: dueOf(pace, counted.topic),
        signal,
        onSent: (sent) => onSent(sent.filter(({ topic }) => topic === counted.topic).length),
        onBehind: (share) => note(describeBehind(pace, counted.name, share)),
      }).finally(close)
    },
  }
}

const dueOf = ({ follows, rate, speed }: Pace, topic: string) =>
  follows === 'rate' ? evenly(topic, rate!) : follows === 'clock' ? byClock(topic, speed!) : undefined

const describeWorld = ({ users, speed }: Pace, startMs: number): string =>
  [
    `The world: ${users === undefined ? '' : `${shown(users)} users, `}from ${new Date(startMs).toISOString().slice(0, 10)} on`,
    ...(speed === undefined ? [] : [`${shown(speed)} simulated days a minute`]),
  ].join(', ')

const describeBehind = ({ follows, rate, speed }: Pace, counted: string, share: number): string =>
  follows === 'rate'
    ? `asked for ${shown(rate!)} ${counted} a second, sends ${shown(rate! * share)}: this machine takes no more`
    : `asked for ${shown(speed!)} simulated days a minute, goes through ${shown(speed! * share)}: this machine takes no more`
