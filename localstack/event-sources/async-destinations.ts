import { join } from 'node:path'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { type AsyncDestination, queueFile } from '../async-settings.ts'
import type { GivenUp } from './async-queue.ts'
import { appendMessage, keyAt } from './destination.ts'

export type DestinationOptions = {
  readonly onFailure: AsyncDestination | undefined
  readonly deadLetterArn: string | undefined
  readonly s3: S3Client
  readonly directory: string // of all data
  readonly enqueue: (functionName: string, payload: string) => unknown
}

/**
 * Delivers what the queue gave up on: the whole record to the function's on-failure destination, the bare event to its
 * dead-letter queue; to both, when it has both. Throws when one cannot be reached, after the other was tried.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
export async function deliverGivenUp(
  record: GivenUp,
  functionName: string,
  { onFailure, deadLetterArn, s3, directory, enqueue }: DestinationOptions,
): Promise<void> {
  const deliveries = [
    onFailure && deliver(onFailure),
    deadLetterArn !== undefined &&
      appendMessage(join(directory, queueFile(deadLetterArn)), deadLetter(record)),
  ]
  for (const outcome of await Promise.allSettled(deliveries))
    if (outcome.status === 'rejected') throw outcome.reason

  async function deliver(to: AsyncDestination): Promise<void> {
    const text = JSON.stringify(record)
    switch (to.kind) {
      case 'function':
        enqueue(to.functionName, text)
        return
      case 'queue':
        return appendMessage(join(directory, queueFile(to.arn)), text)
      case 'bucket': {
        const Key = keyAt(`aws/lambda/async/${functionName}`, new Date(record.timestamp))
        await s3.send(new PutObjectCommand({ Bucket: to.bucket, Key, Body: text }))
      }
    }
  }
}

/** A message of SQS: the event as it came, with attributes about what happened. */
function deadLetter({ requestContext, requestPayload, responseContext, responsePayload }: GivenUp): string {
  const failure = responsePayload as { errorMessage?: unknown } | null | undefined
  const message = typeof failure?.errorMessage === 'string' ? failure.errorMessage : requestContext.condition
  const attribute = (DataType: string, StringValue: string) => ({ DataType, StringValue })
  return JSON.stringify({
    Body: JSON.stringify(requestPayload),
    MessageAttributes: {
      RequestID: attribute('String', requestContext.requestId),
      ErrorCode: attribute('Number', String(responseContext?.statusCode ?? 429)),
      ErrorMessage: attribute('String', Buffer.from(message).subarray(0, 1024).toString()),
    },
  })
}
