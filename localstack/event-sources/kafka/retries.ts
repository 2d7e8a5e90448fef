import type { KafkaMapping } from '../../template.ts'

/** How a mapping treats what its function fails on. */
export type RetryPolicy = {
  readonly maximumRetries: number // after the first attempt; Infinity
  readonly maximumAgeMs: number // of a record by its timestamp; Infinity
  readonly bisect: boolean
  readonly reportsItemFailures: boolean
}

/** A batch, or what is left of one, that goes to the function in one event. */
export type Part<R> = {
  readonly records: readonly R[]
  readonly failures: number // attempts of exactly these records that failed
}

export type Outcome =
  | { readonly kind: 'answered'; readonly payload: string } // JSON text
  | { readonly kind: 'failed' } // threw, timed out, its process ended
  | { readonly kind: 'not-run' } // throttled, or there was nothing to run it

/** What becomes of a part's records: each is in exactly one of the three. */
export type Verdict<R> = {
  readonly processed: readonly R[]
  readonly again: readonly Part<R>[] // in this order, before anything else
  readonly givenUp: readonly R[]
}

/** Lambda's own end to infinite retries where there is a destination for what fails. */
const retriesBeforeDestination = 10

/** https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html */
export function retryPolicy({
  maximumRetryAttempts,
  maximumRecordAgeSeconds,
  bisect,
  reportsItemFailures,
  onFailure,
}: KafkaMapping): RetryPolicy {
  return {
    maximumRetries: maximumRetryAttempts ?? (onFailure ? retriesBeforeDestination : Number.POSITIVE_INFINITY),
    maximumAgeMs:
      maximumRecordAgeSeconds === undefined ? Number.POSITIVE_INFINITY : maximumRecordAgeSeconds * 1000,
    bisect,
    reportsItemFailures,
  }
}

/**
 * Decide what follows from an invocation. Pure.
 *
 * A function error sends the same records again, or with `bisect` each half of them by itself; a split costs no retry,
 * so that one bad record ends up alone with all its retries. Reported item failures send just those records again. An
 * answer that names anything that was not in the event counts as an error of the whole part, without a split. An
 * invocation that never ran costs nothing.
 *
 * AWS publishes neither where it splits nor whether that costs a retry: the middle, and none as for Kinesis
 * (https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html).
 */
export function judge<R extends { readonly partition: number; readonly offset: number }>(
  part: Part<R>,
  outcome: Outcome,
  policy: RetryPolicy,
  topic: string,
): Verdict<R> {
  const { records, failures } = part
  if (outcome.kind === 'not-run') return { processed: [], again: [part], givenUp: [] }
  if (outcome.kind === 'failed' && policy.bisect && records.length > 1) {
    const middle = Math.ceil(records.length / 2)
    const halves = [records.slice(0, middle), records.slice(middle)]
    return { processed: [], again: halves.map((half) => ({ records: half, failures: 0 })), givenUp: [] }
  }
  const failed = failedOf(part, outcome, policy, topic)
  if (failed.length === 0) return { processed: records, again: [], givenUp: [] }
  const isFailed = new Set(failed)
  const processed = records.filter((record) => !isFailed.has(record))
  return failures >= policy.maximumRetries
    ? { processed, again: [], givenUp: failed }
    : { processed, again: [{ records: failed, failures: failures + 1 }], givenUp: [] }
}

function failedOf<R extends { readonly partition: number; readonly offset: number }>(
  { records }: Part<R>,
  outcome: Outcome,
  { reportsItemFailures }: RetryPolicy,
  topic: string,
): readonly R[] {
  if (outcome.kind !== 'answered') return records
  const reported = reportsItemFailures ? itemFailures(outcome.payload) : []
  if (reported === undefined) return records
  if (reported.length === 0) return []
  const byAddress = new Map(
    records.map((record) => [address(`${topic}-${record.partition}`, record.offset), record]),
  )
  const named = new Set(reported.map(({ partition, offset }) => byAddress.get(address(partition, offset))))
  return named.has(undefined) ? records : records.filter((record) => named.has(record))
}

const address = (partition: unknown, offset: unknown): string => JSON.stringify([partition, offset])

/**
 * What `{batchItemFailures: [{itemIdentifier: {partition, offset}}]}` names; undefined when it is not of that form. No
 * answer, or one without the list, names nothing.
 */
function itemFailures(payload: string): { partition: unknown; offset: unknown }[] | undefined {
  const list = (JSON.parse(payload) as { batchItemFailures?: unknown } | null)?.batchItemFailures ?? []
  if (!Array.isArray(list)) return undefined
  const named = list.map((item) => item?.itemIdentifier)
  return named.every((identifier) => typeof identifier === 'object' && identifier !== null)
    ? named
    : undefined
}

/**
 * The last record of each partition before which nothing is unsettled: its offset can be committed, and a crash brings
 * back whatever is unsettled. `batch` has the records of a partition in their order.
 */
export function settledUpTo<R extends { readonly partition: number }>(
  batch: readonly R[],
  unsettled: ReadonlySet<R>,
): readonly R[] {
  const blocked = new Set<number>()
  const last = new Map<number, R>()
  for (const record of batch) {
    if (unsettled.has(record)) blocked.add(record.partition)
    else if (!blocked.has(record.partition)) last.set(record.partition, record)
  }
  return [...last.values()]
}
