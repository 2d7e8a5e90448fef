import type { Invoke } from '../../lambda/invoke.ts'
import type { KafkaMapping } from '../../template.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type OpenConsumer, openKafkaConsumer } from './consumer.ts'
import type { EventOrigin, NullsAs } from './event.ts'
import type { Destination } from './on-failure.ts'
import { partitionLocks } from './partition-locks.ts'
import { Poller, type PollerStatus } from './poller.ts'

export type KafkaEventSource = {
  readonly ready: Promise<void> // resolves once the group is joined: later records are seen whatever the position
  /** One entry a poller; empty for a disabled mapping. */
  status(): readonly PollerStatus[]
  /** Takes up to `deadlineMs` (5 s) for a running invocation, and about half a second to leave the group. */
  close(deadlineMs?: number): Promise<void>
}

export type KafkaEventSourceOptions = {
  readonly mapping: KafkaMapping
  readonly bootstrapServers: string // of the broker to read from, comma-separated
  readonly invoke: Invoke
  readonly log: (line: string) => void
  readonly clock?: Clock
  readonly random?: () => number // 0 to 1, spreads retries
  readonly nullsAs?: NullsAs
  readonly pollers?: number // members of the group instead of the mapping's own; more than partitions stay idle
  readonly destination?: Destination // for what the mapping gives up on
  readonly openConsumer?: OpenConsumer // for tests
}

/**
 * An event source mapping from a Kafka topic to a function, as Lambda runs it.
 *
 * Returns at once: a broker that is down or a topic that does not exist yet is waited for, with a line that says so.
 * One poller, as AWS's on-demand mode starts with: one batch in flight over all partitions, so a failing batch holds
 * up the whole mapping. With more pollers, the group splits the partitions between them and each fails alone; there
 * is never more than one invocation for a partition.
 * https://docs.aws.amazon.com/lambda/latest/dg/kafka-scaling-modes.html
 */
export async function startKafkaEventSource(options: KafkaEventSourceOptions): Promise<KafkaEventSource> {
  const {
    mapping,
    bootstrapServers,
    log,
    clock = systemClock,
    pollers: pollerCount = mapping.pollers,
  } = options
  if (mapping.startingPosition === 'AT_TIMESTAMP' && mapping.startingPositionTimestamp === undefined) {
    throw new Error(
      `event source of ${mapping.topic}: AT_TIMESTAMP needs startingPositionTimestamp (Unix seconds)`,
    )
  }
  if (!mapping.enabled) return { ready: Promise.resolve(), status: () => [], close: async () => {} }

  const origin = originOf(mapping, bootstrapServers)
  const { topic, consumerGroupId: groupId, startingPosition, startingPositionTimestamp } = mapping
  const open: OpenConsumer =
    options.openConsumer ??
    ((sink) =>
      openKafkaConsumer(
        {
          bootstrapServers,
          groupId,
          topic,
          startingPosition,
          ...(startingPositionTimestamp === undefined ? {} : { startingPositionTimestamp }),
          log,
          clock,
        },
        sink,
      ))
  const settings = {
    mapping,
    origin,
    functionArn: functionArn(mapping),
    nullsAs: options.nullsAs ?? 'absent',
    invoke: options.invoke,
    ...(options.destination ? { destination: options.destination } : {}),
    locks: partitionLocks(),
    clock,
    random: options.random ?? Math.random,
    log,
  }

  const pollers = [new Poller(settings, open)]
  let closed = false
  // One after the other: the first member settles where a new group starts.
  const ready = (async () => {
    await pollers[0]?.joined
    while (pollers.length < pollerCount && !closed) {
      const poller = new Poller(settings, open)
      pollers.push(poller)
      await poller.joined
    }
  })()
  return {
    ready,
    status: () => pollers.map((poller) => poller.status()),
    close: async (deadlineMs) => {
      closed = true
      await Promise.all(pollers.map((poller) => poller.close(deadlineMs)))
    },
  }
}

function originOf(
  { kind, eventSourceArn, bootstrapServers, topic }: KafkaMapping,
  actual: string,
): EventOrigin {
  if (kind === 'self-managed') return { kind, bootstrapServers: bootstrapServers ?? actual }
  if (!eventSourceArn) throw new Error(`event source of ${topic}: an MSK mapping needs its eventSourceArn`)
  return { kind, eventSourceArn, bootstrapServers: actual }
}

/** The function's ARN in the account and region of the cluster, or in made-up ones when it has no ARN. */
function functionArn({ eventSourceArn, functionName }: KafkaMapping): string {
  const [, partition = 'aws', , region = 'us-east-1', account = '000000000000'] =
    eventSourceArn?.split(':') ?? []
  return `arn:${partition}:lambda:${region}:${account}:function:${functionName}`
}
