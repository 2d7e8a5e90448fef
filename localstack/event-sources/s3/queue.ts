import { setTimeout as sleep } from 'node:timers/promises'
import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { messageOf } from '../../errors.ts'
import { type Backoff, backoffMs } from '../backoff.ts'
import { systemClock } from '../clock.ts'
import { rarely } from '../rarely.ts'
import type { Announce, NotificationReader } from './source.ts'

// The most that SQS takes. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
const waitSeconds = 20
const messagesAtOnce = 10
const deleteMs = 3_000 // a stop waits so long for the last one
const outageBackoff: Backoff = { firstMs: 250, longestMs: 5_000 }
const toldAgainMs = 60 * 60 * 1000

/**
 * What an S3 puts into a queue of SQS about its changes, to `announce`: AWS's S3 and LocalStack notify so.
 *
 * A message is deleted after `announce` took it: what came while nothing polled is read at the next start, and a message
 * may come again, as S3's own events may. What is no notification stays for the queue's redrive policy, or until it
 * expires: it may be somebody else's, and a deleted one could not be looked at.
 */
export function readS3EventQueue(options: {
  readonly queueUrl: string
  readonly endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly announce: Announce
  readonly log: (line: string) => void
}): NotificationReader {
  const { queueUrl: QueueUrl, announce, log } = options
  const sqs = new SQSClient({ ...options, requestHandler: { requestTimeout: (waitSeconds + 5) * 1000 } })
  const outages = rarely(log, systemClock)
  const refusals = rarely(log, systemClock, toldAgainMs)
  const stopping = new AbortController()

  const receive = async (): Promise<readonly Message[]> => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: messagesAtOnce,
        WaitTimeSeconds: waitSeconds,
      }),
      { abortSignal: stopping.signal },
    )
    return Messages
  }
  const isTaken = ({ MessageId = '', Body = '' }: Message): boolean => {
    try {
      announce(Body)
      return true
    } catch (error) {
      const line = `event source of ${QueueUrl}: message ${MessageId} is left there: ${messageOf(error)}`
      refusals.say(MessageId, line)
      return false
    }
  }
  const remove = async (messages: readonly Message[]) => {
    if (messages.length === 0) return
    const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }))
    const { Failed = [] } = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }), {
      abortSignal: AbortSignal.timeout(deleteMs),
    })
    if (Failed.length > 0) throw new Error(`${Failed.length} messages are not deleted: ${Failed[0]?.Message}`)
  }

  const poll = async () => {
    let failures = 0
    while (!stopping.signal.aborted) {
      try {
        const messages = await receive()
        if (stopping.signal.aborted) return // they come again
        await remove(messages.filter(isTaken))
        if (failures > 0) log(`event source of ${QueueUrl}: reading again`)
        failures = 0
        outages.forget()
      } catch (error) {
        if (stopping.signal.aborted) return
        failures++
        outages.say(
          'outage',
          `event source of ${QueueUrl}: the queue is not usable (${messageOf(error)}); trying again`,
        )
        const waitMs = backoffMs(outageBackoff, failures, Math.random)
        await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => {})
      }
    }
  }
  const polling = poll()
  return {
    async close() {
      stopping.abort()
      await polling
      sqs.destroy()
    },
  }
}
