import { messageOf } from '../../errors.ts'
import { ErrorCode, Refusal, refusalOf } from '../error-codes.ts'
import { describeTopicConfigs, type TopicConfigs } from '../topic-configs.ts'
import type { Topic } from '../topics.ts'
import {
  array,
  between,
  boolean,
  int8,
  int16,
  int32,
  int64,
  NO_UUID,
  nullableArray,
  nullableString,
  since,
  string,
  struct,
  uuid,
} from '../wire.ts'
import { api, type Broker, byTopic, mapPartitions } from './api.ts'

export const createTopics = api({
  key: 19,
  name: 'CreateTopics',
  versions: [0, 7],
  flexibleSince: 5,
  request: struct({
    topics: array(
      struct({
        name: string,
        partitions: int32, // -1: the default
        replicationFactor: int16,
        assignments: array(struct({ partition: int32, nodeIds: array(int32) })),
        configs: array(struct({ name: string, value: nullableString })),
      }),
    ),
    timeoutMs: int32,
    validateOnly: since(1, boolean, false),
  }),
  response: struct({
    throttleTimeMs: since(2, int32, 0),
    topics: array(
      struct({
        name: string,
        id: since(7, uuid, NO_UUID),
        errorCode: int16,
        errorMessage: since(1, nullableString, null),
        partitions: since(5, int32, -1),
        replicationFactor: since(5, int16, -1),
        configs: since(
          5,
          nullableArray(
            struct({
              ...{ name: string, value: nullableString, readOnly: boolean },
              ...{ source: int8, isSensitive: boolean },
            }),
          ),
          null,
        ),
      }),
    ),
  }),
  handle: ({ topics, validateOnly }, { broker }) => ({
    topics: topics.map(({ name, partitions, replicationFactor, assignments, configs: pairs }) => {
      try {
        if (replicationFactor !== 1 && replicationFactor !== -1) {
          throw new Refusal(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            'the embedded broker is one node: replication factor 1',
          )
        }
        if (assignments.length > 0) throw ASSIGNED_HERE
        const count = partitions === -1 ? broker.defaultPartitions : partitions
        const configs = configsOf(pairs)
        if (validateOnly) broker.topics.checkCreation(name, count, configs)
        const id = validateOnly ? NO_UUID : broker.topics.create(name, count, configs).id
        return {
          ...{ name, id, errorCode: ErrorCode.NONE, partitions: count, replicationFactor: 1 },
          configs: describeTopicConfigs(configs).map(({ name, value, isDefault }) => ({
            ...{ name, value, readOnly: false, source: sourceOf(isDefault), isSensitive: false },
          })),
        }
      } catch (error) {
        return { name, ...refusalOf(error) }
      }
    }),
  }),
})

export const deleteTopics = api({
  key: 20,
  name: 'DeleteTopics',
  versions: [0, 6],
  flexibleSince: 4,
  request: struct({
    topics: since(6, array(struct({ name: nullableString, id: uuid })), []),
    names: between(0, 5, array(string), []),
    timeoutMs: int32,
  }),
  response: struct({
    throttleTimeMs: since(1, int32, 0),
    topics: array(
      struct({
        name: nullableString, // not null below version 6
        id: since(6, uuid, NO_UUID),
        errorCode: int16,
        errorMessage: since(5, nullableString, null),
      }),
    ),
  }),
  handle: ({ topics, names }, { broker }) => ({
    topics: [...topics, ...names.map((name) => ({ name, id: NO_UUID }))].map(({ name, id }) => {
      try {
        const topic = name === null ? broker.topics.getById(id) : broker.topics.get(name)
        if (!topic && name === null)
          throw new Refusal(ErrorCode.UNKNOWN_TOPIC_ID, 'there is no topic with this id')
        const { name: deleted, id: deletedId } = existing(topic)
        storing(() => broker.offsets.deleteTopic(deleted))
        broker.topics.delete(topic!)
        return { name: deleted, id: deletedId, errorCode: ErrorCode.NONE }
      } catch (error) {
        return { name, id, ...refusalOf(error) }
      }
    }),
  }),
})

export const createPartitions = api({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexibleSince: 2,
  request: struct({
    topics: array(
      struct({
        name: string,
        count: int32, // in all
        assignments: nullableArray(struct({ nodeIds: array(int32) })),
      }),
    ),
    timeoutMs: int32,
    validateOnly: boolean,
  }),
  response: struct({
    throttleTimeMs: since(0, int32, 0),
    topics: array(struct({ name: string, errorCode: int16, errorMessage: since(0, nullableString, null) })),
  }),
  handle: ({ topics, validateOnly }, { broker }) => ({
    topics: topics.map(({ name, count, assignments }) => {
      try {
        const topic = existing(broker.topics.get(name))
        if (assignments?.length) throw ASSIGNED_HERE
        if (validateOnly) broker.topics.checkPartitions(topic, count)
        else broker.topics.addPartitions(topic, count)
        return { name, errorCode: ErrorCode.NONE }
      } catch (error) {
        return { name, ...refusalOf(error) }
      }
    }),
  }),
})

const ASSIGNED_HERE = new Refusal(
  ErrorCode.INVALID_REPLICA_ASSIGNMENT,
  'the embedded broker is one node: leave the assignment of partitions to it',
)

