/** Where a row stands. */
export type Place = { readonly page: Buffer; readonly start: number; readonly end: number }

/**
 * Rows of CSV, written value by value as bytes in pages: strings that wait to be written are dear to collect, and a buffer
 * that grows is copied.
 */
export class RowPages {
  #page = Buffer.alloc(0)
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

  copy(bytes: Uint8Array, start: number, end: number): void {
    this.#needRoom(end - start)
    const page = this.#page
    let to = this.#size
    for (let at = start; at < end; at += 1) {
      page[to] = bytes[at]!
      to += 1
    }
    this.#size = to
  }

  byte(byte: number): void {
    this.#needRoom(1)
    this.#page[this.#size] = byte
    this.#size += 1
  }

  /** Where the row stands, as far as it is written. */
  place(): Place {
    return { page: this.#page, start: this.#start, end: this.#size }
  }

  /** The row stays, and the next one begins. */
  keep(): void {
    this.#start = this.#size
  }

  /** The row is written anew. */
  restart(): void {
    this.#size = this.#start
  }

  #needRoom(bytes: number): void {
    if (this.#size + bytes <= this.#page.length) return
    const page = Buffer.allocUnsafe(Math.max(pageBytes, 2 * (this.#size - this.#start + bytes)))
    this.#page.copy(page, 0, this.#start, this.#size)
    this.#size -= this.#start
    this.#start = 0
    this.#page = page
  }
}

const pageBytes = 256 * 1024
const mostBytesOfUnit = 3 // of UTF-16 in UTF-8
const lastAscii = 127
const mostDigits = 16 // of a safe integer
const [quote, zero] = [34, 48]

/** What stands at these places, in that order; neighbours are one piece. */
export function joined(places: readonly Place[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let first = 0, next = 1; first < places.length; first = next, next += 1) {
    const { page, start } = places[first]!
    while (places[next]?.page === page && places[next]!.start === places[next - 1]!.end) next += 1
    pieces.push(page.subarray(start, places[next - 1]!.end))
  }
  return pieces
}
