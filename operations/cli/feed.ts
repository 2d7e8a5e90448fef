import { join } from 'node:path'
import type { DroppedSource, FileSource, GeneratedSource, Pipeline } from '#datasets/pipeline.ts'
import { pipelines } from '#datasets/pipelines.ts'
import { dropFiles } from './drop.ts'
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
export type FeedPorts = Pick<LocalPorts, 'kafka' | 'upload'> & {
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
  switch (source.kind) {
    case 'file':
      return fileFeed(root, source, options)
    case 'dropped':
      return droppedFeed(name, source, options)
    case 'generated':
      return generatedFeed(name, source, options)
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

function droppedFeed(name: string, source: DroppedSource, options: FeedOptions): Feed {
  const { records, dirt = usual.dirt, seed = usual.seed } = options
  const { rate = records === undefined ? source.usualRate : undefined } = options
  const { takenBy, worldStartMs, load } = source
  return {
    counted: takenBy.name,
    of: records,
    rate,
    async send({ directory, upload, signal, note, onSent }) {
      const generate = await load()
      const world = { world: `${name} ${seed}`, worldStartMs }
      const { run, startMs, reach, close } = takeRun(directory, world, note)
      const rows = records ?? Number.POSITIVE_INFINITY
      const files = generate({ seed, run, startMs, rows, dirt: dirt / 100 })
      const folder = join(directory, 'dropped', takenBy.name)
      note(`Files are dropped into ${folder}, and uploaded from there.`)
      onSent(0)
      const options = { dataset: takenBy.name, rate, upload, signal, note, onSent }
      return dropFiles(
        folder,
        each(files, ({ untilMs }) => reach(untilMs)),
        options,
      ).finally(close)
    },
  }
}

function generatedFeed(name: string, source: GeneratedSource, options: FeedOptions): Feed {
  const { records, dirt = usual.dirt, fraud = usual.fraud, seed = usual.seed } = options
  const { counted, worldStartMs, load } = source
  const pace = planPace(options, source)
  // The first pipeline's worlds were noted by their seeds alone when there was no other.
  const world = name === pipelines[0].name ? `${seed}` : `${name} ${seed}`
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
      note(describeWorld(pace, startMs))
      if (startMs > Date.now())
        note('The simulated time is ahead of the clock by now; npm run reset begins anew.')
      onSent(0)
      return produce(
        kafka,
        each(stream, ({ timestampMs }) => reach(timestampMs)),
        {
          due: dueOf(pace, counted.topic),
          signal,
          onSent: (sent) => onSent(sent.filter(({ topic }) => topic === counted.topic).length),
          onBehind: (share) => note(describeBehind(pace, counted.name, share)),
        },
      ).finally(close)
    },
  }
}

/** The same items; each is shown before it is given. */
function* each<Item>(items: Iterable<Item>, show: (item: Item) => void): Generator<Item> {
  for (const item of items) {
    show(item)
    yield item
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
