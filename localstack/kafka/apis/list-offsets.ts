import { ErrorCode, refusalOf } from '../error-codes.ts'
import { array, between, int8, int16, int32, int64, since, struct } from '../wire.ts'
import { api, byTopic, mapPartitions } from './api.ts'

const LATEST = -1
const EARLIEST = -2

/** The first offset, the next offset, or the first record at or after a time; offset -1 when there is no such record. */
export const listOffsets = api({
  key: 2,
  name: 'ListOffsets',
  versions: [0, 6],
  flexibleSince: 6,
  request: struct({
    replicaId: int32,
    isolationLevel: since(2, int8, 0),
    topics: byTopic({
      index: int32,
      currentLeaderEpoch: since(4, int32, -1),
      timestamp: int64,
      maxOffsets: between(0, 0, int32, 1),
    }),
  }),
  response: struct({
    throttleTimeMs: since(2, int32, 0),
    topics: byTopic({
      index: int32,
      errorCode: int16,
      offsets: between(0, 0, array(int64), []),
      timestamp: since(1, int64, -1),
      offset: since(1, int64, -1),
      leaderEpoch: since(4, int32, -1),
    }),
  }),
  handle: ({ topics }, { broker }) => ({
    topics: mapPartitions(topics, ({ topic, index, timestamp }) => {
      try {
        const log = broker.topics.partition(topic, index)
        if (timestamp === LATEST) return at(index, log.endOffset)
        if (timestamp === EARLIEST) return at(index, log.startOffset)
        const found = log.findByTime(timestamp)
        return found ? at(index, found.offset, found.timestampMs) : { index, errorCode: ErrorCode.NONE }
      } catch (error) {
        return { index, ...refusalOf(error) }
      }
    }),
  }),
})

const at = (index: number, offset: number, timestamp = -1) => ({
  ...{ index, errorCode: ErrorCode.NONE, timestamp, offset },
  ...{ offsets: [offset], leaderEpoch: 0 },
})
