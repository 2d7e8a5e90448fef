import { hash } from 'node:crypto'
import type { Dataset } from '@cupel/core/dataset'
import { inGroups } from '@cupel/core/groups'
import { addressOf } from '@cupel/core/kafka-event'
import { editedKey, parseBronzeKey, parseQuarantineKey, quarantineKey, silverKey } from '@cupel/core/keys'
import type { ObjectStore } from '@cupel/io/object-store'
import type { Postgres } from '@cupel/io/postgres'
import { readEdited, type Signature } from './edit.ts'
import {
  type Entry,
  type Group,
  groupEntries,
  idOf,
  mergeGroups,
  parseBronzeLine,
  parseEntries,
  parseId,
} from './entry.ts'
import { countAccepted, type Replay, readHistory } from './history.ts'
import { type Request, RequestError } from './request.ts'

export type LookPorts = {
  readonly lake: Pick<ObjectStore, 'get' | 'head' | 'list'>
  readonly warehouse: Pick<Postgres, 'query'>
}
/** `next`: there is more, from there on. */
export type ListAnswer = {
  readonly version: number // of the dataset, now
  readonly entries: number
  readonly edited: number // of these: a person's edit of the record is in bronze
  readonly acceptedLater: number // entries that are in quarantine no more
  readonly groups: readonly Group[]
  readonly next?: string
}
export type ShowAnswer = { readonly entries: readonly ShownEntry[]; readonly next?: string }
export type ShownEntry = Omit<Entry, 'line' | 'object' | 'timestampMs'> & {
  readonly id: string
  readonly place: string // in Kafka, or in its file
  readonly timestampMs: number | null // null: it is in quarantine no more
  readonly isEdited: boolean
  readonly raw?: string // as it was sent; base64 of what is no text
  readonly history?: History // of a single entry
}
export type History = {
  readonly inQuarantine: boolean // still; an edited record's original always is
  readonly replays: readonly Replay[] // by version
  readonly edit: (Signature & { readonly sha256: string; readonly outcome: EditOutcome }) | null
}
/** Of the edited record: in silver, in quarantine itself, or not refined yet. */
export type EditOutcome = 'accepted' | 'rejected' | 'waiting'

const atOnce = 16 // objects read
const mostEntries = 500 // in an answer
const mostBytes = 4_000_000 // in an answer: Lambda takes 6 MB
const enoughMs = 10_000 // left of the function's time

/** Count what is in quarantine by reason, as far as time goes. */
export async function listReasons(
  ports: LookPorts,
  dataset: Dataset,
  { from }: Request,
  remainingMs: () => number,
): Promise<ListAnswer> {
  const edits = await editedKeys(ports.lake, dataset)
  const isEdited = (entry: Entry) => edits.has(editOf(dataset, entry))
  let groups: Group[] = []
  let [entries, edited, next] = [0, 0, '']
  for await (const page of pages(ports.lake, dataset, from && quarantineKey(dataset.name, from))) {
    const found = page.flatMap(({ entries }) => entries)
    entries += found.length
    edited += found.filter(isEdited).length
    groups = mergeGroups([...groups, ...groupEntries(found, isEdited)])
    next = page.at(-1)!.name
    if (remainingMs() < enoughMs) break
    next = ''
  }
  const acceptedLater = await countAccepted(ports.warehouse, dataset)
  return { version: dataset.version, entries, edited, acceptedLater, groups, ...(next && { next }) }
}

/** Entries, those with a reason in a field where one is asked for; or one entry with its history. */
export async function showEntries(
  ports: LookPorts,
  dataset: Dataset,
  request: Request,
  remainingMs: () => number,
): Promise<ShowAnswer> {
  const { entry: id, field, reason, limit = 20, raw = false } = request
  if (id !== undefined) return { entries: [await showEntry(ports, dataset, id, raw)] }
  const isAsked = ({ reasons }: Entry) =>
    reasons.some(
      (each) =>
        (field === undefined || each.field === field) && (reason === undefined || each.reason === reason),
    )
  const from = parseId(request.from ?? '')
  const isShown = ({ object, offset }: Entry) => object === from?.object && offset <= from.offset
  const edits = await editedKeys(ports.lake, dataset)
  const entries: ShownEntry[] = []
  let bytes = 0
  // Its own object comes again: the key, with its ending, is behind the name.
  for await (const page of pages(ports.lake, dataset, from && objectPrefix(dataset) + from.object)) {
    for (const entry of page.flatMap(({ entries }) => entries)) {
      if (isShown(entry) || !isAsked(entry)) continue
      const one = show(entry, edits.has(editOf(dataset, entry)), raw)
      bytes += JSON.stringify(one).length
      const isFull = entries.length === Math.min(limit, mostEntries) || bytes > mostBytes
      if (isFull && entries.length > 0) return { entries, next: entries.at(-1)!.id }
      entries.push(one)
    }
    const next = idOf({ object: page.at(-1)!.name, offset: Number.MAX_SAFE_INTEGER })
    if (remainingMs() < enoughMs) return { entries, next }
  }
  return { entries }
}

