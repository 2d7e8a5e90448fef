import type { Dataset } from '@cupel/core/dataset'
import { messageWithoutValues, ObjectError } from '@cupel/core/errors'
import { parseBronzeKey, silverKey } from '@cupel/core/keys'
import { type ObjectCreatedEvent, objectCreatedEvent } from '@cupel/core/s3-event'
import type { ObjectStore } from '@cupel/io/object-store'
import type { Postgres } from '@cupel/io/postgres'
import { isRefined, putRefined } from '@cupel/io/refined-object'
import { withTemporaryFolder } from '@cupel/io/temporary-folder'
import { type Diff, diffOf } from './diff.ts'
import { applyEdit, editedObject, readEdited, type Signature } from './edit.ts'
import { idOf, parseBronzeLine } from './entry.ts'
import { writeHistory } from './history.ts'
import { type Judgement, type JudgePorts, judgeObject } from './judge.ts'
import {
  editedKeys,
  editOf,
  findEntry,
  type ListAnswer,
  listReasons,
  noEntry,
  type ShowAnswer,
  showEntries,
} from './look.ts'
import { type Request, readRequest } from './request.ts'

export type ReplayPorts = {
  readonly bucket: string
  readonly lake: Pick<ObjectStore, 'put' | 'get' | 'stream' | 'head' | 'list'>
  readonly warehouse: Pick<Postgres, 'query'>
  readonly datasets: readonly Dataset[]
  readonly refineFile: JudgePorts['refineFile']
  readonly load: (event: ObjectCreatedEvent) => Promise<unknown> // resolves when gold has the objects
  readonly decide: () => Promise<unknown> // on transactions that are valid only now
  readonly now: () => number // epoch ms
}
export type Answer = ListAnswer | ShowAnswer | DatasetAnswer | EditAnswer

/** What became of the entries of a dataset, or would become. `next`: there is more, from there on. */
export type DatasetAnswer = {
  readonly version: number // of the dataset, now
  readonly objects: number // judged
  readonly accepted: number // entries
  readonly rejected: number // entries, again
  /** Accepted ones that only a higher version would replay: their object was refined by this one. */
  readonly ofThisVersion: number
  readonly diffs: readonly EntryDiff[] // some
  /** Objects that stay as they are: the version rejects records of theirs that are in gold. */
  readonly held: readonly { readonly object: string; readonly lost: number }[]
  readonly failed: readonly { readonly object: string; readonly problem: string }[]
  readonly next?: string
}
export type EntryDiff = Diff & { readonly id: string; readonly isEdited: boolean }
/** `unchanged`: the very edit is there already. `taken`: another edit is. */
export type EditAnswer = {
  readonly outcome: 'would be accepted' | 'rejected' | 'accepted' | 'unchanged' | 'taken'
  readonly diff: Diff
  readonly edit?: Signature // the one that is there
}

const mostObjects = 1_000 // in an answer
const mostDiffs = 100
const loadedAtOnce = 20 // a function's timeout must do for this many objects
const enoughMs = 60_000 // for the largest object

/**
 * Look at what is in quarantine, and bring back what is fixed: by a new version of the dataset, or by a person's edit of a
 * record. What is replayed goes through the same code as any other record.
 *
 * Delivery: a repetition changes nothing, also after a crash at any point. History is written before what it tells of, silver
 * last; an edit is created where no object stands, so of two only one wins.
 *
 * @throws {RequestError} when the event asks for what there is not; else when a store does. What was done until then stays.
 */
export const makeReplay =
  (ports: ReplayPorts) =>
  async (event: unknown, remainingMs: () => number): Promise<Answer> => {
    const { of: dataset, ...request } = readRequest(event, ports.datasets)
    if (request.action === 'list') return listReasons(ports, dataset, request, remainingMs)
    if (request.action === 'show') return showEntries(ports, dataset, request, remainingMs)
    if (request.edit) return editEntry(ports, dataset, request)
    return replayDataset(ports, dataset, request, remainingMs)
  }

