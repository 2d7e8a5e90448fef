import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { text } from 'node:stream/consumers'
import { datasets } from '#datasets/index.ts'
import type { ListAnswer } from '#functions/silver/replay/look.ts'
import type { Edit } from '#functions/silver/replay/request.ts'
import { Failure } from '../failure.ts'
import { withQuarantine } from './ask.ts'
import { formatEdit, formatEntries, formatEntry, formatList, formatReplay } from './text.ts'

export type QuarantineOptions = {
  readonly json?: boolean
  readonly raw?: boolean
  readonly field?: string
  readonly reason?: string
  readonly limit?: number
  readonly from?: string
  readonly set?: readonly string[]
  readonly value?: string // a file
  readonly by?: string
  readonly because?: string
}

const say = (json: boolean | undefined, answer: unknown, shown: () => string): void =>
  console.log(json ? JSON.stringify(answer, null, 2) : shown())
const width = (): number | undefined => (process.stdout.isTTY ? process.stdout.columns : undefined)

/** What is in quarantine of a dataset, or of each, by reason. */
export const runList = (
  root: string,
  dataset: string | undefined,
  { json }: QuarantineOptions,
): Promise<number> =>
  withQuarantine(root, async ({ list }) => {
    const names = dataset === undefined ? datasets.map(({ name }) => name) : [dataset]
    const answers: ({ dataset: string } & ListAnswer)[] = []
    for (const name of names) answers.push({ dataset: name, ...(await list(name)) })
    say(json, answers, () =>
      answers.map((answer) => formatList(answer.dataset, answer, width())).join('\n\n'),
    )
    return 0
  })

export const runShow = (
  root: string,
  dataset: string,
  entry: string | undefined,
  { json, raw, field, reason, limit, from }: QuarantineOptions,
): Promise<number> =>
  withQuarantine(root, async ({ show }) => {
    const answer = await show({ dataset, entry, raw, field, reason, limit, from })
    const [first] = answer.entries
    say(json, answer, () => (first?.history ? formatEntry(first) : formatEntries(answer, width())))
    return 0
  })

/** What a new version of the dataset, or an edit of an entry, would make of it. Writes nothing. */
export async function runDiff(
  root: string,
  dataset: string,
  entry: string | undefined,
  options: QuarantineOptions,
): Promise<number> {
  const { json, raw } = options
  const edit = await readEdit(options)
  if (entry !== undefined && !edit) throw new Failure(`how would ${entry} be edited? ${howToEdit}`, 2)
  return withQuarantine(root, async (quarantine) => {
    if (edit) {
      const answer = await quarantine.edit({ dataset, entry, edit, raw })
      say(json, answer, () => formatEdit(entry ?? '', answer))
      return answer.diff.accepted ? 0 : 1
    }
    const answer = await quarantine.replay({ dataset, raw })
    say(json, answer, () => formatReplay(dataset, answer, true))
    return 0
  })
}

/** Put an edited record into the place of a rejected one. Exit code 1 when it is not there afterwards. */
export async function runEdit(
  root: string,
  dataset: string,
  entry: string,
  options: QuarantineOptions,
): Promise<number> {
  const { json, raw, because, by = userInfo().username } = options
  const edit = await readEdit(options)
  if (!edit) throw new Failure(`how is ${entry} to be edited? ${howToEdit}`, 2)
  return withQuarantine(root, async (quarantine, { running }) => {
    const answer = await quarantine.edit({ dataset, entry, edit, by, because, raw })
    say(json, answer, () => formatEdit(entry, answer))
    remind(json, running !== undefined, answer.outcome === 'accepted')
    return answer.outcome === 'accepted' || answer.outcome === 'unchanged' ? 0 : 1
  })
}

/** Replay what an older version of the dataset rejected. Exit code 1 when an object could not be. */
export const runReplay = (
  root: string,
  dataset: string,
  { json, by = userInfo().username }: QuarantineOptions,
): Promise<number> =>
  withQuarantine(root, async ({ replay }, { running }) => {
    const answer = await replay({ dataset, by })
    say(json, answer, () => formatReplay(dataset, answer, false))
    remind(json, running !== undefined, answer.accepted > 0)
    return answer.held.length + answer.failed.length > 0 ? 1 : 0
  })

function remind(json: boolean | undefined, isRunning: boolean, isAccepted: boolean): void {
  if (isAccepted && !isRunning && !json)
    console.log('Gold has it. Transactions that are valid only now are decided at the next npm start.')
}

const howToEdit = "--set field=text, --set field:=JSON, or --value <file> with the whole record ('-': stdin)"

async function readEdit({ set = [], value }: QuarantineOptions): Promise<Edit | undefined> {
  if (value !== undefined && set.length > 0) throw new Failure('either --set or --value', 2)
  if (value !== undefined) return { value: await readValue(value) }
  if (set.length === 0) return undefined
  return { set: Object.fromEntries(set.map(readAssignment)) }
}

const readValue = async (file: string): Promise<string> =>
  (
    await (file === '-' ? text(process.stdin) : readFile(file, 'utf8')).catch((error) => {
      throw new Failure(`cannot read ${file} (${error.code})`, 2)
    })
  ).trim()

/** `field=text`, or `field:=JSON`. */
export function readAssignment(assignment: string): [field: string, value: unknown] {
  const [, field, colon, value] = /^([^=]+?)(:?)=(.*)$/s.exec(assignment) ?? []
  if (field === undefined) throw new Failure(`${assignment} sets nothing: ${howToEdit}`, 2)
  if (colon === '') return [field, value]
  try {
    return [field, JSON.parse(value!)]
  } catch {
    throw new Failure(`${field} is to be JSON, and is none: ${value}`, 2)
  }
}
