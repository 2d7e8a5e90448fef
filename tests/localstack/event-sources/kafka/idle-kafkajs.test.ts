// @ts-expect-error: kafkajs has no types for its inner modules
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js'
import { expect, it } from 'vitest'
import { idleKafkajs } from '#localstack/event-sources/kafka/idle-kafkajs.ts'

const queue = (pending: unknown[]) => ({
  pending,
  throttledUntil: -1,
  throttleCheckTimeoutId: null as NodeJS.Timeout | null,
  checkPendingRequests: () => {},
})

it('a connection with nothing to send sets no timer; one that has something still does', () => {
  idleKafkajs()
  idleKafkajs() // twice is once
  const [idle, busy] = [queue([]), queue(['a request'])]
  for (const one of [idle, busy]) RequestQueue.prototype.scheduleCheckPendingRequests.call(one)
  expect(idle.throttleCheckTimeoutId).toBe(null)
  expect(busy.throttleCheckTimeoutId).not.toBe(null)
  clearTimeout(busy.throttleCheckTimeoutId ?? undefined)
})
