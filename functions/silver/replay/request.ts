import type { Dataset } from '@cupel/core/dataset'
import { CupelError } from '@cupel/core/errors'
import { parseId } from './entry.ts'

/** What can be asked of quarantine. */
export type Request = {
  readonly action: 'list' | 'show' | 'dryRun' | 'replay'
  readonly dataset: string
  readonly entry?: string // its id; without one, all of the dataset
  readonly edit?: Edit // of the entry, to try or to replay
  readonly by?: string // who replays
  readonly because?: string // why, of an edit
  readonly field?: string // show: only entries with a reason in this field, …
  readonly reason?: string // … with this reason
  readonly limit?: number // show: at most so many entries
  readonly raw?: boolean // with values as they were sent, personal ones too
  readonly from?: string // `next` of the answer before: where to go on
}

/** How a person changes a record: members of its JSON object by name, as JSON, or all of its value. */
export type Edit = { readonly set: Readonly<Record<string, unknown>> } | { readonly value: string }

/** What was asked for cannot be done as it was asked for. The message says why, and holds no value of a record. */
export class RequestError extends CupelError {
  constructor(message: string) {
    super('REQUEST', message, { retryable: false })
  }
}

/** Read an event. @throws {RequestError} that names what is wrong with it. */
export function readRequest(event: unknown, datasets: readonly Dataset[]): Request & { of: Dataset } {
  const given = (typeof event === 'object' && event !== null ? event : {}) as Record<string, unknown>
  const expect = (holds: boolean, expected: string): void => {
    if (!holds) throw new RequestError(`expected ${expected}`)
  }
  const text = (name: string, longest: number): void =>
    expect(
      given[name] === undefined || (typeof given[name] === 'string' && given[name].length <= longest),
      `\`${name}\` to be a text of ${longest} characters at most`,
    )
  expect(
    ['list', 'show', 'dryRun', 'replay'].includes(String(given.action)),
    '`action` to be list, show, dryRun or replay',
  )
  for (const name of ['entry', 'from', 'because']) text(name, 2_000)
  for (const name of ['by', 'field', 'reason']) text(name, 200)
  expect(given.raw === undefined || typeof given.raw === 'boolean', '`raw` to be true or false')
  expect(
    given.limit === undefined || (Number.isSafeInteger(given.limit) && Number(given.limit) > 0),
    '`limit` to count from 1',
  )
  const request = given as Request
  const of = datasets.find(({ name }) => name === request.dataset)
  const names = datasets.map(({ name }) => name).join(', ')
  if (!of) throw new RequestError(`there is no such dataset; there are ${names}`)
  expect(request.entry === undefined || parseId(request.entry) !== undefined, '`entry` to be an id as listed')
  if (request.action === 'replay') expect(Boolean(request.by?.trim()), '`by`: who replays')
  if (request.edit !== undefined) {
    expect(isEdit(request.edit), '`edit` to have a text `value`, or an object `set` of fields')
    expect(request.entry !== undefined, 'an `entry` to edit')
  }
  if (request.action === 'replay' && request.edit !== undefined)
    expect(Boolean(request.because?.trim()), '`because`: why it is edited')
  if (request.edit === undefined && ['dryRun', 'replay'].includes(request.action))
    expect(request.entry === undefined, 'an `edit`: without one, a dataset is replayed as a whole')
  return { ...request, of }
}

function isEdit(edit: unknown): edit is Edit {
  if (typeof edit !== 'object' || edit === null) return false
  const { set, value } = edit as { set?: unknown; value?: unknown }
  if (value !== undefined) return typeof value === 'string' && set === undefined
  return typeof set === 'object' && set !== null && !Array.isArray(set) && Object.keys(set).length > 0
}
