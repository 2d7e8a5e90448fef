import { bronzeLine } from '@cupel/core/bronze'
import { type BronzeRecord, type Entry, parseBronzeLine } from './entry.ts'
import { type Edit, RequestError } from './request.ts'

/** Who edits, when and why. */
export type Signature = { readonly by: string; readonly atMs: number; readonly because: string }

/**
 * The value after an edit. Members that are not set keep their very bytes, numbers all of their digits; of a member that
 * stands several times, one stays.
 *
 * @throws {RequestError} when members are to be set of what is no JSON object.
 */
export function applyEdit(text: string | undefined, edit: Edit): string {
  if ('value' in edit) return edit.value
  const object = text === undefined ? undefined : JSON.parse(text)
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    throw new RequestError('the record is no JSON object whose fields could be set: give its whole value')
  const left = new Map(Object.entries(edit.set).map(([name, value]) => [name, JSON.stringify(value)]))
  const written = new Set<string>()
  const members = membersOf(text!).flatMap(({ name, text }) => {
    const value = left.get(name)
    if (value === undefined) return [text]
    if (written.has(name)) return []
    written.add(name)
    return [`${JSON.stringify(name)}:${value}`]
  })
  const added = [...left].filter(([name]) => !written.has(name))
  return `{${[...members, ...added.map(([name, value]) => `${JSON.stringify(name)}:${value}`)].join(',')}}`
}

/** The members of a valid JSON object, each as it is written. */
function membersOf(object: string): readonly { readonly name: string; readonly text: string }[] {
  const members: { name: string; text: string }[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at < object.length; at += 1) {
    const character = object[at]!
    if (character === '"') at = stringEnd(object, at)
    else if ('{['.includes(character)) {
      depth += 1
      if (depth === 1) start = at + 1
    } else if ('}],'.includes(character)) {
      if (character !== ',') depth -= 1
      if (depth > (character === ',' ? 1 : 0)) continue
      const text = object.slice(start, at).trim()
      start = at + 1
      if (text !== '') members.push({ name: JSON.parse(text.slice(0, stringEnd(text, 0) + 1)), text })
    }
  }
  return members
}

/** Where the string ends that starts at `start`. */
function stringEnd(text: string, start: number): number {
  let end = start + 1
  while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1
  return end
}

const headers = { by: 'cupel-edited-by', at: 'cupel-edited-at', because: 'cupel-edited-because' } as const

/**
 * The bronze object of an edited record: one line, with the address of the record that it stands for, so that it takes that
 * one's place in the order of events. Headers say who edited it, when and why.
 */
export function editedObject(entry: Entry, value: string, { by, atMs, because }: Signature): Buffer {
  const record = parseBronzeLine(entry.line)
  const signature = { by, at: new Date(atMs).toISOString(), because }
  const line = bronzeLine({
    ...record,
    timestampType: 'CREATE_TIME',
    value: Buffer.from(value),
    headers: [
      ...record.headers.filter(([name]) => !Object.values<string>(headers).includes(name)),
      ...Object.entries(signature).map(
        ([name, text]) => [headers[name as keyof typeof headers], Buffer.from(text)] as const,
      ),
    ],
  })
  return Buffer.from(`${line}\n`)
}

/** What an edited object says of its edit, and its record. */
export function readEdited(body: Uint8Array): BronzeRecord & Signature {
  const record = parseBronzeLine(Buffer.from(body).toString().trimEnd())
  const header = (name: string): string =>
    Buffer.from(record.headers.find(([each]) => each === name)?.[1] ?? '').toString()
  return {
    ...record,
    by: header(headers.by),
    atMs: Date.parse(header(headers.at)),
    because: header(headers.because),
  }
}
