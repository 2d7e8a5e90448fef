import {
  beforeHeaders,
  beforeJson,
  beforeKey,
  beforeOffset,
  beforeTimestamp,
  type RecordAddress,
} from './bronze.ts'
import { type Dataset, storedFields } from './dataset.ts'
import { FlatObject, standsAt, stringEnd } from './flat-object.ts'
import { type Field, type Kind, type Parsed, parseField, reject, type Scalar } from './kinds/kind.ts'
import { isDigit } from './kinds/strings.ts'
import type { Secrets } from './record.ts'
import type { RowPages } from './row-pages.ts'

/**
 * Reads plain bronze lines, from their bytes to the bytes of a row, for a third of what JSON.parse and a judgement cost.
 * Plain is nearly every line: a record of flat JSON, all of its fields good. Of any other this says nothing: `judgeRecord`
 * has to be asked, which gives the same values for a plain one.
 */
export class PlainLines {
  readonly #pages: RowPages
  readonly #secrets: Secrets
  readonly #columns: readonly Column[]
  readonly #record: FlatObject
  #topic = ''
  #partition = 0
  #head: Uint8Array = Buffer.from(beforeOffset(this.#topic, this.#partition))

  constructor(dataset: Dataset, pages: RowPages, secrets: Secrets) {
    this.#pages = pages
    this.#secrets = secrets
    this.#columns = columnsOf(dataset)
    this.#record = new FlatObject(
      this.#columns.map(({ name }) => name),
      { takesOthers: dataset.unknownFields === 'ignore' },
    )
  }

  /** Lines are plain if they are of this topic and partition. */
  expect(topic: string, partition: number): void {
    if (topic === this.#topic && partition === this.#partition) return
    ;[this.#topic, this.#partition] = [topic, partition]
    this.#head = Buffer.from(beforeOffset(topic, partition))
  }

  /** Writes the values of a line's record, and says where it stood; undefined, some of them written perhaps, when it is not plain. */
  read(bytes: Buffer, start: number, end: number): RecordAddress | undefined {
    const offsetAt = behind(this.#head, bytes, start)
    const timestampAt = behind(timestampMark, bytes, digitsEnd(bytes, offsetAt))
    const keyAt = behind(keyMark, bytes, digitsEnd(bytes, timestampAt))
    const headersAt = behind(headersMark, bytes, valueEnd(bytes, keyAt, end))
    const recordAt = behind(jsonMark, bytes, headersEnd(bytes, headersAt, end))
    if (recordAt < 0) return undefined
    const recordEnd = this.#record.read(bytes, recordAt, end)
    if (recordEnd !== end - 1 || bytes[recordEnd] !== braceEnd) return undefined
    if (!this.#writeValues(bytes)) return undefined
    return {
      topic: this.#topic,
      partition: this.#partition,
      offset: readDigits(bytes, offsetAt),
      timestampMs: readDigits(bytes, timestampAt),
    }
  }

  #writeValues(bytes: Buffer): boolean {
    const pages = this.#pages
    const { starts, ends } = this.#record
    for (let index = 0; index < this.#columns.length; index += 1) {
      const column = this.#columns[index]!
      const { isText, isCanonical } = column
      const start = starts[index]!
      const end = ends[index]!
      const isString = start >= 0
      if (isString && isCanonical?.(bytes, start, end)) pages.copyCell(bytes, start, end, isText)
      else {
        const json = this.#record.value(index)
        const parsed = this.#parse(column, json)
        if (!parsed.ok) return false
        if (isString && parsed.value === json && isWhole(json)) pages.copyCell(bytes, start, end, isText)
        else pages.value(parsed.value, isText)
      }
      pages.byte(comma)
    }
    return true
  }

  #parse({ field, besideAt }: Column, json: Scalar | null | undefined): Parsed<unknown> {
    const { derive, parseNested } = field.kind
    if ((derive || parseNested) && json !== undefined) return notPlain
    if (besideAt < 0) return parseField(field, json, this.#secrets)
    const other = this.#parse(this.#columns[besideAt]!, this.#record.value(besideAt))
    const beside = other.ok ? other.value : undefined
    return parseField(field, json, { personalDataKey: this.#secrets.personalDataKey, beside })
  }
}

export type Column = {
  readonly name: string
  readonly field: Field
  readonly isCanonical: Kind['isCanonical']
  readonly isText: boolean // in CSV; of nested values the JSON
  readonly besideAt: number // -1 of none
}

/** The columns of a row that hold what a record says. */
export function columnsOf(dataset: Dataset): readonly Column[] {
  const fields = Object.entries(storedFields(dataset))
  return fields.map(([name, field]) => ({
    name,
    field,
    isCanonical: field.kind.isCanonical,
    isText: field.kind.duckdbType === 'VARCHAR',
    besideAt: fields.findIndex(([other]) => other === field.kind.beside),
  }))
}

/** Not where bytes stood that are no UTF-8: their string is not what they are. */
const isWhole = (json: unknown): boolean => !String(json).includes('\ufffd')

const timestampMark = Buffer.from(beforeTimestamp)
const keyMark = Buffer.from(beforeKey)
const headersMark = Buffer.from(beforeHeaders)
const jsonMark = Buffer.from(beforeJson)
const nullWord = Buffer.from('null')
const notPlain = reject('wrong-form')
const [quote, comma, zero, bracket, bracketEnd, braceEnd] = [34, 44, 48, 91, 93, 125]

// Of places in a line: -1 is none, and none is behind it.

function behind(mark: Uint8Array, bytes: Uint8Array, start: number): number {
  return start >= 0 && standsAt(mark, bytes, start) ? start + mark.length : -1
}

/** Behind a whole number as we write it, of as many digits as a double holds, whichever they are. */
function digitsEnd(bytes: Uint8Array, start: number): number {
  let end = start
  while (isDigit(bytes[end]!)) end += 1
  const isNumber = end === start + 1 || (end > start && end <= start + 15 && bytes[start] !== zero)
  return isNumber ? end : -1
}

function readDigits(bytes: Uint8Array, start: number): number {
  let value = 0
  for (let at = start; isDigit(bytes[at]!); at += 1) value = 10 * value + bytes[at]! - zero
  return value
}

/** Behind null, or a string without escapes. */
function valueEnd(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] !== quote) return behind(nullWord, bytes, start)
  const last = stringEnd(bytes, start + 1, end)
  return last < 0 ? -1 : last + 1
}

/** Behind headers, pairs of a name and a value, before the bracket that closes them. */
function headersEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (bytes[at] === bracket && bytes[at + 1] === quote) {
    const nameEnd = stringEnd(bytes, at + 2, end)
    if (nameEnd < 0 || bytes[nameEnd + 1] !== comma) return -1
    at = valueEnd(bytes, nameEnd + 2, end)
    if (bytes[at] !== bracketEnd) return -1
    const isLast = bytes[at + 1] !== comma || bytes[at + 2] !== bracket
    at += isLast ? 1 : 2
  }
  return at
}
