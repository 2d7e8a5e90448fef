import { messageOf } from '../../errors.ts'
import { ErrorCode } from '../error-codes.ts'
import { Group } from '../group.ts'
import {
  array,
  between,
  boolean,
  bytes,
  int16,
  int32,
  int64,
  nullableArray,
  nullableString,
  since,
  string,
  struct,
} from '../wire.ts'
import { api, type Broker, byTopic, mapPartitions } from './api.ts'

/** Kafka's offset.metadata.max.bytes. */
const MAX_METADATA_BYTES = 4096
const ANY_OPERATION = -2_147_483_648

export const joinGroup = api({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 6],
  flexibleSince: 6,
  request: struct({
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: since(1, int32, -1),
    memberId: string,
    groupInstanceId: since(5, nullableString, null),
    protocolType: string,
    protocols: array(struct({ name: string, metadata: bytes })),
  }),
  response: struct({
    throttleTimeMs: since(2, int32, 0),
    errorCode: int16,
    generationId: int32,
    protocolName: string,
    leader: string,
    memberId: string,
    members: array(
      struct({ memberId: string, groupInstanceId: since(5, nullableString, null), metadata: bytes }),
    ),
  }),
  handle: (request, { broker, version, clientId, clientHost, signal }) => {
    if (signal.aborted) return { ...NO_GENERATION, errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE }
    if (request.groupId === '') return { ...NO_GENERATION, errorCode: ErrorCode.INVALID_GROUP_ID }
    let group = broker.groups.get(request.groupId)
    if (!group) {
      if (request.memberId !== '') {
        return { ...NO_GENERATION, memberId: request.memberId, errorCode: ErrorCode.UNKNOWN_MEMBER_ID }
      }
      group = new Group(request.groupId)
      broker.groups.set(request.groupId, group)
    }
    return group.join({
      ...{ ...request, clientId, clientHost, knowsRequiredMemberId: version >= 4 },
      rebalanceTimeoutMs: version === 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
      protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
    })
  },
})

const NO_GENERATION = { generationId: -1, protocolName: '', leader: '', memberId: '', members: [] }

export const syncGroup = api({
  key: 14,
  name: 'SyncGroup',
  versions: [0, 4],
  flexibleSince: 4,
  request: struct({
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(3, nullableString, null),
    assignments: array(struct({ memberId: string, assignment: bytes })),
  }),
  response: struct({ throttleTimeMs: since(1, int32, 0), errorCode: int16, assignment: bytes }),
  handle: ({ groupId, generationId, memberId, groupInstanceId, assignments }, { broker }) =>
    broker.groups.get(groupId)?.sync(memberId, groupInstanceId, generationId, assignments) ?? {
      errorCode: ErrorCode.UNKNOWN_MEMBER_ID,
      assignment: Buffer.alloc(0),
    },
})

export const heartbeat = api({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexibleSince: 4,
  request: struct({
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(3, nullableString, null),
  }),
  response: struct({ throttleTimeMs: since(1, int32, 0), errorCode: int16 }),
  handle: ({ groupId, generationId, memberId, groupInstanceId }, { broker }) => ({
    errorCode:
      broker.groups.get(groupId)?.heartbeat(memberId, groupInstanceId, generationId) ??
      ErrorCode.UNKNOWN_MEMBER_ID,
  }),
})

export const leaveGroup = api({
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 4],
  flexibleSince: 4,
  request: struct({
    groupId: string,
    memberId: between(0, 2, string, ''),
    members: since(3, array(struct({ memberId: string, groupInstanceId: nullableString })), []),
  }),
  response: struct({
    throttleTimeMs: since(1, int32, 0),
    errorCode: int16,
    members: since(
      3,
      array(struct({ memberId: string, groupInstanceId: nullableString, errorCode: int16 })),
      [],
    ),
  }),
  handle: ({ groupId, memberId, members }, { broker, version }) => {
    const leave = (id: string, instance: string | null) =>
      broker.groups.get(groupId)?.leave(id, instance) ?? ErrorCode.UNKNOWN_MEMBER_ID
    if (version < 3) return { errorCode: leave(memberId, null) }
    return {
      errorCode: ErrorCode.NONE,
      members: members.map((m) => ({ ...m, errorCode: leave(m.memberId, m.groupInstanceId) })),
    }
  },
})

/** An answer without an error means that the offsets are in the journal. */
export const offsetCommit = api({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 8],
  flexibleSince: 8,
  request: struct({
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(7, nullableString, null),
    retentionTimeMs: between(2, 4, int64, -1),
    topics: byTopic({
      index: int32,
      offset: int64,
      leaderEpoch: since(6, int32, -1),
      metadata: nullableString,
    }),
  }),
  response: struct({
    throttleTimeMs: since(3, int32, 0),
    topics: byTopic({ index: int32, errorCode: int16 }),
  }),
  handle: ({ groupId, generationId, memberId, groupInstanceId, topics }, { broker }) => {
    const group = broker.groups.get(groupId)
    let refusal: ErrorCode = ErrorCode.NONE
    if (groupId === '') refusal = ErrorCode.INVALID_GROUP_ID
    else if (group) refusal = group.checkCommit(memberId, groupInstanceId, generationId)
    else if (generationId >= 0) refusal = ErrorCode.ILLEGAL_GENERATION

    const judge = (topic: string, index: number, offset: number, metadata: string | null): ErrorCode => {
      if (refusal !== ErrorCode.NONE) return refusal
      if (!broker.topics.get(topic)?.partitions[index]) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      if (Buffer.byteLength(metadata ?? '') > MAX_METADATA_BYTES) return ErrorCode.OFFSET_METADATA_TOO_LARGE
      return Number.isSafeInteger(offset) ? ErrorCode.NONE : ErrorCode.INVALID_REQUEST
    }
    const judged = mapPartitions(topics, (p) => ({
      ...p,
      errorCode: judge(p.topic, p.index, p.offset, p.metadata),
    }))
    const accepted = judged
      .flatMap(({ partitions }) => partitions)
      .filter(({ errorCode }) => errorCode === ErrorCode.NONE)
      .map(({ index, ...commit }) => ({ ...commit, partition: index }))
    try {
      broker.offsets.commit(groupId, accepted)
      return { topics: judged }
    } catch (error) {
      broker.topics.writes.failed(error)
      const failed = (code: ErrorCode) => code || ErrorCode.COORDINATOR_NOT_AVAILABLE
      return {
        topics: mapPartitions(judged, ({ index, errorCode }) => ({ index, errorCode: failed(errorCode) })),
      }
    }
  },
})

