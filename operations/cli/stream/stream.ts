import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaPort } from '@cupel/io/kafka'
import { Failure } from '../failure.ts'
import { type Row, readRows } from './rows.ts'

export type StreamOptions = {
  readonly file: string
  readonly topic: string
  readonly delayMs: number // after each row; 0: as fast as it goes
  readonly restart?: boolean // from the first row, whatever was sent
  readonly most?: number // rows
  readonly signal: AbortSignal
  readonly note: (line: string) => void
  readonly onSent?: (rows: number) => void
}

const batchRows = 1_000
const lookBackRecords = 1_000

/**
 * Send the rows of a CSV file into a topic, each once: it goes on behind the last row that stands in the topic, whenever and
 * however an earlier run ended. All rows of a file have its name as key, so that they stand in one partition in their
 * order, and the last one is the last. Returns how many were acknowledged.
 *
 * @throws {Failure} when the file is not the one whose rows were sent before, or cannot be read.
 */
export async function streamRows(
  kafka: Pick<KafkaPort, 'produce' | 'offsets' | 'read'>,
  {
    file,
    topic,
    delayMs,
    restart,
    most = Number.POSITIVE_INFINITY,
    signal,
    note,
    onSent = () => {},
  }: StreamOptions,
): Promise<number> {
  const key = basename(file)
  const last = restart ? undefined : await lastSent(kafka, topic, key)
  const changed = () =>
    new Failure(
      `${file} has changed since its first ${last?.row} rows were sent into ${topic}: --restart sends all of it, from the first row`,
    )
  let sent = 0
  let row = 0
  for await (const rows of readRows(file)) {
    const before = rows.find((each) => each.row === last?.row)
    if (before && before.value !== last?.value) throw changed()
    row = rows.at(-1)?.row ?? row
    const wanted = rows.filter((each) => each.row > (last?.row ?? 0))
    if (sent === 0 && last && wanted.length > 0) note(`Goes on after row ${last.row} of ${key}.`)
    for (const batch of inBatches(wanted, delayMs > 0 ? 1 : batchRows)) {
      const some = batch.slice(0, most - sent)
      if (signal.aborted || some.length === 0) return sent
      await kafka.produce(some.map(({ value }) => ({ topic, key, value: Buffer.from(value), headers: {} })))
      sent += some.length
      onSent(some.length)
      if (delayMs > 0 && sent < most) await sleep(delayMs, undefined, { signal }).catch(() => {})
    }
  }
  if (last && row < last.row) throw changed()
  if (sent === 0)
    note(`All ${row} rows of ${key} are in ${topic} already; cupel stream --restart sends them anew.`)
  return sent
}

/** The last row of a file in a topic. Looks from the end to the beginning: other records may have come since. */
async function lastSent(
  { offsets, read }: Pick<KafkaPort, 'offsets' | 'read'>,
  topic: string,
  file: string,
): Promise<Pick<Row, 'row' | 'value'> | undefined> {
  const { partitions } = await offsets(topic)
  for (const { partition, start, end } of partitions)
    for (let to = end - 1; to >= start; to -= lookBackRecords) {
      const from = Math.max(start, to - lookBackRecords + 1)
      const records = await read({ topic, partition, from, to })
      const last = records.findLast(({ key, value }) => key?.toString() === file && value !== null)
      const value = last?.value?.toString()
      if (value !== undefined) return { row: rowOf(value), value }
    }
  return undefined
}

/** 0 where somebody else sent it. */
function rowOf(value: string): number {
  const [, row] = /,"row":(\d+),"file":"/.exec(value) ?? []
  return Number(row ?? 0)
}

function* inBatches<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}
