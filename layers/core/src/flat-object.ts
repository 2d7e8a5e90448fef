import type { Scalar } from './kinds/kind.ts'

/**
 * The members of flat JSON objects, read in UTF-8 without making what nobody asks for. Flat is an object of strings
 * without a backslash, numbers, booleans and nulls, in which no name stands twice.
 */
export class FlatObject {
  /** Between which bytes the string of each name stands, without its quotes; -1 where none does. */
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly #names: readonly Uint8Array[] // with the quote behind
  readonly #indexes: ReadonlyMap<string, number>
  readonly #takesOthers: boolean
  readonly #scalars: (Scalar | null | undefined)[]
  readonly #order: number[] = [] // of the names in the object before: this one has the same, mostly
  #bytes: Buffer = Buffer.alloc(0)
  #latin1 = ''
  #latin1Of: Buffer | undefined

  /** `takesOthers`: members of other names are passed over, and no object with such is flat without it. */
  constructor(names: readonly string[], { takesOthers }: { readonly takesOthers: boolean }) {
    this.starts = new Int32Array(names.length)
    this.ends = new Int32Array(names.length)
    this.#names = names.map((name) => Buffer.from(`${name}"`))
    this.#indexes = new Map(names.map((name, index) => [name, index]))
    this.#takesOthers = takesOthers
    this.#scalars = names.map(() => undefined)
  }

  /** Reads the object that starts there; where it ends, or -1 when it is not flat. */
  read(bytes: Buffer, start: number, end: number): number {
    this.#bytes = bytes
    this.starts.fill(-1)
    this.#scalars.fill(undefined)
    if (bytes[start] !== brace) return -1
    let at = spaceEnd(bytes, start + 1, end)
    if (bytes[at] === braceEnd) return at + 1
    for (let place = 0; at < end; place += 1) {
      if (bytes[at] !== quote) return -1
      let index = this.#order[place] ?? other
      if (index !== other && standsAt(this.#names[index]!, bytes, at + 1))
        at += 1 + this.#names[index]!.length
      else {
        const nameEnd = stringEnd(bytes, at + 1, end)
        if (nameEnd < 0) return -1
        index = this.#indexes.get(bytes.toString('utf8', at + 1, nameEnd)) ?? other
        this.#order[place] = index
        at = nameEnd + 1
      }
      if (index === other ? !this.#takesOthers : this.#has(index)) return -1
      at = spaceEnd(bytes, at, end)
      if (bytes[at] !== colon) return -1
      at = this.#readValue(index, spaceEnd(bytes, at + 1, end), end)
      if (at < 0) return -1
      at = spaceEnd(bytes, at, end)
      if (bytes[at] === braceEnd) return at + 1
      if (bytes[at] !== comma) return -1
      at = spaceEnd(bytes, at + 1, end)
    }
    return -1
  }

  /** The value of that name, as JSON.parse gives it; undefined where none stands. */
  value(index: number): Scalar | null | undefined {
    const start = this.starts[index]!
    if (start < 0) return this.#scalars[index]
    const [bytes, end] = [this.#bytes, this.ends[index]!]
    for (let at = start; at < end; at += 1)
      if (bytes[at]! > lastAscii) return bytes.toString('utf8', start, end)
    return this.#text.substring(start, end)
  }

  /** Of all the bytes, a character each: what is ASCII is cut out of it for a tenth of what a string of its own costs. */
  get #text(): string {
    if (this.#latin1Of !== this.#bytes) {
      this.#latin1 = this.#bytes.toString('latin1')
      this.#latin1Of = this.#bytes
    }
    return this.#latin1
  }

  #has(index: number): boolean {
    return this.starts[index]! >= 0 || this.#scalars[index] !== undefined
  }

  /** Where the value that starts there ends; -1 when it is none that is flat. */
  #readValue(index: number, start: number, end: number): number {
    const bytes = this.#bytes
    if (bytes[start] === quote) {
      const valueEnd = stringEnd(bytes, start + 1, end)
      if (valueEnd < 0) return -1
      if (index !== other) {
        this.starts[index] = start + 1
        this.ends[index] = valueEnd
      }
      return valueEnd + 1
    }
    const valueEnd = wordEnd(bytes, start, end)
    const scalar = scalarOf(bytes.toString('latin1', start, valueEnd))
    if (scalar === undefined) return -1
    if (index !== other) this.#scalars[index] = scalar
    return valueEnd
  }
}

const other = -1 // in place of a name's index
const lastAscii = 127

const [tab, lineFeed, carriageReturn, space] = [9, 10, 13, 32]
const [quote, comma, colon, backslash, brace, braceEnd] = [34, 44, 58, 92, 123, 125]

/** Do these bytes stand there? */
export function standsAt(these: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < these.length; at += 1) if (bytes[start + at] !== these[at]) return false
  return true
}

/** White space of JSON. */
export const isSpace = (byte: number): boolean =>
  byte === space || byte === tab || byte === lineFeed || byte === carriageReturn

function spaceEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at += 1) if (!isSpace(bytes[at]!)) return at
  return end
}

/** The quote behind a string; -1 when it has a backslash or a control character, or does not end. */
export function stringEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!
    if (byte === quote) return at
    if (byte === backslash || byte < space) return -1
  }
  return -1
}

function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!
    if (byte === comma || byte === braceEnd || byte <= space) return at
  }
  return end
}

const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/ // https://www.rfc-editor.org/rfc/rfc8259#section-6

function scalarOf(text: string): Scalar | null | undefined {
  if (text === 'null') return null
  if (text === 'true') return true
  if (text === 'false') return false
  return number.test(text) ? Number(text) : undefined
}
