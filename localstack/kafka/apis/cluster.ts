import { ErrorCode, Refusal, refusalOf } from '../error-codes.ts'
import {
  array,
  between,
  boolean,
  int8,
  int16,
  int32,
  int64,
  nullableArray,
  nullableString,
  since,
  string,
  struct,
} from '../wire.ts'
import { API_VERSIONS_KEY, type Api, api, type Broker } from './api.ts'

/** "Not given": nobody needs permission here. */
const ANY_OPERATION = -2_147_483_648
const LEADER_EPOCH = 0

/** Which versions of which requests are served. A version that is not served itself is answered in the form of version 0. */
export const apiVersions = (apis: () => readonly Api[]): Api =>
  api({
    key: API_VERSIONS_KEY,
    name: 'ApiVersions',
    versions: [0, 3],
    flexibleSince: 3,
    request: struct({ softwareName: since(3, string, ''), softwareVersion: since(3, string, '') }),
    response: apiVersionsResponse,
    handle: () => ({ errorCode: ErrorCode.NONE, apis: served(apis()) }),
  })

const apiVersionsResponse = struct({
  errorCode: int16,
  apis: array(struct({ key: int16, first: int16, last: int16 })),
  throttleTimeMs: since(1, int32, 0),
})

const served = (apis: readonly Api[]) =>
  apis.map(({ key, versions: [first, last] }) => ({ key, first, last })).sort((a, b) => a.key - b.key)

/** What a client that opens with a newer ApiVersions understands: error 35 and the versions, in the form of version 0. */
export const unsupportedApiVersions = (apis: readonly Api[]): Api =>
  api({
    key: API_VERSIONS_KEY,
    name: 'ApiVersions',
    versions: [0, 0],
    request: struct({}),
    response: apiVersionsResponse,
    handle: () => ({ errorCode: ErrorCode.UNSUPPORTED_VERSION, apis: served(apis) }),
  })

/** The one broker and the topics asked for, or all; topics that do not exist are made when both sides allow it. */
export const metadata = api({
  key: 3,
  name: 'Metadata',
  versions: [0, 9],
  flexibleSince: 9,
  request: struct({
    topics: nullableArray(struct({ name: string })), // null is all; in version 0 an empty list is all
    allowAutoTopicCreation: since(4, boolean, true),
    includeClusterAuthorizedOperations: between(8, 10, boolean, false),
    includeTopicAuthorizedOperations: since(8, boolean, false),
  }),
  response: struct({
    throttleTimeMs: since(3, int32, 0),
    brokers: array(
      struct({ nodeId: int32, host: string, port: int32, rack: since(1, nullableString, null) }),
    ),
    clusterId: since(2, nullableString, null),
    controllerId: since(1, int32, -1),
    topics: array(
      struct({
        errorCode: int16,
        name: string,
        isInternal: since(1, boolean, false),
        partitions: array(
          struct({
            errorCode: int16,
            index: int32,
            leaderId: int32,
            leaderEpoch: since(7, int32, -1),
            replicas: array(int32),
            inSyncReplicas: array(int32),
            offlineReplicas: since(5, array(int32), []),
          }),
        ),
        authorizedOperations: since(8, int32, ANY_OPERATION),
      }),
    ),
    clusterAuthorizedOperations: between(8, 10, int32, ANY_OPERATION),
  }),
  handle: ({ topics: wanted, allowAutoTopicCreation }, { broker, version }) => {
    const { topics, nodeId } = broker
    const describe = (name: string) => {
      const existing = topics.get(name)
      try {
        if (!existing && !(allowAutoTopicCreation && broker.autoCreateTopics)) {
          topics.checkCreation(name, 1, {})
          throw new Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic ${name}`)
        }
        const { partitions } = existing ?? topics.create(name, broker.defaultPartitions)
        return {
          ...{ errorCode: ErrorCode.NONE, name },
          partitions: partitions.map((_, index) => ({
            ...{ errorCode: ErrorCode.NONE, index, leaderId: nodeId, leaderEpoch: LEADER_EPOCH },
            ...{ replicas: [nodeId], inSyncReplicas: [nodeId] },
          })),
        }
      } catch (error) {
        return { name, partitions: [], ...refusalOf(error) }
      }
    }
    const all = wanted === null || (version === 0 && wanted.length === 0)
    const names = all ? topics.all().map(({ name }) => name) : wanted.map(({ name }) => name)
    return {
      brokers: [thisNode(broker)],
      ...{ clusterId: topics.clusterId, controllerId: nodeId },
      topics: [...new Set(names)].map(describe),
    }
  },
})

/** Every group and producer finds its coordinator here; transactions have none. */
export const findCoordinator = api({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 4],
  flexibleSince: 3,
  request: struct({
    key: between(0, 3, string, ''),
    keyType: since(1, int8, 0),
    keys: since(4, array(string), []),
  }),
  response: struct({
    throttleTimeMs: since(1, int32, 0),
    errorCode: between(0, 3, int16, 0),
    errorMessage: between(1, 3, nullableString, null),
    nodeId: between(0, 3, int32, -1),
    host: between(0, 3, string, ''),
    port: between(0, 3, int32, -1),
    coordinators: since(
      4,
      array(
        struct({
          ...{ key: string, nodeId: int32, host: string, port: int32 },
          ...{ errorCode: int16, errorMessage: nullableString },
        }),
      ),
      [],
    ),
  }),
  handle: ({ keyType, keys }, { broker }) => {
    const found =
      keyType === 0
        ? { ...thisNode(broker), errorCode: ErrorCode.NONE, errorMessage: null }
        : { nodeId: -1, host: '', port: -1, ...NO_TRANSACTIONS }
    return { ...found, coordinators: keys.map((key) => ({ key, ...found })) }
  },
})

/** A producer id for an idempotent producer, different from every one before. */
export const initProducerId = api({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 4],
  flexibleSince: 2,
  request: struct({
    transactionalId: nullableString,
    transactionTimeoutMs: int32,
    producerId: since(3, int64, -1),
    producerEpoch: since(3, int16, -1),
  }),
  response: struct({
    throttleTimeMs: since(0, int32, 0),
    errorCode: int16,
    producerId: since(0, int64, -1),
    producerEpoch: since(0, int16, -1),
  }),
  handle: ({ transactionalId }, { broker }) => {
    if (transactionalId !== null) return NO_TRANSACTIONS
    try {
      return { errorCode: ErrorCode.NONE, producerId: broker.topics.nextProducerId(), producerEpoch: 0 }
    } catch (error) {
      return refusalOf(error)
    }
  },
})

const NO_TRANSACTIONS = {
  errorCode: ErrorCode.UNSUPPORTED_VERSION,
  errorMessage: 'the embedded broker has no transactions',
}

const thisNode = ({ nodeId, host, port }: Broker) => ({ nodeId, host, port: port() })
