/**
 * Rows of CSV, written value by value as bytes in pages: strings that wait to be written are dear to collect, and a buffer
 * that grows is copied.
 */
export class RowPages {
  readonly #pages: Buffer[] = [] // kept, the used ones first
  #used = 0
  #page: Buffer = noPage
  #start = 0 // of the row
  #size = 0

  /** Null is nothing; text stands in quotes, its own doubled. */
  value(value: unknown, isText: boolean): void {
    if (value === null) return
    const text = String(value)
    if (isText) this.byte(quote)
    this.text(isText && text.includes('"') ? text.replaceAll('"', '""') : text)
    if (isText) this.byte(quote)
  }

  text(text: string): void {
    this.#needRoom(text.length * mostBytesOfUnit)
    const page = this.#page
    let at = this.#size
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index)
      if (unit > lastAscii) {
        this.#size += page.write(text, this.#size)
        return
      }
      page[at] = unit
      at += 1
    }
    this.#size = at
  }

  /** A safe integer. */
  integer(value: number): void {
    if (value < 0) {
      this.text(String(value))
      return
    }
    this.#needRoom(mostDigits)
    let end = this.#size + 1
    for (let bound = 10; bound <= value; bound *= 10) end += 1
    let rest = value
    for (let at = end - 1; at >= this.#size; at -= 1) {
      const tenth = Math.floor(rest / 10)
      this.#page[at] = zero + (rest - 10 * tenth) // not beyond what a double holds
      rest = tenth
    }
    this.#size = end
  }

  /** A value as these bytes write it; text of them has no quotes. */
  copyCell(bytes: Uint8Array, start: number, end: number, isText: boolean): void {
    this.#needRoom(end - start + 2)
    const page = this.#page
    let to = this.#size
    if (isText) page[to++] = quote
    for (let at = start; at < end; at += 1) page[to++] = bytes[at]!
    if (isText) page[to++] = quote
    this.#size = to
  }

  byte(byte: number): void {
    this.#needRoom(1)
    this.#page[this.#size] = byte
    this.#size += 1
  }

  /** Where the row stands, as far as it is written: between these bytes of a page. */
  get page(): Buffer {
    return this.#page
  }
  get start(): number {
    return this.#start
  }
  get end(): number {
    return this.#size
  }

  /** The row stays, and the next one begins. */
  keep(): void {
    this.#start = this.#size
  }

  /** The row is written anew. */
  restart(): void {
    this.#size = this.#start
  }

  /** Nothing is written any more: its pages are written anew. */
  clear(): void {
    this.#pages.length = Math.min(this.#pages.length, mostPagesKept)
    this.#page = noPage
    this.#used = 0
    this.#start = 0
    this.#size = 0
  }

  #needRoom(bytes: number): void {
    if (this.#size + bytes <= this.#page.length) return
    const page = this.#nextPage(this.#size - this.#start + bytes)
    this.#page.copy(page, 0, this.#start, this.#size)
    this.#size -= this.#start
    this.#start = 0
    this.#page = page
  }

  #nextPage(bytes: number): Buffer {
    if (bytes > pageBytes) return Buffer.allocUnsafe(2 * bytes) // of a long row
    if (this.#used === this.#pages.length) this.#pages.push(Buffer.allocUnsafe(pageBytes))
    this.#used += 1
    return this.#pages[this.#used - 1]!
  }
}

const noPage = Buffer.alloc(0)
const pageBytes = 256 * 1024
const mostPagesKept = 64 // 16 MB
const mostBytesOfUnit = 3 // of UTF-16 in UTF-8
const lastAscii = 127
const mostDigits = 16 // of a safe integer
const [quote, zero] = [34, 48]
