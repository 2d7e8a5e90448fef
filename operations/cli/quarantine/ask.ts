import { LambdaClient } from '@aws-sdk/client-lambda'
import { openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import { silverToText } from '@cupel/duckdb/silver-text'
import { lambdaCaller } from '@cupel/io/lambda'
import { datasets } from '#datasets/index.ts'
import { makeLoad } from '#functions/gold/load/load.ts'
import { mergeGroups } from '#functions/silver/replay/entry.ts'
import type { ListAnswer, ShowAnswer } from '#functions/silver/replay/look.ts'
import {
  type DatasetAnswer,
  type EditAnswer,
  firstDiffs,
  makeReplay,
} from '#functions/silver/replay/replay.ts'
import type { Request } from '#functions/silver/replay/request.ts'
import { awsClient, local } from '../data-ports.ts'
import { Failure } from '../failure.ts'
import { type Services, withServices } from '../look-back/services.ts'

/** Asks `silver/replay`, until it has no more to say. Each is an action on a dataset; see Request. */
export type Quarantine = {
  readonly list: (dataset: string) => Promise<ListAnswer>
  readonly show: (request: Asked) => Promise<ShowAnswer>
  /** Try a dataset's version, or replay by it (`by` says who). */
  readonly replay: (request: Asked) => Promise<DatasetAnswer>
  /** Try an edit, or replay it. */
  readonly edit: (request: Asked) => Promise<EditAnswer>
}
export type Asked = Omit<Request, 'action'>
type Ask = (request: Request) => Promise<unknown>

/**
 * Give `work` the quarantine: the running local cloud's function answers, or else the same code in this process, on the
 * services that hold the data. Then gold has what is replayed too; decisions on it wait for the next start.
 */
export const withQuarantine = (
  root: string,
  work: (quarantine: Quarantine, services: Services) => Promise<number>,
): Promise<number> =>
  withServices(
    root,
    async (services) => {
      const { running } = services
      if (!running) return askHere(services, (ask) => work(makeQuarantine(ask), services))
      const lambda = new LambdaClient({
        endpoint: running.lambda,
        ...awsClient(running.s3Credentials),
        maxAttempts: 20,
      })
      try {
        return await work(makeQuarantine(lambdaCaller(local.replayFunction, lambda)), services)
      } finally {
        lambda.destroy()
      }
    },
    ['s3', 'postgres'],
  )

async function askHere({ ports }: Services, work: (ask: Ask) => Promise<number>): Promise<number> {
  const engine = await openEngine()
  const { lake, warehouse } = ports
  const load = makeLoad({
    lake,
    warehouse,
    datasets,
    silverToText: (dataset, files) => silverToText(engine, dataset, files),
    warn: (line) => console.error(line),
  })
  const replay = makeReplay({
    bucket: local.lakeBucket,
    lake,
    warehouse,
    datasets,
    refineFile: (dataset, files) => refineFile(engine, dataset, files),
    load,
    decide: async () => {},
    now: Date.now,
  })
  try {
    return await work((request) => replay(request, () => Number.POSITIVE_INFINITY))
  } finally {
    engine.close()
  }
}

export function makeQuarantine(ask: Ask): Quarantine {
  const call = async <Answer>(request: Request): Promise<Answer> => {
    try {
      return (await ask(request)) as Answer
    } catch (error) {
      throw new Failure((error as Error).message)
    }
  }
  /** All pages of an answer. */
  async function all<Answer extends { readonly next?: string }>(
    request: Request,
    add: (sum: Answer, page: Answer) => Answer,
  ): Promise<Answer> {
    let answer = await call<Answer>(request)
    for (let { next } = answer; next !== undefined; ) {
      const page: Answer = await call<Answer>({ ...request, from: next })
      answer = add(answer, page)
      next = page.next
    }
    const { next, ...whole } = answer
    return whole as Answer
  }
  return {
    list: (dataset) => all<ListAnswer>({ action: 'list', dataset }, addLists),
    show: (request) => call({ action: 'show', ...request }),
    replay: (request) =>
      all<DatasetAnswer>({ action: request.by === undefined ? 'dryRun' : 'replay', ...request }, addReplays),
    edit: (request) => call({ action: request.by === undefined ? 'dryRun' : 'replay', ...request }),
  }
}

const addLists = (a: ListAnswer, b: ListAnswer): ListAnswer => ({
  ...b,
  entries: a.entries + b.entries,
  edited: a.edited + b.edited,
  groups: mergeGroups([...a.groups, ...b.groups]),
})

const addReplays = (a: DatasetAnswer, b: DatasetAnswer): DatasetAnswer => ({
  ...b,
  objects: a.objects + b.objects,
  accepted: a.accepted + b.accepted,
  rejected: a.rejected + b.rejected,
  ofThisVersion: a.ofThisVersion + b.ofThisVersion,
  diffs: firstDiffs([...a.diffs, ...b.diffs]),
  held: [...a.held, ...b.held],
  failed: [...a.failed, ...b.failed],
})
