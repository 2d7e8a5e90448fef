/** Bytes that are not a request of the protocol. Whoever reads them closes the connection. */
export class MalformedRequestError extends Error {
  override readonly name = 'MalformedRequestError'
  readonly code = 'MALFORMED_REQUEST'
}

/**
 * A cursor over one request, big-endian. Every read checks its bounds and throws `MalformedRequestError` past the
 * end. `version` and `flexible` belong to the message being read: flexible messages use compact lengths and tags.
 */
export class Reader {
  readonly bytes: Buffer
  position = 0
  version = 0
  flexible = false

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get remaining(): number {
    return this.bytes.length - this.position
  }

  /** The next `length` bytes as a view, not a copy. */
  take(length: number): Buffer {
    if (length < 0 || length > this.remaining) {
      throw new MalformedRequestError(
        `${length} bytes expected at byte ${this.position} of ${this.bytes.length}`,
      )
    }
    this.position += length
    return this.bytes.subarray(this.position - length, this.position)
  }

  /** Move on by `length` and give the place where the skipped bytes start. */
  skip(length: number): number {
    if (length < 0 || length > this.remaining) {
      throw new MalformedRequestError(
        `${length} bytes expected at byte ${this.position} of ${this.bytes.length}`,
      )
    }
    this.position += length
    return this.position - length
  }
}

/** Collects one response. Large byte values are referenced, not copied. */
export class Writer {
  version = 0
  flexible = false
  length = 0
  readonly #chunks: Buffer[] = []
  #buffer = Buffer.allocUnsafe(1024)
  #start = 0
  #end = 0

  /** The next `length` bytes to fill, at `position` of `buffer`. */
  reserve(length: number): { buffer: Buffer; position: number } {
    if (this.#end + length > this.#buffer.length) {
      this.#cut()
      this.#buffer = Buffer.allocUnsafe(Math.max(length, 8192))
      this.#start = 0
      this.#end = 0
    }
    const position = this.#end
    this.#end += length
    this.length += length
    return { buffer: this.#buffer, position }
  }

  raw(bytes: Uint8Array): void {
    if (bytes.length <= 512) {
      const { buffer, position } = this.reserve(bytes.length)
      buffer.set(bytes, position)
      return
    }
    this.#cut()
    this.#chunks.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    this.length += bytes.length
  }

  /** What was written, in order. */
  finish(): readonly Buffer[] {
    this.#cut()
    return this.#chunks
  }

  #cut(): void {
    if (this.#end > this.#start) this.#chunks.push(this.#buffer.subarray(this.#start, this.#end))
    this.#start = this.#end
  }
}

/** How a value stands on the wire. `In` is what a writer may leave out of `Out`. */
export type Type<Out, In = Out> = {
  readonly read: (from: Reader) => Out
  readonly write: (to: Writer, value: In) => void
}

export type Read<T> = T extends Type<infer Out, infer _> ? Out : never
export type Written<T> = T extends Type<infer _, infer In> ? In : never

export const int8: Type<number> = {
  read: (from) => from.bytes.readInt8(from.skip(1)),
  write: (to, value) => {
    const { buffer, position } = to.reserve(1)
    buffer.writeInt8(value, position)
  },
}

export const int16: Type<number> = {
  read: (from) => from.bytes.readInt16BE(from.skip(2)),
  write: (to, value) => {
    const { buffer, position } = to.reserve(2)
    buffer.writeInt16BE(value, position)
  },
}

export const int32: Type<number> = {
  read: (from) => from.bytes.readInt32BE(from.skip(4)),
  write: (to, value) => {
    const { buffer, position } = to.reserve(4)
    buffer.writeInt32BE(value, position)
  },
}

/** Offsets, timestamps and producer ids: exact up to 2^53, which no log and no clock reaches. */
export const int64: Type<number> = {
  read: (from) => readInt64(from.bytes, from.skip(8)),
  write: (to, value) => {
    const { buffer, position } = to.reserve(8)
    writeInt64(buffer, value, position)
  },
}

export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}

/** `value` is a whole number; what was read from the largest int64 is written as the largest again. */
export function writeInt64(bytes: Buffer, value: number, at: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  bytes.writeInt32BE(Math.min(high, 0x7fff_ffff), at)
  bytes.writeUInt32BE(high > 0x7fff_ffff ? 0xffff_ffff : value >>> 0, at + 4)
}

export const boolean: Type<boolean> = {
  read: (from) => int8.read(from) !== 0,
  write: (to, value) => int8.write(to, value ? 1 : 0),
}

/** Seven bits a byte, least significant first, the top bit says that more follow; 0 to 2^32-1. */
export const uvarint: Type<number> = {
  read: (from) => {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = from.bytes[from.skip(1)]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break
        return value
      }
    }
    throw new MalformedRequestError(`a varint at byte ${from.position} is longer than 32 bits`)
  },
  write: (to, value) => {
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
      const { buffer, position } = to.reserve(1)
      buffer[position] = (rest & 0x7f) | 0x80
    }
    const { buffer, position } = to.reserve(1)
    buffer[position] = rest
  },
}

/** Zigzag over up to 64 bits, as records use it for lengths and deltas; exact up to 2^53. */
export const varint: Type<number> = {
  read: (from) => {
    const start = from.position
    for (let value = 0, unit = 1; unit < 2 ** 49; unit *= 128) {
      const byte = from.bytes[from.skip(1)]!
      value += (byte & 0x7f) * unit
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    from.position = start
    return longVarint(from)
  },
  write: (to, value) => {
    let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
    for (; rest >= 0x80n; rest >>= 7n) int8.write(to, Number(rest & 0x7fn) - 128)
    int8.write(to, Number(rest))
  },
}

function longVarint(from: Reader): number {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = from.bytes[from.skip(1)]!
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return Number(BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n)))
  }
  throw new MalformedRequestError(`a varint at byte ${from.position} is longer than 64 bits`)
}

