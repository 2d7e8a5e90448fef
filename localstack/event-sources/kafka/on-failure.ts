import type { EventOrigin, SourceRecord } from './event.ts'

/** A record that a mapping gave up on, for its on-failure destination. */
export type FailedRecord = {
  readonly functionName: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly condition: 'MaximumPayloadSizeExceeded'
}

/** Delivers to the destination; `document` is the JSON text that AWS would put there. Throws when it can't. */
export type OnFailure = (record: FailedRecord, document: string) => Promise<void>

/**
 * The document of an S3 destination for a record that fits in no event: metadata with `responseContext` null
 * (the function never ran) and the whole event as a string.
 * https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html
 */
export function tooLargeDocument(failed: {
  readonly requestId: string
  readonly functionArn: string
  readonly at: Date
  readonly origin: EventOrigin
  readonly record: SourceRecord
  readonly event: string // JSON text of the event that could not be sent
}): string {
  const { requestId, functionArn, at, origin, record, event } = failed
  const timestamp = isoTime(record.timestampMs)
  return JSON.stringify({
    requestContext: {
      requestId,
      functionArn,
      condition: 'MaximumPayloadSizeExceeded',
      approximateInvokeCount: 1,
    },
    responseContext: null,
    version: '1.0',
    timestamp: at.toISOString(),
    KafkaBatchInfo: {
      batchSize: 1,
      ...(origin.kind === 'msk' ? { eventSourceArn: origin.eventSourceArn } : {}),
      bootstrapServers: origin.bootstrapServers,
      payloadSize: Buffer.byteLength(event),
      recordsInfo: {
        [`${record.topic}-${record.partition}`]: {
          firstRecordOffset: String(record.offset),
          lastRecordOffset: String(record.offset),
          firstRecordTimestamp: timestamp,
          lastRecordTimestamp: timestamp,
        },
      },
    },
    payload: event,
  })
}

/** A producer may write any 64-bit number as a timestamp; what no date can show becomes the epoch. */
const isoTime = (timestampMs: number): string =>
  new Date(Math.abs(timestampMs) <= 8.64e15 ? timestampMs : 0).toISOString()
