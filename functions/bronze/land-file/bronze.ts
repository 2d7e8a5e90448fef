import { createHash } from 'node:crypto'
import { bronzeLines, noRecords } from '@cupel/core/bronze'
import type { Dataset } from '@cupel/core/dataset'
import { landedBronzeKey } from '@cupel/core/keys'
import { type FileRecord, maxJsonBytes, tooLarge } from './record.ts'

export type LandedFile = {
  readonly name: string // below landing/<dataset>/
  readonly sha256: string // of the file as it is stored, hex
  readonly modifiedMs: number
}
export type LandedBronze = {
  readonly key: string
  readonly body: Uint8Array // NDJSON
  readonly records: number
  readonly rejected: number // of these, no records
  readonly metadata: {
    readonly 'first-offset': string // where in the file its first record begins
    readonly 'last-offset': string
    readonly records: string
    readonly sha256: string // of the body, hex
    readonly 'file-sha256': string
  }
}

const maxRecords = 10_000
const maxBytes = 4 * 1024 * 1024 // of values: with all else in their lines some 8 MB

/**
 * The bronze objects of a file, in its order. Where one ends depends on the records alone, so whoever reads the same
 * content writes the same objects. Records come like Kafka's: topic `landing/<dataset>`, the line as offset, the time of
 * the upload as timestamp, and name and SHA-256 of the file as headers.
 */
export async function* bronzeObjects(
  { name, bronzeFolder }: Pick<Dataset, 'name' | 'bronzeFolder'>,
  file: LandedFile,
  records: AsyncIterable<readonly FileRecord[]>,
): AsyncGenerator<LandedBronze> {
  const lineOf = bronzeLines({
    topic: `landing/${name}`,
    partition: 0,
    timestampMs: file.modifiedMs,
    key: null,
    headers: [
      ['file', Buffer.from(file.name)],
      ['sha256', Buffer.from(file.sha256, 'hex')],
    ],
  })
  let lines: string[] = []
  let bytes = 0
  let first = 0
  let last = 0
  let rejected = 0

  function take(): LandedBronze {
    const body = Buffer.from(lines.join(''), 'latin1')
    const records = lines.length
    const object = {
      key: landedBronzeKey(bronzeFolder, file.sha256, first),
      body,
      records,
      rejected,
      metadata: {
        'first-offset': String(first),
        'last-offset': String(last),
        records: String(records),
        sha256: createHash('sha256').update(body).digest('hex'),
        'file-sha256': file.sha256,
      },
    }
    lines = []
    bytes = rejected = 0
    return object
  }

  for await (const some of records)
    for (const record of some) {
      const { at, format, value } =
        record.value.length > maxJsonBytes ? tooLarge(record.at, record.value) : record
      if (lines.length === 0) first = at
      lines.push(`${lineOf(at, format, value)}\n`)
      bytes += value.length
      last = at
      if (isNoRecord.has(format)) rejected += 1
      if (lines.length >= maxRecords || bytes >= maxBytes) yield take()
    }
  if (lines.length > 0) yield take()
}

const isNoRecord: ReadonlySet<string> = new Set(['bytes', ...noRecords])