const fetchedOffsets = byTopic({
  index: int32,
  offset: int64, // -1: none was committed
  leaderEpoch: since(5, int32, -1),
  metadata: nullableString,
  errorCode: int16,
})
const wantedOffsets = nullableArray(struct({ name: string, partitionIndexes: array(int32) })) // null: all

export const offsetFetch = api({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 8],
  flexibleSince: 6,
  request: struct({
    groupId: between(0, 7, string, ''),
    topics: between(0, 7, wantedOffsets, null),
    groups: since(8, array(struct({ groupId: string, topics: wantedOffsets })), []),
    requireStable: since(7, boolean, false),
  }),
  response: struct({
    throttleTimeMs: since(3, int32, 0),
    topics: between(0, 7, fetchedOffsets, []),
    errorCode: between(2, 7, int16, 0),
    groups: since(
      8,
      array(struct({ groupId: string, topics: fetchedOffsets, errorCode: since(8, int16, 0) })),
      [],
    ),
  }),
  handle: ({ groupId, topics, groups }, { broker: { offsets }, version }) => {
    const find = (group: string, wanted: typeof topics) =>
      (wanted ?? offsets.all(group)).map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((index) => ({
          ...{ index, errorCode: ErrorCode.NONE },
          ...(offsets.get(group, name, index) ?? { offset: -1, leaderEpoch: -1, metadata: '' }),
        })),
      }))
    if (version < 8) return { topics: find(groupId, topics) }
    return { groups: groups.map(({ groupId, topics }) => ({ groupId, topics: find(groupId, topics) })) }
  },
})

export const describeGroups = api({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 5],
  flexibleSince: 5,
  request: struct({ groups: array(string), includeAuthorizedOperations: since(3, boolean, false) }),
  response: struct({
    throttleTimeMs: since(1, int32, 0),
    groups: array(
      struct({
        errorCode: int16,
        groupId: string,
        state: string,
        protocolType: string,
        protocol: string,
        members: array(
          struct({
            memberId: string,
            groupInstanceId: since(4, nullableString, null),
            clientId: string,
            clientHost: string,
            memberMetadata: bytes,
            memberAssignment: bytes,
          }),
        ),
        authorizedOperations: since(3, int32, ANY_OPERATION),
      }),
    ),
  }),
  handle: ({ groups }, { broker }) => ({
    groups: groups.map((groupId) => {
      const group = broker.groups.get(groupId)
      return {
        ...{ errorCode: ErrorCode.NONE, groupId, state: stateOf(broker, groupId) },
        ...{ protocolType: group?.protocolType ?? '', protocol: group?.protocolName ?? '' },
        members: group?.members() ?? [],
      }
    }),
  }),
})

export const listGroups = api({
  key: 16,
  name: 'ListGroups',
  versions: [0, 4],
  flexibleSince: 3,
  request: struct({ states: since(4, array(string), []) }),
  response: struct({
    throttleTimeMs: since(1, int32, 0),
    errorCode: int16,
    groups: array(struct({ groupId: string, protocolType: string, state: since(4, string, '') })),
  }),
  handle: ({ states }, { broker }) => ({
    errorCode: ErrorCode.NONE,
    groups: [...new Set([...broker.groups.keys(), ...broker.offsets.groupIds()])]
      .map((groupId) => ({
        ...{ groupId, state: stateOf(broker, groupId) },
        protocolType: broker.groups.get(groupId)?.protocolType ?? '',
      }))
      .filter(({ state }) => states.length === 0 || states.includes(state)),
  }),
})

export const deleteGroups = api({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexibleSince: 2,
  request: struct({ groups: array(string) }),
  response: struct({
    throttleTimeMs: since(0, int32, 0),
    groups: array(struct({ groupId: string, errorCode: int16 })),
  }),
  handle: ({ groups }, { broker }) => {
    const remove = (groupId: string): ErrorCode => {
      const group = broker.groups.get(groupId)
      if (!group && !broker.offsets.has(groupId)) return ErrorCode.GROUP_ID_NOT_FOUND
      if (group && !group.isEmpty) return ErrorCode.NON_EMPTY_GROUP
      try {
        broker.offsets.deleteGroup(groupId)
      } catch (error) {
        broker.log(`kafka: cannot delete group ${JSON.stringify(groupId)}: ${messageOf(error)}`)
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
      }
      group?.close()
      broker.groups.delete(groupId)
      return ErrorCode.NONE
    }
    return { groups: groups.map((groupId) => ({ groupId, errorCode: remove(groupId) })) }
  },
})

const stateOf = ({ groups, offsets }: Broker, groupId: string): string =>
  groups.get(groupId)?.state ?? (offsets.has(groupId) ? 'Empty' : 'Dead')
