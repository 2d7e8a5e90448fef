import type { Dataset } from '@cupel/core/dataset'

/** A pipeline: datasets that belong together, and where their records come from on one's own machine. */
export type Pipeline = {
  readonly name: string // of `cupel start --pipeline <name>`
  readonly datasets: readonly Dataset[]
  readonly source: GeneratedSource | FileSource | DroppedSource
  /** Of each valid record of this dataset detect-fraud takes a decision, which runs wait for and reports show. */
  readonly decided?: Streamed
  /** What to do with the tables, said at the end of a run. */
  readonly next?: string
}
/** A dataset whose records come through Kafka. */
export type Streamed = Dataset & { readonly topic: string }

/** A world that makes records, without end unless it is told how many. */
export type GeneratedSource = {
  readonly kind: 'generated'
  readonly counted: Streamed // whose records are meant by "so many" and by "so many a second"; the others come on top
  readonly worldStartMs: number // simulated time at which the first run begins
  readonly usualRate: number // of what is counted a second, in a run without end
  /** Where people make what is counted, it can be told how many, and how fast their days go by. */
  readonly users?: {
    readonly usual: number // in a run without end
    readonly forRecords: (records: number) => number // in a run of so many
    readonly recordsADay: number // of what is counted, of each of them, on average
  }
  /** Loads the generator, with the libraries that it needs. */
  readonly load: () => Promise<Generate>
}
/** The same options give the same records. Lazy, as `records` may be Infinity. */
export type Generate = (options: GenerateOptions) => Iterable<GeneratedRecord>
export type GenerateOptions = {
  readonly seed: number
  readonly run: number // counts from 0: each goes on after the one before
  readonly startMs: number // simulated
  readonly records: number // of what is counted
  readonly users: number | undefined // where there are any
  readonly dirt: number // share of the records that is broken
  readonly fraud: number // share of what is counted, where decisions are taken
}
/** What is to be produced: records of one key in the order given. */
export type GeneratedRecord = {
  readonly topic: string
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>>
  readonly timestampMs: number // simulated
}

/** A CSV file whose rows are sent one by one, as `cupel stream` does; a run ends with it. */
export type FileSource = {
  readonly kind: 'file'
  readonly file: string // in the project's folder
  readonly sentTo: Streamed
  readonly usualRate: number // rows a second, in a run that is not told how many
}

/** A world that drops files at intervals, for a folder that is watched, as `cupel watch` does. */
export type DroppedSource = {
  readonly kind: 'dropped'
  readonly takenBy: Dataset
  readonly worldStartMs: number // simulated time at which the first run begins
  readonly usualRate: number // rows a second, in a run without end
  readonly load: () => Promise<(options: DropOptions) => Iterable<Dropped>>
}
export type DropOptions = Pick<GenerateOptions, 'seed' | 'run' | 'startMs' | 'dirt'> & {
  readonly rows: number
}
export type Dropped = {
  readonly name: string
  readonly text: string
  readonly rows: number
  readonly untilMs: number // simulated time of its latest record
}
