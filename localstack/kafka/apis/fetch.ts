import { ErrorCode, refusalOf } from '../error-codes.ts'
import type { PartitionLog } from '../partition-log.ts'
import {
  array,
  int8,
  int16,
  int32,
  int64,
  nullableArray,
  nullableBytes,
  type Read,
  since,
  string,
  struct,
} from '../wire.ts'
import { api, type Broker, byTopic, mapPartitions } from './api.ts'

/** However much a client asks for, one answer has at most this many bytes, or one batch. */
const MAX_RESPONSE_BYTES = 55 * 1024 * 1024

const request = struct({
  replicaId: int32,
  maxWaitMs: int32,
  minBytes: int32,
  maxBytes: since(3, int32, MAX_RESPONSE_BYTES),
  isolationLevel: since(4, int8, 0),
  sessionId: since(7, int32, 0),
  sessionEpoch: since(7, int32, -1),
  topics: byTopic({
    index: int32,
    currentLeaderEpoch: since(9, int32, -1),
    fetchOffset: int64,
    lastFetchedEpoch: since(12, int32, -1),
    logStartOffset: since(5, int64, -1),
    maxBytes: int32,
  }),
  forgottenTopics: since(7, array(struct({ name: string, partitions: array(int32) })), []),
  rackId: since(11, string, ''),
})

export const fetchResponse = struct({
  throttleTimeMs: since(1, int32, 0),
  errorCode: since(7, int16, 0),
  sessionId: since(7, int32, 0), // 0: no session was opened, every request names all its partitions
  topics: byTopic({
    index: int32,
    errorCode: int16,
    highWatermark: int64,
    lastStableOffset: since(4, int64, -1),
    logStartOffset: since(5, int64, -1),
    abortedTransactions: since(4, nullableArray(struct({ producerId: int64, firstOffset: int64 })), null),
    preferredReadReplica: since(11, int32, -1),
    records: nullableBytes,
  }),
})

/**
 * Read record batches as they stand in the files. With less than `minBytes` at hand the answer waits, for `maxWaitMs` at
 * most, and goes out in the moment in which enough was appended. `maxBytes` is kept in total and for each partition,
 * except that a first batch that alone is larger is sent whole, or its reader could never go on.
 */
export const fetch = api({
  key: 1,
  name: 'Fetch',
  versions: [4, 12],
  flexibleSince: 12,
  request,
  response: fetchResponse,
  handle: async (wanted, { broker, signal }) => {
    const now = readAll(wanted, broker)
    const missing = wanted.minBytes - now.sizeBytes
    if (missing <= 0 || wanted.maxWaitMs <= 0 || now.refused || now.logs.length === 0)
      return { topics: now.topics }
    await waitForBytes(now.logs, missing, wanted.maxWaitMs, signal)
    return { topics: readAll(wanted, broker).topics }
  },
})

function readAll(wanted: Read<typeof request>, { topics }: Broker) {
  const limit = Math.min(wanted.maxBytes, MAX_RESPONSE_BYTES)
  const logs: PartitionLog[] = []
  let sizeBytes = 0
  let refused = false
  const answers = mapPartitions(wanted.topics, ({ topic, index, fetchOffset, maxBytes }) => {
    try {
      const log = topics.partition(topic, index)
      const room = Math.max(0, Math.min(maxBytes, limit - sizeBytes))
      const records = log.read(fetchOffset, room, sizeBytes === 0)
      logs.push(log)
      sizeBytes += records.length
      return {
        ...{ index, errorCode: ErrorCode.NONE, records },
        ...{ highWatermark: log.endOffset, lastStableOffset: log.endOffset, logStartOffset: log.startOffset },
      }
    } catch (error) {
      refused = true
      return { index, highWatermark: -1, records: Buffer.alloc(0), ...refusalOf(error) }
    }
  })
  return { topics: answers, logs, sizeBytes, refused }
}

function waitForBytes(logs: readonly PartitionLog[], bytes: number, timeoutMs: number, signal: AbortSignal) {
  if (signal.aborted) return
  return new Promise<void>((resolve) => {
    let missing = bytes
    const stopListening = logs.map((log) =>
      log.onAppend((sizeBytes) => {
        missing -= sizeBytes
        if (missing <= 0) done()
      }),
    )
    const timer = setTimeout(done, timeoutMs)
    signal.addEventListener('abort', done)
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      for (const stop of stopListening) stop()
      resolve()
    }
  })
}
