import { messageOf } from '../../errors.ts'
import { systemClock } from '../clock.ts'
import { type ConsumerSettings, openKafkaConsumer, type RecordConsumer } from '../kafka/consumer.ts'
import { rarely } from '../rarely.ts'
import type { Announce, NotificationReader } from './source.ts'

/**
 * What an S3 publishes of its changes to a Kafka topic, one after the other to `announce`: for an S3 that cannot
 * reach this process, as one in a container cannot. What came while nothing read the topic is read at the next start.
 *
 * A message is committed after `announce` took it, so one may come again, as S3's own events may. What is no
 * notification is passed over, with a line.
 */
export function readS3EventTopic(options: {
  readonly bootstrapServers: string
  readonly topic: string
  readonly groupId: string
  readonly announce: Announce
  readonly log: (line: string) => void
}): NotificationReader & { readonly ready: Promise<void> /* the group is joined */ } {
  const { topic, announce, log } = options
  const settings: ConsumerSettings = { ...options, startingPosition: 'TRIM_HORIZON', clock: systemClock }
  const seldom = rarely(log, systemClock)
  const handled = new Map<number, number>() // partition → next offset, not committed yet
  let closed = false
  let commitDue = false
  let committing = Promise.resolve()

  const commit = async () => {
    commitDue = false
    const offsets = new Map(handled)
    if (offsets.size === 0) return
    try {
      await consumer.commit(offsets)
      for (const [partition, next] of offsets) if (handled.get(partition) === next) handled.delete(partition)
    } catch (error) {
      // They stay in `handled` and go with the next commit, unless the partition has another owner by then.
      seldom.say('commit', `event source of ${topic}: offsets are not committed yet: ${messageOf(error)}`)
    }
  }
  const commitSoon = () => {
    if (commitDue) return
    commitDue = true
    committing = committing.then(commit)
  }

  const consumer: RecordConsumer = openKafkaConsumer(settings, {
    assigned(partitions) {
      for (const partition of handled.keys()) if (!partitions.includes(partition)) handled.delete(partition)
    },
    offer({ partition, offset, value }) {
      if (closed) return true // not committed, so it is read again
      try {
        announce(Buffer.from(value ?? '').toString())
      } catch (error) {
        log(
          `event source of ${topic}: ${topic}-${partition} offset ${offset} is passed over: ${messageOf(error)}`,
        )
      }
      handled.set(partition, offset + 1)
      commitSoon()
      return true
    },
    room: async () => {},
  })
  return {
    ready: consumer.joined,
    async close() {
      closed = true
      commitSoon()
      await committing
      await consumer.close()
    },
  }
}