/** Make the records below an offset unreadable; -1 is all there are. */
export const deleteRecords = api({
  key: 21,
  name: 'DeleteRecords',
  versions: [0, 2],
  flexibleSince: 2,
  request: struct({ topics: byTopic({ index: int32, offset: int64 }), timeoutMs: int32 }),
  response: struct({
    throttleTimeMs: since(0, int32, 0),
    topics: byTopic({ index: int32, lowWatermark: int64, errorCode: int16 }),
  }),
  handle: ({ topics }, { broker }) => ({
    topics: mapPartitions(topics, ({ topic, index, offset: before }) => {
      try {
        const log = broker.topics.partition(topic, index)
        const offset = before === -1 ? log.endOffset : before
        if (offset < 0 || offset > log.endOffset) {
          throw new Refusal(ErrorCode.OFFSET_OUT_OF_RANGE, `offset ${offset} is above ${log.endOffset}`)
        }
        if (offset > log.startOffset) broker.topics.deleteRecords(broker.topics.get(topic)!, index, offset)
        return { index, lowWatermark: log.startOffset, errorCode: ErrorCode.NONE }
      } catch (error) {
        return { index, lowWatermark: -1, ...refusalOf(error) }
      }
    }),
  }),
})

const TOPIC = 2
const BROKER = 4

export const describeConfigs = api({
  key: 32,
  name: 'DescribeConfigs',
  versions: [0, 4],
  flexibleSince: 4,
  request: struct({
    resources: array(struct({ type: int8, name: string, keys: nullableArray(string) })),
    includeSynonyms: since(1, boolean, false),
    includeDocumentation: since(3, boolean, false),
  }),
  response: struct({
    throttleTimeMs: since(0, int32, 0),
    resources: array(
      struct({
        errorCode: int16,
        errorMessage: since(0, nullableString, null),
        type: int8,
        name: string,
        configs: array(
          struct({
            name: string,
            value: nullableString,
            readOnly: boolean,
            isDefault: between(0, 0, boolean, false),
            source: since(1, int8, -1),
            isSensitive: since(0, boolean, false),
            synonyms: since(1, array(struct({ name: string, value: nullableString, source: int8 })), []),
            type: since(3, int8, 0), // unknown
            documentation: since(3, nullableString, null),
          }),
        ),
      }),
    ),
  }),
  handle: ({ resources }, { broker }) => {
    const configsOfResource = (type: number, name: string) => {
      if (type === TOPIC) return describeTopicConfigs(existing(broker.topics.get(name)).configs)
      if (type === BROKER && (name === '' || name === String(broker.nodeId)))
        return describeBrokerConfigs(broker)
      throw new Refusal(
        ErrorCode.INVALID_REQUEST,
        `resource type ${type} named ${JSON.stringify(name)} has no settings`,
      )
    }
    return {
      resources: resources.map(({ type, name, keys }) => {
        try {
          const configs = configsOfResource(type, name)
            .filter((config) => keys === null || keys.includes(config.name))
            .map(({ name, value, isDefault }) => ({
              ...{ name, value, isDefault, readOnly: type === BROKER, source: sourceOf(isDefault) },
            }))
          return { errorCode: ErrorCode.NONE, type, name, configs }
        } catch (error) {
          return { type, name, configs: [], ...refusalOf(error) }
        }
      }),
    }
  },
})

/** Replace all overrides of a topic. */
export const alterConfigs = api({
  key: 33,
  name: 'AlterConfigs',
  versions: [0, 2],
  flexibleSince: 2,
  request: struct({
    resources: array(
      struct({ type: int8, name: string, configs: array(struct({ name: string, value: nullableString })) }),
    ),
    validateOnly: boolean,
  }),
  response: struct({
    throttleTimeMs: since(0, int32, 0),
    resources: array(
      struct({ errorCode: int16, errorMessage: since(0, nullableString, null), type: int8, name: string }),
    ),
  }),
  handle: ({ resources, validateOnly }, { broker }) => ({
    resources: resources.map(({ type, name, configs }) => {
      try {
        if (type !== TOPIC)
          throw new Refusal(ErrorCode.INVALID_REQUEST, 'only the settings of topics can be changed')
        broker.topics.setConfigs(existing(broker.topics.get(name)), configsOf(configs), validateOnly)
        return { type, name, errorCode: ErrorCode.NONE }
      } catch (error) {
        return { type, name, ...refusalOf(error) }
      }
    }),
  }),
})

const describeBrokerConfigs = (broker: Broker) =>
  Object.entries({
    'advertised.listeners': `PLAINTEXT://${broker.host}:${broker.port()}`,
    'auto.create.topics.enable': String(broker.autoCreateTopics),
    'broker.id': String(broker.nodeId),
    'default.replication.factor': '1',
    'num.partitions': String(broker.defaultPartitions),
  }).map(([name, value]) => ({ name, value, isDefault: false }))

/** 1: set for this topic, 5: default. */
const sourceOf = (isDefault: boolean) => (isDefault ? 5 : 1)

function configsOf(pairs: readonly { readonly name: string; readonly value: string | null }[]): TopicConfigs {
  return Object.fromEntries(
    pairs.map(({ name, value }) => {
      if (value === null) throw new Refusal(ErrorCode.INVALID_CONFIG, `${name} has no value`)
      return [name, value]
    }),
  )
}

function existing(topic: Topic | undefined): Topic {
  if (!topic) throw new Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'there is no such topic')
  return topic
}

function storing(action: () => void): void {
  try {
    action()
  } catch (error) {
    throw new Refusal(ErrorCode.KAFKA_STORAGE_ERROR, messageOf(error))
  }
}
