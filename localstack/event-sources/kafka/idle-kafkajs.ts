// @ts-expect-error: kafkajs has no types for its inner modules. The version is pinned.
import UntypedRequestQueue from 'kafkajs/src/network/requestQueue/index.js'

type RequestQueue = { readonly pending: readonly unknown[]; scheduleCheckPendingRequests(): void }

/**
 * Stops kafkajs 2.2's timer that fires every millisecond, on every connection, as long as nothing is to be sent: an
 * idle mapping would take 4 % of a core, and Node 24 warns of its negative delay. What does wait to be sent still
 * schedules its check, as before. For all of kafkajs in this process.
 * https://github.com/tulios/kafkajs/issues/1704
 */
export function idleKafkajs(): void {
  const { prototype } = UntypedRequestQueue as { prototype: RequestQueue & { idle?: true } }
  if (prototype.idle || typeof prototype.scheduleCheckPendingRequests !== 'function') return
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.idle = true
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this)
  }
}