/** One entry, with what was done about it; also one that is in quarantine no more. */
async function showEntry(
  { lake, warehouse }: LookPorts,
  dataset: Dataset,
  id: string,
  raw: boolean,
): Promise<ShownEntry> {
  const at = parseId(id)!
  const entry = await findEntry(lake, dataset, id)
  const replays = await readHistory(warehouse, dataset, at)
  const edit = await readEdit(lake, dataset, at)
  const last = replays.at(-1)
  const history = { inQuarantine: entry !== undefined, replays, edit }
  if (entry) return { ...show(entry, edit !== null, raw), history }
  if (!last) throw noEntry(dataset, id)
  const { topic, partition, version, reasons } = last
  const { offset } = at
  const place = addressOf({ topic, partition, offset })
  return {
    id,
    place,
    topic,
    partition,
    offset,
    timestampMs: null,
    version,
    reasons,
    isEdited: edit !== null,
    history,
  }
}

/** The entry as it is in quarantine now. */
export async function findEntry(
  lake: LookPorts['lake'],
  dataset: Dataset,
  id: string,
): Promise<Entry | undefined> {
  const { object, offset } = parseId(id)!
  const stored = await lake.get(quarantineKey(dataset.name, object))
  return stored && parseEntries(object, stored.body).find((entry) => entry.offset === offset)
}

export const noEntry = ({ name }: Dataset, id: string): RequestError =>
  new RequestError(`there is no entry ${id} in quarantine of ${name}`)

async function readEdit(
  lake: LookPorts['lake'],
  dataset: Dataset,
  at: Pick<Entry, 'object' | 'offset'>,
): Promise<History['edit']> {
  const key = editOf(dataset, at)
  const stored = await lake.get(key)
  if (!stored) return null
  const { by, atMs, because, value } = readEdited(stored.body)
  const silver = await lake.head(silverKey(dataset.silverFolder, parseBronzeKey(key)!.name))
  const outcome = !silver ? 'waiting' : silver.metadata.silver === '1' ? 'accepted' : 'rejected'
  return { by, atMs, because, sha256: hash('sha256', value!), outcome }
}

function show(entry: Entry, isEdited: boolean, raw: boolean): ShownEntry {
  const { object, line, ...shown } = entry
  const { text, value } = parseBronzeLine(line)
  const sent = text ?? (value && Buffer.from(value).toString('base64')) ?? undefined
  return { id: idOf(entry), place: addressOf(entry), ...shown, isEdited, ...(raw && { raw: sent }) }
}

/** The key of the edit of a record, whether there is one or not. */
export const editOf = (
  { bronzeFolder }: Dataset,
  { object, offset }: Pick<Entry, 'object' | 'offset'>,
): string => editedKey(bronzeFolder, object, offset)

export async function editedKeys(
  lake: LookPorts['lake'],
  { bronzeFolder }: Dataset,
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>()
  for await (const { key } of lake.list(`bronze/${bronzeFolder}/edited/`)) keys.add(key)
  return keys
}

const objectPrefix = ({ name }: Dataset): string => `quarantine/${name}/`

/** The quarantine objects of a dataset with their entries, some at once. */
async function* pages(lake: LookPorts['lake'], dataset: Dataset, startAfter?: string) {
  for await (const page of inGroups(lake.list(objectPrefix(dataset), { startAfter }), atOnce))
    yield await Promise.all(
      page.map(async ({ key }) => {
        const name = parseQuarantineKey(key)?.name ?? ''
        return { name, entries: parseEntries(name, (await lake.get(key))?.body ?? new Uint8Array()) }
      }),
    )
}
