import type { CloudMessage } from '../local-cloud.ts'

/** The stages of the picture, in the order in which records pass them; fraud reads Kafka beside bronze. */
export const stageNames = ['bronze', 'silver', 'gold', 'fraud'] as const
export type StageName = (typeof stageNames)[number]

const stageOfFunction: Readonly<Record<string, StageName>> = {
  ingestStream: 'bronze',
  refine: 'silver',
  load: 'gold',
  detectFraud: 'fraud',
}

/** What the monitor found at a moment. Counts are of all that ever was, not of this run. */
export type Measurement = {
  readonly atMs: number // on a clock that never goes back
  readonly bronze: { readonly through: number; readonly lag: number } // by the offsets of ingestStream's consumer groups
  readonly tooLarge: number // of `through`: records that no event holds, kept in the failure bucket
  readonly ledger: Readonly<Record<'records' | 'quarantined' | 'duplicates', number>>
  readonly fraud?: Readonly<Record<'through' | 'lag' | 'duplicates', number>> & {
    readonly found: number // before the first measurement; the same in each
  }
}

export type Memory = {
  readonly processes: number
  readonly rssBytes: number // what processes share counts for each of them
  readonly pssBytes: number | undefined // what they share counts once; Linux tells it
}

/** How far a run of `cupel start` is. */
export type RunProgress =
  | {
      readonly phase: 'generating'
      readonly sent: number
      readonly of: number | undefined // undefined: until Ctrl-C
      readonly counted: string // what is sent: 'transactions'
      readonly rate: number | undefined // a second, as asked for
    }
  | { readonly phase: 'serving' | 'settling' | 'reconciling' | 'stopping' | 'stopped' }

export type Stage = {
  readonly total: number // records that are through it
  readonly lag: number // records that are through the stage before, and not through it
  readonly quarantined: number | undefined // undefined: not this stage's to say
  readonly duplicates: number | undefined
  readonly failed: number // invocations in this run; event sources repeat them
  readonly points: readonly Point[] // of the total, of the last seconds
  readonly latenciesMs: readonly number[] // of the last invocations
}
type Point = { readonly atMs: number; readonly total: number }

/** All that the picture shows. */
export type Model = {
  readonly stages: Readonly<Record<StageName, Stage>>
  readonly shown: readonly StageName[]
  readonly goldLatenciesMs: readonly number[] // Kafka → gold, of the last invocations of load
  readonly frauds: number
  readonly tooLarge: number
  readonly memory: Memory | undefined
  readonly progress: RunProgress | undefined
  readonly sentPoints: readonly Point[]
  readonly measured: boolean // counts are known
  readonly refined: number // records in refine's answers since `refinedBase` was right
  readonly refinedBase: number
  readonly foundNow: number // frauds in answers since the first measurement
}

const rateWindowMs = 10_000
const keptLatencies = 200

const emptyStage: Stage = {
  total: 0,
  lag: 0,
  quarantined: undefined,
  duplicates: undefined,
  failed: 0,
  points: [],
  latenciesMs: [],
}
export const emptyModel: Model = {
  stages: { bronze: emptyStage, silver: emptyStage, gold: emptyStage, fraud: emptyStage },
  shown: stageNames,
  goldLatenciesMs: [],
  frauds: 0,
  tooLarge: 0,
  memory: undefined,
  progress: undefined,
  sentPoints: [],
  measured: false,
  refined: 0,
  refinedBase: 0,
  foundNow: 0,
}

/**
 * Take in an invocation that has ended. Its latency counts from what it was about: the first Kafka record in its event
 * (ingestStream, detectFraud), or its object's event (refine, load). A sender's timestamp from the future, or none (-1), tells nothing.
 */
export function invoked(model: Model, message: CloudMessage): Model {
  const name = stageOfFunction[message.functionKey]
  if (!name) return model
  const stage = model.stages[name]
  if (message.failed) return withStage(model, name, { failed: stage.failed + 1 })
  const endMs = message.startedMs + message.durationMs
  const answer = (message.answer ?? {}) as Readonly<Record<string, unknown>>
  const count = (field: string): number => {
    const value = answer[field]
    return typeof value === 'number' && Number.isFinite(value) ? value : 0
  }
  const next = withStage(model, name, { latenciesMs: withLatency(stage.latenciesMs, message.eventMs, endMs) })
  switch (name) {
    case 'silver':
      return { ...next, refined: next.refined + count('records') }
    case 'gold': {
      const oldestMs = typeof answer.oldestRecordMs === 'number' ? answer.oldestRecordMs : null
      return { ...next, goldLatenciesMs: withLatency(next.goldLatenciesMs, oldestMs, endMs) }
    }
    case 'fraud':
      return { ...next, foundNow: next.foundNow + count('fraud') }
    default:
      return next
  }
}

