import { ErrorCode, Refusal, refusalOf } from '../error-codes.ts'
import { array, int16, int32, int64, nullableBytes, nullableString, since, struct } from '../wire.ts'
import { api, byTopic, mapPartitions } from './api.ts'

/**
 * Append one record batch to each partition named. An answer means that the operating system has the bytes; acks 1 and
 * -1 are the same with one replica, and acks 0 gets no answer at all.
 */
export const produce = api({
  key: 0,
  name: 'Produce',
  versions: [3, 9],
  flexibleSince: 9,
  request: struct({
    transactionalId: since(3, nullableString, null),
    acks: int16,
    timeoutMs: int32,
    topics: byTopic({ index: int32, records: nullableBytes }),
  }),
  response: struct({
    topics: byTopic({
      index: int32,
      errorCode: int16,
      baseOffset: int64,
      logAppendTimeMs: since(2, int64, -1),
      logStartOffset: since(5, int64, -1),
      recordErrors: since(8, array(struct({ batchIndex: int32, message: nullableString })), []),
      errorMessage: since(8, nullableString, null),
    }),
    throttleTimeMs: since(1, int32, 0),
  }),
  handle: ({ acks, topics }, { broker }) => {
    const answers = mapPartitions(topics, ({ topic, index, records }) => {
      try {
        const log = broker.topics.partition(topic, index)
        if (acks < -1 || acks > 1)
          throw new Refusal(ErrorCode.INVALID_REQUIRED_ACKS, `acks cannot be ${acks}`)
        const appended = log.append(records)
        return { index, errorCode: ErrorCode.NONE, ...appended, logStartOffset: log.startOffset }
      } catch (error) {
        return { index, baseOffset: -1, ...refusalOf(error) }
      }
    })
    return acks === 0 ? undefined : { topics: answers }
  },
})
