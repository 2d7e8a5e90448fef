/** What batching needs to know about a record that waits. */
export type Waiting = {
  readonly partition: number
  readonly arrivedMs: number // on the clock that `decide` is asked with
  readonly bytes: number // of its JSON in the event
  readonly tooLarge: boolean // fits in no event, not even alone
}

export type BatchLimits = {
  readonly batchSize: number // records over all partitions
  readonly windowMs: number // from the arrival of the first record; 0: send what is there
  readonly maxEventBytes: number // inclusive
  readonly fixedBytes: number // what an event costs without any record: see eventBytes
  readonly partitionBytes: (partition: number) => number // what the first record of a partition adds
}

export type Decision =
  | { readonly do: 'send'; readonly count: number; readonly because: 'records' | 'bytes' | 'window' }
  | { readonly do: 'set-aside' } // the first waiting record is too large
  | { readonly do: 'wait'; readonly untilMs: number }
  | { readonly do: 'nothing' }

/** Synchronous invocations take 6 MB of JSON. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const maxEventBytes = 6 * 1024 * 1024

/**
 * Decide what becomes of the records that wait, in order of arrival. Pure.
 *
 * A batch closes at the first of: enough records, no room for the next one, window over. The window starts when
 * the first record arrives, not when the last invocation ended. A record that is too large closes the batch
 * before it and is then set aside alone, so that order holds.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
 */
export function decide(waiting: readonly Waiting[], limits: BatchLimits, nowMs: number): Decision {
  const first = waiting[0]
  if (!first) return { do: 'nothing' }
  if (first.tooLarge) return { do: 'set-aside' }

  let bytes = limits.fixedBytes
  const partitions = new Set<number>()
  for (const [index, record] of waiting.entries()) {
    if (index === limits.batchSize) return { do: 'send', count: index, because: 'records' }
    bytes += recordBytes(record, partitions, limits)
    if (record.tooLarge || bytes > limits.maxEventBytes) return { do: 'send', count: index, because: 'bytes' }
  }
  if (waiting.length === limits.batchSize) return { do: 'send', count: waiting.length, because: 'records' }
  const untilMs = first.arrivedMs + limits.windowMs
  return nowMs >= untilMs ? { do: 'send', count: waiting.length, because: 'window' } : { do: 'wait', untilMs }
}

/**
 * Bytes of the event that holds exactly these records, equal to what `eventJson` writes. With H bytes of head:
 * H + 1 in all, 3 and the quoted key for each partition, 1 and its JSON for each record; the commas, brackets
 * and braces come out even.
 */
export function eventBytes(
  waiting: readonly Omit<Waiting, 'arrivedMs' | 'tooLarge'>[],
  limits: BatchLimits,
): number {
  const partitions = new Set<number>()
  return waiting.reduce((sum, record) => sum + recordBytes(record, partitions, limits), limits.fixedBytes)
}

/** Bytes of the event that holds only this record. */
export const bytesAlone = (
  { partition, bytes }: Pick<Waiting, 'partition' | 'bytes'>,
  { fixedBytes, partitionBytes }: BatchLimits,
): number => fixedBytes + partitionBytes(partition) + bytes + 1

/** What one more record adds, given the partitions that are in the event already (it joins them). */
function recordBytes(
  { partition, bytes }: Pick<Waiting, 'partition' | 'bytes'>,
  partitions: Set<number>,
  { partitionBytes }: BatchLimits,
): number {
  if (partitions.has(partition)) return bytes + 1
  partitions.add(partition)
  return bytes + 1 + partitionBytes(partition)
}
