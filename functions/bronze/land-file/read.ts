import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { UnreadableFileError } from '@cupel/core/errors'
import type { ForeignParquet } from '@cupel/duckdb/foreign-parquet'
import { csvReader } from './csv.ts'
import { decodeFile } from './decode.ts'
import { type FileFormat, fieldOf, knownIn, type LandingDataset, missingIn, recognize } from './format.ts'
import { jsonArrayReader, jsonObjectsReader } from './json.ts'
import { lineReader } from './lines.ts'
import { broken, byteString, type FileRecord, type Reader } from './record.ts'

export type FileToRead = {
  readonly name: string
  readonly body: AsyncIterable<Uint8Array>
  readonly dataset: LandingDataset
  readonly spool: string // a path for a file that can only be read as a whole
}
export type ReadPorts = {
  readonly openParquet: (file: string) => Promise<ForeignParquet>
  readonly tell: (what: string) => void // a line that somebody should know
}

/**
 * The records of a file, some at a time. No file is refused for what it holds: where it cannot be read, from some place
 * on, its last record says why.
 */
export async function* readFile(file: FileToRead, ports: ReadPorts): AsyncGenerator<readonly FileRecord[]> {
  let next = 1
  try {
    for await (const { records, goesOnAt } of pieces(file, ports)) {
      next = goesOnAt
      yield records
    }
  } catch (error) {
    if (!(error instanceof UnreadableFileError)) throw error
    ports.tell(`cannot be read${next > 1 ? ` from ${next} on` : ''}: ${error.message}`)
    yield [broken(next, 'unreadable-file', { problem: error.message, file: file.name })]
  }
}

type Piece = { readonly records: readonly FileRecord[]; readonly goesOnAt: number }

async function* pieces(file: FileToRead, ports: ReadPorts): AsyncGenerator<Piece> {
  const { head, chunks } = await decodeFile(file.body)
  const format = recognize(head, file.name, file.dataset)
  if ('problem' in format) throw new UnreadableFileError(format.problem)
  if (format.format === 'parquet') {
    await pipeline(chunks, createWriteStream(file.spool))
    return yield* parquetPieces(file, ports)
  }
  if ('header' in format) checkColumns(format.header.columns, file.dataset, ports)
  const reader = readerOf(format)
  for await (const chunk of chunks) yield piece(reader, reader.read(byteString(chunk)))
  yield piece(reader, reader.end())
}

function readerOf(format: Exclude<FileFormat, { problem: string }>): Reader {
  if ('header' in format) return csvReader(format.header)
  if ('isArray' in format) return format.isArray ? jsonArrayReader() : jsonObjectsReader()
  return lineReader()
}

const piece = (reader: Reader, records: readonly FileRecord[]): Piece => ({
  records,
  goesOnAt: reader.next(),
})

async function* parquetPieces({ spool, dataset }: FileToRead, ports: ReadPorts): AsyncGenerator<Piece> {
  const parquet = await ports.openParquet(spool)
  try {
    const nameOf = (column: string): string => fieldOf(column, dataset)
    checkColumns(parquet.columns.map(nameOf), dataset, ports)
    let at = 0
    for await (const rows of parquet.rows(nameOf)) {
      const records = rows.map((row): FileRecord => {
        at += 1
        return { at, format: 'json', value: byteString(Buffer.from(row)) }
      })
      yield { records, goesOnAt: at + 1 }
    }
  } finally {
    parquet.close()
  }
}

function checkColumns(columns: readonly string[], dataset: LandingDataset, { tell }: ReadPorts): void {
  if (knownIn(columns, dataset) === 0)
    throw new UnreadableFileError(`none of its columns is a field of ${dataset.name}`)
  const missing = missingIn(columns, dataset)
  if (missing.length > 0) tell(`lacks ${missing.join(', ')}: its rows go into quarantine as missing that`)
}
