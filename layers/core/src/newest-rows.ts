import { randomInt } from 'node:crypto'
import type { RecordAddress } from './bronze.ts'
import type { Kind, Scalar } from './kinds/kind.ts'
import { compareNewest, type EventOrder } from './newest.ts'
import type { RowPages } from './row-pages.ts'

/**
 * The rows of an object, of each key the newest. What is compared is read from the bytes of the rows: of ten thousand rows, as
 * many keys, values and objects would be dear to keep.
 */
export class NewestRows {
  readonly #pages: RowPages
  readonly #keysAt: readonly number[] // columns, ascending
  readonly #orderAt: number
  readonly #orderKind: Kind
  // Of each row one, in the order in which they came.
  readonly #page: Buffer[] = []
  readonly #start: number[] = []
  readonly #end: number[] = [] // `gone`, when a newer row took its place
  readonly #hash: number[] = [] // of its key
  readonly #deletes: boolean[] = []
  readonly #timestampMs: number[] = []
  readonly #partition: number[] = []
  readonly #offset: number[] = []
  #rowAt = new Int32Array(1_024).fill(none) // a hash table with open addressing: rows, from the place that the hash names
  #count = 0

  constructor(
    pages: RowPages,
    { keysAt, orderAt, orderKind }: { keysAt: readonly number[]; orderAt: number; orderKind: Kind },
  ) {
    this.#pages = pages
    this.#keysAt = keysAt.toSorted((a, b) => a - b)
    this.#orderAt = orderAt
    this.#orderKind = orderKind
  }

  get count(): number {
    return this.#count
  }

  /**
   * Keeps the row that is written, instead of an older one of its key; drops it when there is a newer one. A row that deletes
   * is of another key than one that does not.
   */
  end({ timestampMs, partition, offset }: RecordAddress, deletes: boolean): void {
    const { page, start, end } = this.#pages
    const hash = this.#hashOf(page, start)
    const lastPlace = this.#rowAt.length - 1
    let place = hash & lastPlace
    let older = this.#rowAt[place]!
    while (older !== none) {
      if (this.#hash[older] === hash && this.#deletes[older] === deletes && this.#isKeyOf(older)) break
      place = (place + 1) & lastPlace
      older = this.#rowAt[place]!
    }
    if (older !== none) {
      const order = { order: this.#orderOf(page, start), timestampMs, partition, offset }
      if (compareNewest(order, this.#eventOrderOf(older)) <= 0) {
        this.#pages.restart()
        return
      }
      this.#end[older] = gone
    } else this.#count += 1

    const row = this.#page.length
    this.#page.push(page)
    this.#start.push(start)
    this.#end.push(end)
    this.#hash.push(hash)
    this.#deletes.push(deletes)
    this.#timestampMs.push(timestampMs)
    this.#partition.push(partition)
    this.#offset.push(offset)
    this.#rowAt[place] = row
    this.#pages.keep()
    if (2 * this.#count > this.#rowAt.length) this.#widen()
  }

  /** All rows in the order of their addresses, one after the other in pieces. */
  csv(): { readonly pieces: readonly Uint8Array[]; readonly longestRow: number } {
    const rows = [...this.#end.keys()].filter((row) => this.#end[row] !== gone)
    rows.sort((a, b) => this.#partition[a]! - this.#partition[b]! || this.#offset[a]! - this.#offset[b]!)
    const pieces: Uint8Array[] = []
    let longestRow = 0
    for (let first = 0, next = 0; first < rows.length; first = next) {
      const page = this.#page[rows[first]!]!
      const start = this.#start[rows[first]!]!
      let end = start
      for (; next < rows.length; next += 1) {
        const row = rows[next]!
        if (this.#page[row] !== page || this.#start[row] !== end) break
        longestRow = Math.max(longestRow, this.#end[row]! - end)
        end = this.#end[row]!
      }
      pieces.push(page.subarray(start, end))
    }
    return { pieces, longestRow }
  }

  /** FNV-1a of the cells of the key (http://www.isthe.com/chongo/tech/comp/fnv/), from where no sender of keys can know. */
  #hashOf(page: Uint8Array, start: number): number {
    let hash = seed
    let at = start
    let column = 0
    for (const keyAt of this.#keysAt) {
      for (; column < keyAt; column += 1) at = cellEnd(page, at) + 1
      const end = cellEnd(page, at)
      for (; at < end; at += 1) hash = Math.imul(hash ^ page[at]!, 0x01000193)
    }
    return hash
  }

  /** Has the row that is written this key? */
  #isKeyOf(row: number): boolean {
    const { page, start } = this.#pages
    return this.#keysAt.every((column) =>
      cellOf(page, start, column).equals(cellOf(this.#page[row]!, this.#start[row]!, column)),
    )
  }

  #eventOrderOf(row: number): EventOrder {
    return {
      order: this.#orderOf(this.#page[row]!, this.#start[row]!),
      timestampMs: this.#timestampMs[row]!,
      partition: this.#partition[row]!,
      offset: this.#offset[row]!,
    }
  }

  #orderOf(page: Buffer, start: number): Scalar {
    const parsed = this.#orderKind.parse(cellOf(page, start, this.#orderAt).toString('latin1'), {})
    if (!parsed.ok) throw new Error(`${this.#orderKind.name} does not take what it wrote`)
    return parsed.value as Scalar
  }

  #widen(): void {
    const lastPlace = 4 * this.#rowAt.length - 1
    this.#rowAt = new Int32Array(lastPlace + 1).fill(none)
    for (const [row, hash] of this.#hash.entries()) {
      if (this.#end[row] === gone) continue
      let place = hash & lastPlace
      while (this.#rowAt[place] !== none) place = (place + 1) & lastPlace
      this.#rowAt[place] = row
    }
  }
}

const seed = randomInt(2 ** 31)
const none = -1
const gone = -1
const [quote, comma] = [34, 44]

/** Behind the cell that starts there, before its comma. */
function cellEnd(page: Uint8Array, start: number): number {
  let at = start
  if (page[at] !== quote) {
    while (page[at] !== comma) at += 1
    return at
  }
  do {
    at += 1
    while (page[at] !== quote) at += 1
    at += 1
  } while (page[at] === quote) // two of them are one that is meant
  return at
}

/** A cell of the row that starts there. */
function cellOf(page: Buffer, start: number, column: number): Buffer {
  let at = start
  for (let before = 0; before < column; before += 1) at = cellEnd(page, at) + 1
  return page.subarray(at, cellEnd(page, at))
}
