import { ErrorCode, Refusal } from './error-codes.ts'
import type { LogSettings } from './partition-log.ts'

/** Overrides of one topic by name, as `CreateTopics` and `AlterConfigs` give them. */
export type TopicConfigs = Readonly<Record<string, string>>

/** A batch, with everything in it, may be this large: Kafka's own default of 1 MB is too small for whole documents. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024
const SEGMENT_BYTES = 64 * 1024 * 1024

/** What this broker acts on. Ranges are inclusive. */
const effective: Readonly<
  Record<string, { readonly otherwise: string; readonly allowed: RegExp; readonly min?: number }>
> = {
  'max.message.bytes': { otherwise: String(MAX_BATCH_BYTES), allowed: /^\d{1,9}$/, min: 0 },
  'message.timestamp.type': { otherwise: 'CreateTime', allowed: /^(CreateTime|LogAppendTime)$/ },
  'segment.bytes': { otherwise: String(SEGMENT_BYTES), allowed: /^\d{1,10}$/, min: 1024 },
}

/** Kafka's other topic settings and what holds here instead: https://kafka.apache.org/documentation/#topicconfigs */
const withoutEffect: TopicConfigs = {
  'cleanup.policy': 'delete',
  'compression.type': 'producer',
  'delete.retention.ms': '86400000',
  'file.delete.delay.ms': '0',
  'flush.messages': '9223372036854775807',
  'flush.ms': '9223372036854775807',
  'index.interval.bytes': '16384',
  'max.compaction.lag.ms': '9223372036854775807',
  'message.timestamp.after.max.ms': '9223372036854775807',
  'message.timestamp.before.max.ms': '9223372036854775807',
  'min.cleanable.dirty.ratio': '0.5',
  'min.compaction.lag.ms': '0',
  'min.insync.replicas': '1',
  preallocate: 'false',
  'retention.bytes': '-1',
  'retention.ms': '-1',
  'segment.index.bytes': '10485760',
  'segment.jitter.ms': '0',
  'segment.ms': '604800000',
  'unclean.leader.election.enable': 'false',
}

/** Every setting of a topic with the value that was set or the default. */
export function describeTopicConfigs(
  configs: TopicConfigs,
): { name: string; value: string; isDefault: boolean }[] {
  const defaults = Object.entries(effective).map(([name, { otherwise }]) => [name, otherwise] as const)
  return [...defaults, ...Object.entries(withoutEffect)].map(([name, otherwise]) => ({
    name,
    value: configs[name] ?? otherwise,
    isDefault: configs[name] === undefined,
  }))
}

/**
 * Refuse names that Kafka does not know and values that this broker could not follow. Gives the names that are taken
 * and kept but change nothing here, such as a retention: records stay until they are deleted.
 */
export function checkTopicConfigs(configs: TopicConfigs): { readonly ignored: readonly string[] } {
  const ignored: string[] = []
  for (const [name, value] of Object.entries(configs)) {
    const rule = Object.hasOwn(effective, name) ? effective[name] : undefined
    if (rule && (!rule.allowed.test(value) || Number(value) < (rule.min ?? 0))) {
      throw new Refusal(ErrorCode.INVALID_CONFIG, `${name} cannot be ${JSON.stringify(value)}`)
    }
    if (rule) continue
    if (!Object.hasOwn(withoutEffect, name))
      throw new Refusal(ErrorCode.INVALID_CONFIG, `unknown topic setting ${name}`)
    if (value !== withoutEffect[name]) ignored.push(name)
  }
  return { ignored }
}

export function logSettings(configs: TopicConfigs): LogSettings {
  const settingOf = (name: string) => configs[name] ?? effective[name]!.otherwise
  return {
    segmentBytes: Number(settingOf('segment.bytes')),
    maxBatchBytes: Number(settingOf('max.message.bytes')),
    logAppendTime: settingOf('message.timestamp.type') === 'LogAppendTime',
  }
}