/**
 * Take in a measurement. What is in silver, and not in gold yet, stands nowhere as a number: it follows from what gold
 * held at first and from refine's answers since, and never leaves the bounds that bronze and gold set.
 */
export function measured(model: Model, { atMs, ...now }: Measurement): Model {
  const inBronze = now.bronze.through - now.tooLarge
  const inGold = now.ledger.records
  // All that bronze holds is in gold: now the base is known, whatever an answer did not tell.
  const isSettled = inGold >= inBronze
  const refinedBase = !model.measured || isSettled ? inGold : model.refinedBase
  const refined = !model.measured || isSettled ? 0 : model.refined
  const foundNow = model.measured ? model.foundNow : 0 // those before are counted in what was measured
  const inSilver = Math.max(inGold, Math.min(inBronze, refinedBase + refined))
  const update = (name: StageName, stage: Partial<Stage> & { total: number }) => ({
    ...model.stages[name],
    ...stage,
    points: withPoint(model.stages[name].points, { atMs, total: stage.total }),
  })
  const { quarantined, duplicates } = now.ledger
  return {
    ...model,
    measured: true,
    refined,
    refinedBase,
    foundNow,
    frauds: (now.fraud?.found ?? 0) + foundNow,
    shown: stageNames.filter((name) => name !== 'fraud' || now.fraud),
    tooLarge: now.tooLarge,
    stages: {
      bronze: update('bronze', { total: now.bronze.through, lag: now.bronze.lag }),
      silver: update('silver', {
        total: inSilver,
        lag: Math.max(0, inBronze - inSilver),
        quarantined,
        duplicates,
      }),
      gold: update('gold', { total: inGold, lag: inSilver - inGold }),
      fraud: update('fraud', {
        total: now.fraud?.through ?? 0,
        lag: now.fraud?.lag ?? 0,
        duplicates: now.fraud?.duplicates,
      }),
    },
  }
}

/** Take in how far the run is, and when that was known. */
export function progressed(model: Model, progress: RunProgress, atMs: number): Model {
  const sentPoints =
    progress.phase === 'generating'
      ? withPoint(model.sentPoints, { atMs, total: progress.sent })
      : model.sentPoints
  return { ...model, progress, sentPoints }
}

/** How much a total grew a second, over the last ten seconds; undefined where there are not two points yet. */
export function rateOf(points: readonly Point[]): number | undefined {
  const [first, last] = [points[0], points.at(-1)]
  if (!first || !last || last.atMs <= first.atMs) return undefined
  return ((last.total - first.total) * 1000) / (last.atMs - first.atMs)
}

/** The smallest sample that at least `share` of all do not exceed; undefined of none. */
export function percentile(samples: readonly number[], share: number): number | undefined {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}

/** Done and all there is, and the time that the rest takes at the pace of the last ten seconds. */
export type Completion = { readonly done: number; readonly of: number; readonly etaMs: number | undefined }

export function completionOf({ progress, stages, sentPoints }: Model): Completion | undefined {
  if (progress?.phase === 'generating' && progress.of !== undefined) {
    return completion(progress.sent, progress.of, rateOf(sentPoints))
  }
  if (progress?.phase !== 'settling') return undefined
  const { bronze, gold, fraud } = stages
  const open = bronze.lag + stages.silver.lag + gold.lag
  const [stage, lag] = fraud.lag > open ? [fraud, fraud.lag] : [gold, open]
  return completion(stage.total, stage.total + lag, rateOf(stage.points))
}

function completion(done: number, of: number, rate: number | undefined): Completion {
  return { done, of, etaMs: rate ? Math.round(((of - done) * 1000) / rate) : undefined }
}

const withStage = (model: Model, name: StageName, change: Partial<Stage>): Model => ({
  ...model,
  stages: { ...model.stages, [name]: { ...model.stages[name], ...change } },
})

const withLatency = (kept: readonly number[], fromMs: number | null, toMs: number): readonly number[] =>
  fromMs === null || fromMs <= 0 || fromMs > toMs
    ? kept
    : [...kept, Math.round(toMs - fromMs)].slice(-keptLatencies)

/** The last point before the window stays, so that a window is whole. */
function withPoint(points: readonly Point[], point: Point): readonly Point[] {
  const from = points.findLastIndex(({ atMs }) => atMs <= point.atMs - rateWindowMs)
  return [...points.slice(Math.max(0, from)), point]
}
