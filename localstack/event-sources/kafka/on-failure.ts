import type { EventOrigin, SourceRecord } from './event.ts'

/** Records that a mapping gave up on, together: what its on-failure destination gets. */
export type Failure = {
  readonly condition: FailureCondition
  readonly at: Date
  readonly requestId: string // of the last invocation
  readonly functionArn: string
  readonly attempts: number // invocations with these records
  readonly functionError: boolean // the last one ended with an error, not with an answer
  readonly origin: EventOrigin
  readonly topic: string
  readonly records: readonly SourceRecord[] // never empty; of a partition in offset order
  readonly event: string // JSON text of the event that holds them
}

/** AWS documents no name for what became too old; this is the one that Kinesis mappings use. */
export type FailureCondition = 'RetryAttemptsExhausted' | 'MaximumPayloadSizeExceeded' | 'RecordAgeExceeded'

/** Where a mapping delivers what it gave up on. `deliver` throws when it can't. */
export type Destination = {
  readonly name: string // for people: `s3://bucket`
  deliver(failure: Failure): Promise<void>
}

/**
 * One document for all records: what a queue or a topic of SNS gets, and a bucket, which gets the event too, as a
 * string. `responseContext` is null where the function never ran.
 * https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html
 */
export function failureDocument(failure: Failure, { withPayload }: { withPayload: boolean }): string {
  const { condition, topic, records, event } = failure
  const partitions = [...new Set(records.map(({ partition }) => partition))].map((partition) => {
    const own = records.filter((record) => record.partition === partition)
    const [first, last] = [own[0]!, own.at(-1)!]
    const info = {
      firstRecordOffset: String(first.offset),
      lastRecordOffset: String(last.offset),
      firstRecordTimestamp: isoTime(first.timestampMs),
      lastRecordTimestamp: isoTime(last.timestampMs),
    }
    return [`${topic}-${partition}`, info] as const
  })
  return JSON.stringify({
    ...contextOf(failure, condition),
    KafkaBatchInfo: { ...batchInfo(failure, event), recordsInfo: Object.fromEntries(partitions) },
    ...(withPayload && { payload: event }),
  })
}

/**
 * What a Kafka destination gets: a message for each record, with its key. The page that describes them has another name
 * for exhausted retries, `recordInfo` without s, and the payload as an object.
 * https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure-destination.html
 */
export function failureMessages(
  failure: Failure,
  eventOf: (record: SourceRecord) => string, // JSON text of an event that holds only this record
): { readonly key: Buffer | null; readonly value: string }[] {
  const condition = failure.condition === 'RetryAttemptsExhausted' ? 'RetriesExhausted' : failure.condition
  return failure.records.map((record) => {
    const event = eventOf(record)
    const info = { offset: String(record.offset), timestamp: isoTime(record.timestampMs) }
    const metadata = JSON.stringify({
      ...contextOf(failure, condition),
      KafkaBatchInfo: { ...batchInfo({ ...failure, records: [record] }, event), recordInfo: info },
    })
    return {
      key: record.key && Buffer.from(record.key),
      value: `${metadata.slice(0, -1)},"payload":${event}}`,
    }
  })
}

function contextOf({ requestId, functionArn, attempts, functionError, at }: Failure, condition: string) {
  return {
    requestContext: { requestId, functionArn, condition, approximateInvokeCount: Math.max(1, attempts) },
    responseContext:
      attempts === 0
        ? null
        : {
            statusCode: 200,
            executedVersion: '$LATEST',
            ...(functionError && { functionError: 'Unhandled' }),
          },
    version: '1.0',
    timestamp: at.toISOString(),
  }
}

function batchInfo({ origin, records }: Failure, event: string) {
  return {
    batchSize: records.length,
    ...(origin.kind === 'msk' && { eventSourceArn: origin.eventSourceArn }),
    bootstrapServers: origin.bootstrapServers,
    payloadSize: Buffer.byteLength(event),
  }
}

/** A producer may write any 64-bit number as a timestamp; what no date can show becomes the epoch. */
const isoTime = (timestampMs: number): string =>
  new Date(Math.abs(timestampMs) <= 8.64e15 ? timestampMs : 0).toISOString()