/** 16 bytes as 32 hex digits. */
export const uuid: Type<string> = {
  read: (from) => from.take(16).toString('hex'),
  write: (to, value) => to.raw(Buffer.from(value, 'hex')),
}
export const NO_UUID = '0'.repeat(32)

/** Length, -1 for null. Compact: length + 1 as a varint, 0 for null. */
const length = (classic: Type<number>): Type<number> => ({
  read: (from) => (from.flexible ? uvarint.read(from) - 1 : classic.read(from)),
  write: (to, value) => (to.flexible ? uvarint.write(to, value + 1) : classic.write(to, value)),
})
const length16 = length(int16)
const length32 = length(int32)

export const nullableString: Type<string | null> = {
  read: (from) => {
    const size = length16.read(from)
    return size === -1 ? null : from.take(size).toString('utf8')
  },
  write: (to, value) => {
    if (value === null) return length16.write(to, -1)
    const bytes = Buffer.from(value, 'utf8')
    length16.write(to, bytes.length)
    to.raw(bytes)
  },
}

export const nullableBytes: Type<Buffer | null> = {
  read: (from) => {
    const size = length32.read(from)
    return size === -1 ? null : from.take(size)
  },
  write: (to, value) => {
    length32.write(to, value === null ? -1 : value.length)
    if (value !== null) to.raw(value)
  },
}

export const string = required(nullableString)
export const bytes = required(nullableBytes)

export const nullableArray = <Out, In>(
  item: Type<Out, In>,
): Type<readonly Out[] | null, readonly In[] | null> => ({
  read: (from) => {
    const count = length32.read(from)
    if (count === -1) return null
    // Every item takes at least one byte, so a count beyond that is a lie and not worth an allocation.
    if (count < -1 || count > from.remaining) {
      throw new MalformedRequestError(
        `${count} items announced at byte ${from.position} of ${from.bytes.length}`,
      )
    }
    const items: Out[] = []
    for (let i = 0; i < count; i++) items.push(item.read(from))
    return items
  },
  write: (to, items) => {
    length32.write(to, items === null ? -1 : items.length)
    for (const value of items ?? []) item.write(to, value)
  },
})

export const array = <Out, In>(item: Type<Out, In>): Type<readonly Out[], readonly In[]> =>
  required(nullableArray(item))

function required<Out, In>(type: Type<Out | null, In | null>): Type<Out, In> {
  return {
    read: (from) => {
      const value = type.read(from)
      if (value === null)
        throw new MalformedRequestError(`null at byte ${from.position} where a value is required`)
      return value
    },
    write: type.write,
  }
}

/** A field that only versions `first` to `last` (inclusive) carry; in others, and when a writer leaves it out, it is `otherwise`. */
export type Versioned<Out, In> = {
  readonly type: Type<Out, In>
  readonly first: number
  readonly last: number
  readonly otherwise: Out
}

export const between = <Out, In>(
  first: number,
  last: number,
  type: Type<Out, In>,
  otherwise: NoInfer<Out>,
): Versioned<Out, In> => ({ type, first, last, otherwise })

export const since = <Out, In>(
  first: number,
  type: Type<Out, In>,
  otherwise: NoInfer<Out>,
): Versioned<Out, In> => between(first, Number.POSITIVE_INFINITY, type, otherwise)

// biome-ignore lint/suspicious/noExplicitAny: `any` lets TypeScript infer each field's own types
export type Fields = Record<string, Type<any, any> | Versioned<any, any>>
type ReadFields<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Versioned<infer Out, infer _> ? Out : Read<F[K]>
}
type WrittenFields<F extends Fields> = {
  readonly [K in keyof F as F[K] extends Versioned<infer _, infer _> ? never : K]: Written<F[K]>
} & {
  readonly [K in keyof F as F[K] extends Versioned<infer _, infer _> ? K : never]?: F[K] extends Versioned<
    infer _,
    infer In
  >
    ? In
    : never
}

/** Fields in wire order. Unknown tagged fields of flexible versions are skipped; none are written. */
export function struct<F extends Fields>(fields: F): Type<ReadFields<F>, WrittenFields<F>> {
  const plan = Object.entries(fields).map(([name, field]) => ({
    name,
    ...('type' in field
      ? field
      : { type: field, first: 0, last: Number.POSITIVE_INFINITY, otherwise: undefined }),
  }))
  return {
    read: (from) => {
      const values: Record<string, unknown> = {}
      for (const { name, type, first, last, otherwise } of plan) {
        values[name] = from.version >= first && from.version <= last ? type.read(from) : otherwise
      }
      if (from.flexible) skipTags(from)
      return values as ReadFields<F>
    },
    write: (to, values) => {
      for (const { name, type, first, last, otherwise } of plan) {
        if (to.version < first || to.version > last) continue
        const value = (values as Record<string, unknown>)[name]
        type.write(to, value === undefined ? otherwise : value)
      }
      if (to.flexible) uvarint.write(to, 0)
    },
  }
}

/** tags => count (uvarint) [tag (uvarint) size (uvarint) bytes] */
export function skipTags(from: Reader): void {
  for (let count = uvarint.read(from); count > 0; count--) {
    uvarint.read(from)
    from.skip(uvarint.read(from))
  }
}
