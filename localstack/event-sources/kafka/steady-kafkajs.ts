// @ts-expect-error: kafkajs has no types for its inner modules. The version is pinned.
import UntypedBrokerPool from 'kafkajs/src/cluster/brokerPool.js'
// @ts-expect-error: as above
import UntypedConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js'

type ConsumerGroup = { lastRequest: number; heartbeat(options: { interval: number }): Promise<void> }
type BrokerPool = {
  metadataMaxAge: number
  metadataExpireAt: number | null
  refreshMetadataIfNecessary(topics: readonly string[]): Promise<unknown>
}
type Patched = { steady?: true }

/**
 * Lets kafkajs 2.2 bear a wall clock that is set back: it would send no heartbeat, and look for no new partitions, until
 * the clock is again where it was, so that the group throws its members out over and over. For all of kafkajs in this
 * process.
 */
export function steadyKafkajs(): void {
  const group = (UntypedConsumerGroup as { prototype: ConsumerGroup & Patched }).prototype
  const pool = (UntypedBrokerPool as { prototype: BrokerPool & Patched }).prototype
  if (group.steady) return
  group.steady = true
  const { heartbeat } = group
  group.heartbeat = function (this: ConsumerGroup, options) {
    if (this.lastRequest > Date.now()) this.lastRequest = 0 // was sent in what is now the future: due
    return heartbeat.call(this, options)
  }
  const { refreshMetadataIfNecessary } = pool
  pool.refreshMetadataIfNecessary = function (this: BrokerPool, topics) {
    if ((this.metadataExpireAt ?? 0) > Date.now() + this.metadataMaxAge) this.metadataExpireAt = null
    return refreshMetadataIfNecessary.call(this, topics)
  }
}
