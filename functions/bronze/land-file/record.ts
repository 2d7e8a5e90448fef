import { readValue, type ValueFormat } from '@cupel/core/bronze'

/** A record of a file, or what stands where one belongs. */
export type FileRecord = {
  readonly at: number // line where it begins, or its place among the records of the file; from 1
  readonly format: ValueFormat
  readonly value: string // the value of its bronze line: JSON, one character a byte
}

/**
 * Finds the records in a text that comes in pieces, wherever it is cut: one character a byte (latin1), so that what is
 * not UTF-8 comes through and nothing is decoded that need not be. A record that is still open waits for the next piece.
 */
export type Reader = {
  readonly read: (piece: string) => readonly FileRecord[]
  /** The text ends here: what is open is a record. */
  readonly end: () => readonly FileRecord[]
  /** Where the next record begins. */
  readonly next: () => number
}

/** A record may have so many bytes, as in a file and as JSON: refine reads lines of 16 MB, and base64 takes a third more. */
export const maxRecordBytes = 4 * 1024 * 1024
export const maxJsonBytes = 3 * maxRecordBytes

/** A JSON value as it stands in the file. */
export function verbatim(at: number, bytes: string): FileRecord {
  const buffer = Buffer.from(bytes, 'latin1')
  const { format } = readValue(buffer)
  return { at, format, value: format === 'json' ? bytes : JSON.stringify(buffer.toString('base64')) }
}

/** Bytes as a text, one character a byte. */
export const byteString = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')

/** What is no record, and why. */
export const broken = (at: number, format: ValueFormat, what: object): FileRecord => ({
  at,
  format,
  value: byteString(Buffer.from(JSON.stringify(what))),
})

/** A record that is too large, of which only the beginning is kept: the file has the rest. */
export const tooLarge = (at: number, beginning: string): FileRecord =>
  broken(at, 'too-large', {
    problem: `more than ${maxRecordBytes / 1024 / 1024} MB`,
    beginning: text(beginning.slice(0, 1000)),
  })

/** What people read of bytes, whatever they are. */
export const text = (bytes: string): string => Buffer.from(bytes, 'latin1').toString()