/** Refine again what an older version rejected; try it on all that is in quarantine. */
async function replayDataset(
  ports: ReplayPorts,
  dataset: Dataset,
  { action, by, from = '', raw }: Request,
  remainingMs: () => number,
): Promise<DatasetAnswer> {
  const isDryRun = action === 'dryRun'
  const objects = await ports.warehouse.query<{ silver: string; bronze: string; version: string }>(
    `SELECT object_key AS silver, bronze_key AS bronze, dataset_version AS version FROM ledger
      WHERE dataset = $1 AND object_key > $2 AND quarantined > 0 AND bronze_key IS NOT NULL AND ($3 OR dataset_version <> $4)
      ORDER BY object_key LIMIT ${mostObjects}`,
    [dataset.name, from, isDryRun, String(dataset.version)],
  )
  const edits = await editedKeys(ports.lake, dataset)
  const counts = { objects: 0, accepted: 0, rejected: 0, ofThisVersion: 0 }
  const diffs: EntryDiff[] = []
  const held: DatasetAnswer['held'][number][] = []
  const failed: DatasetAnswer['failed'][number][] = []
  let toLoad: string[] = []
  let last: string | undefined
  for (const { silver, bronze, version } of objects) {
    if (last !== undefined && remainingMs() < enoughMs) break
    last = silver
    const object = decodeURI(bronze)
    try {
      const { entries, lost } = await replayObject(ports, dataset, object, isDryRun ? undefined : by)
      if (lost > 0) held.push({ object, lost })
      if (lost > 0 && !isDryRun) continue
      const accepted = entries.filter(({ reasons }) => !reasons).length
      counts.objects += 1
      counts.accepted += accepted
      counts.rejected += entries.length - accepted
      if (version === String(dataset.version)) counts.ofThisVersion += accepted
      for (const isAccepted of [true, false])
        for (const { entry } of entries
          .filter(({ reasons }) => !reasons === isAccepted)
          .slice(0, mostDiffs - diffs.filter(({ accepted }) => accepted === isAccepted).length))
          diffs.push({
            id: idOf(entry),
            isEdited: edits.has(editOf(dataset, entry)),
            ...diffOf(dataset, entry, undefined, raw),
          })
      if (!isDryRun) toLoad.push(silver)
    } catch (error) {
      const problem = error instanceof ObjectError ? error : notReplayed(object, error)
      failed.push({ object, problem: problem.message })
    }
    if (toLoad.length === loadedAtOnce) {
      await load(ports, toLoad)
      toLoad = []
    }
  }
  if (toLoad.length > 0) await load(ports, toLoad)
  if (!isDryRun) await ports.decide()
  const isWhole = objects.length < mostObjects && last === objects.at(-1)?.silver
  return {
    version: dataset.version,
    ...counts,
    diffs: firstDiffs(diffs),
    held,
    failed,
    ...(!isWhole && { next: last! }),
  }
}

const notReplayed = (object: string, error: unknown): ObjectError =>
  new ObjectError(object, `could not be replayed: ${messageWithoutValues(error)}`, error)

/** Some, those that are accepted first. */
export const firstDiffs = (diffs: readonly EntryDiff[]): readonly EntryDiff[] =>
  [...diffs].sort((a, b) => Number(b.accepted) - Number(a.accepted)).slice(0, mostDiffs)

/** Judge an object anew; with somebody who asks for it, store the outcome too, unless gold would keep what silver loses. */
const replayObject = (
  { lake, refineFile, warehouse, now }: ReplayPorts,
  dataset: Dataset,
  key: string,
  by: string | undefined,
): Promise<Pick<Judgement, 'entries' | 'lost'>> =>
  withTemporaryFolder(async (folder) => {
    const judgement = await judgeObject({ lake, refineFile }, dataset, key, folder)
    const { origin, refined, entries, lost } = judgement
    if (by === undefined || lost > 0 || (await isRefined(lake, origin))) return judgement
    const outcomes = entries.map(({ entry, reasons }) => ({
      ...entry,
      outcome: reasons ? ('rejected' as const) : ('accepted' as const),
    }))
    await writeHistory(warehouse, dataset, outcomes, { by, atMs: now() })
    await putRefined(lake, origin, refined)
    return judgement
  })

/** Put an edited record into the place of a rejected one. Nothing is stored unless the dataset accepts it. */
async function editEntry(
  ports: ReplayPorts,
  dataset: Dataset,
  { action, entry: id, edit, by, because, raw }: Request,
): Promise<EditAnswer> {
  const { lake, now } = ports
  const entry = await findEntry(lake, dataset, id!)
  if (!entry) throw noEntry(dataset, id!)
  const value = applyEdit(parseBronzeLine(entry.line).text, edit!)
  const diff = diffOf(dataset, entry, value, raw)
  if (!diff.accepted) return { outcome: 'rejected', diff }

  const key = editOf(dataset, entry)
  const signature = { by: by ?? '', because: because ?? '', atMs: now() }
  const isNew =
    action === 'replay'
      ? await lake.put(key, editedObject(entry, value, signature), {
          contentType: 'application/x-ndjson',
          ifAbsent: true,
        })
      : undefined
  const stored = isNew === true ? undefined : await lake.get(key)
  const present = stored && readEdited(stored.body)
  const { by: editor, atMs, because: why } = present ?? signature
  const was = present && { edit: { by: editor, atMs, because: why } }
  if (present && present.text !== value) return { outcome: 'taken', diff, ...was }
  if (action === 'dryRun') return { outcome: present ? 'unchanged' : 'would be accepted', diff, ...was }

  const { lost } = await replayObject(ports, dataset, key, signature.by) // as its event does, but to know when it is done
  await load(ports, [silverKey(dataset.silverFolder, parseBronzeKey(key)!.name)])
  await ports.decide()
  return { outcome: lost > 0 ? 'rejected' : present ? 'unchanged' : 'accepted', diff, ...was }
}

const load = ({ load, bucket }: ReplayPorts, silver: readonly string[]): Promise<unknown> =>
  load(
    objectCreatedEvent(
      bucket,
      silver.map((key) => ({ key, eTag: '', size: 0 })),
    ),
  )
