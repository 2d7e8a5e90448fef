import { describe, expect, it } from 'vitest'
import {
  type AsyncQueueOptions,
  aboutEvent,
  type GivenUp,
  makeAsyncQueue,
} from '#localstack/event-sources/async-queue.ts'
import { scaledClock } from '#localstack/event-sources/clock.ts'
import { seededRandom } from '#localstack/event-sources/seeded-random.ts'
import type { InvokeResult } from '#localstack/lambda/invoke.ts'
import { runsInChain, traceOfInvocation } from '#localstack/lambda/lineage.ts'
import { type Call, failed, fakeClock, fakeInvoke, settle, succeeded, throttled, times } from './fakes.ts'

const minute = 60_000
const s3Payload = JSON.stringify({
  Records: [{ s3: { bucket: { name: 'lake' }, object: { key: 'in/red+flower%401.jpg' } } }],
})

function start(answer?: (call: Call, index: number) => InvokeResult, more: Partial<AsyncQueueOptions> = {}) {
  const clock = fakeClock()
  const lines: string[] = []
  const givenUp: GivenUp[] = []
  const { invoke, calls, mostRunning } = fakeInvoke(answer, clock.now)
  const queue = makeAsyncQueue({
    invoke,
    clock,
    log: (line) => lines.push(line),
    random: () => 1,
    onGiveUp: (record) => void givenUp.push(record),
    ...more,
  })
  let idle = false
  const watchIdle = () => void queue.idle().then(() => (idle = true))
  return { clock, lines, givenUp, calls, mostRunning, queue, watchIdle, isIdle: () => idle }
}

describe('asynchronous invocations', () => {
  it('68. are accepted before the function ends', async () => {
    const { queue, calls } = start()
    expect(queue.enqueue('refine', '{}')).toMatch(/^[0-9a-f-]{36}$/)
    await settle()
    expect(calls).toHaveLength(1)
  })

  it('69. are attempted at 0, 1 and 3 minutes under one request id, then given up with an invoke count of 3', async () => {
    const { queue, clock, calls, givenUp, lines, watchIdle, isIdle } = start(() => failed)
    const requestId = queue.enqueue('refine', s3Payload)
    watchIdle()
    await clock.advance(3 * minute - 1)
    expect(calls.map(({ atMs }) => atMs)).toEqual([0, minute])
    expect(isIdle()).toBe(false) // a waiting retry is not idle
    await clock.advance(60 * minute)
    expect(calls.map(({ atMs }) => atMs)).toEqual([0, minute, 3 * minute])
    expect(calls.map((call) => call.requestId)).toEqual([requestId, requestId, requestId])
    expect(givenUp).toEqual([
      {
        version: '1.0',
        timestamp: '2026-01-01T00:03:00.000Z',
        requestContext: {
          requestId,
          functionArn: 'refine',
          condition: 'RetriesExhausted',
          approximateInvokeCount: 3,
        },
        requestPayload: JSON.parse(s3Payload),
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
        responsePayload: JSON.parse(failed.payload),
      },
    ])
    expect(lines.filter((line) => line.includes('given up'))).toEqual([
      `refine for s3://lake/in/red flower@1.jpg (request ${requestId}) is given up after 3 attempts (RetriesExhausted): ` +
        'TypeError: no such thing',
    ])
    expect(isIdle()).toBe(true)
  })

  it('succeed on a retry and are idle then', async () => {
    const { queue, clock, calls, givenUp, watchIdle, isIdle } = start((_, index) =>
      index === 0 ? failed : succeeded,
    )
    queue.enqueue('refine', '{}')
    watchIdle()
    await clock.advance(minute)
    expect(calls).toHaveLength(2)
    expect(givenUp).toEqual([])
    expect(isIdle()).toBe(true)
    expect(clock.timers()).toBe(0)
  })

  it("keep to the function's own maximum of retries", async () => {
    const { queue, clock, calls } = start(() => failed, {
      maximumRetryAttempts: (name) => (name === 'once' ? 0 : 1),
    })
    queue.enqueue('once', '{}')
    queue.enqueue('twice', '{}')
    await clock.advance(60 * minute)
    expect(calls.map(({ functionName }) => functionName)).toEqual(['once', 'twice', 'twice'])
  })

  it('are given up at once where the function has a reserved concurrency of 0', async () => {
    const { queue, clock, calls, givenUp } = start(() => throttled, { concurrency: () => 0 })
    queue.enqueue('refine', s3Payload)
    await clock.advance(0)
    expect(calls).toHaveLength(1)
    expect(givenUp.map(({ requestContext }) => requestContext)).toMatchObject([
      { condition: 'ZeroReservedConcurrency', approximateInvokeCount: 0 },
    ])
  })

  it('go back to the queue when throttled, from 1 s to 5 min apart, without using up an attempt', async () => {
    const { queue, clock, calls } = start((_, index) => (index < 11 ? throttled : failed))
    queue.enqueue('refine', '{}')
    await clock.advance(60 * minute)
    const gaps = calls.slice(1).map(({ atMs }, index) => (atMs - (calls[index]?.atMs ?? 0)) / 1000)
    expect(gaps).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 60, 120])
  })

  it('are given up by age after six hours of throttling', async () => {
    const { queue, clock, givenUp } = start(() => throttled)
    queue.enqueue('refine', '{}')
    await clock.advance(7 * 60 * minute)
    expect(givenUp[0]?.requestContext).toMatchObject({
      condition: 'EventAgeExceeded',
      approximateInvokeCount: 0,
    })
    expect(givenUp[0]).not.toHaveProperty('responseContext')
  })

  it('69. are given up at once when the next attempt would be too late', async () => {
    const { queue, calls, givenUp } = start(() => failed, { maximumEventAgeMs: () => minute })
    queue.enqueue('refine', '{}')
    await settle()
    expect(calls).toHaveLength(1)
    expect(givenUp[0]?.requestContext).toMatchObject({
      condition: 'EventAgeExceeded',
      approximateInvokeCount: 1,
    })
  })

  it('are tried again when the runtime itself fails', async () => {
    let tries = 0
    const { queue, clock, lines, watchIdle, isIdle } = start(undefined, {
      invoke: async () => {
        if (tries++ === 0) throw new Error('no process')
        return succeeded
      },
    })
    queue.enqueue('refine', '{}')
    watchIdle()
    await clock.advance(1_000)
    expect(isIdle()).toBe(true)
    expect(lines.join()).toContain('no process')
  })

  it('run as many at a time as each function may, and one slow function does not hold up another', async () => {
    const { queue, calls, mostRunning } = start(undefined, {
      concurrency: (name) => (name === 'slow' ? 2 : 3),
    })
    for (const functionName of [...times(5, () => 'slow'), 'quick']) queue.enqueue(functionName, '{}')
    await settle()
    expect(calls.map(({ functionName }) => functionName)).toEqual(['slow', 'slow', 'quick'])
    for (let next = 0; next < 6; next++) {
      calls[next]?.finish()
      await settle()
    }
    expect(calls).toHaveLength(6)
    expect(mostRunning()).toBe(3)
  })

  it('71. come twice on demand, as the same event under the same request id, whatever becomes of the other', async () => {
    const random = seededRandom(1)
    const deliver = async () => {
      const { queue, clock, calls, lines, watchIdle, isIdle } = start(
        (_, index) => (index === 0 ? failed : succeeded),
        { duplicates: () => random() < 0.3 },
      )
      const requestIds = times(100, (n) => queue.enqueue('refine', `{"n":${n}}`))
      watchIdle()
      await clock.advance(3 * minute)
      expect(isIdle()).toBe(true)
      return { requestIds, calls, lines }
    }
    const { requestIds, calls, lines } = await deliver()
    const twice = lines.filter((line) => line.includes('delivered twice'))
    expect(twice.length).toBeGreaterThan(15)
    expect(twice.length).toBeLessThan(45)
    expect(calls).toHaveLength(100 + twice.length + 1) // and one retry
    for (const { requestId, payload } of calls)
      expect(payload).toBe(`{"n":${requestIds.indexOf(requestId ?? '')}}`)
    const [again, same] = [seededRandom(1), seededRandom(1)]
    expect(times(50, again)).toEqual(times(50, same))
  })

  it('72. of a function that starts itself are given up, but not those of others in the chain', async () => {
    const { queue, calls, givenUp } = start(() => succeeded)
    const trace = times(16, () => 'loop').reduce<string | undefined>(traceOfInvocation, undefined)
    const other = traceOfInvocation(trace, 'refine')
    queue.enqueue('loop', '{}', trace)
    queue.enqueue('loop', '{}', other)
    queue.enqueue('refine', '{}', other)
    await settle()
    expect(calls.map(({ functionName }) => functionName)).toEqual(['refine'])
    expect(givenUp.map(({ requestContext: { condition } }) => condition)).toEqual([
      'RecursiveInvocation',
      'RecursiveInvocation',
    ])
    expect(runsInChain(other, 'loop')).toBe(16)
    expect(runsInChain('Root=1-2;Lineage=9:what', 'loop')).toBe(0)
    expect(other.split(';')[0]).toBe(trace?.split(';')[0])
  })

  it('69. wait less on a scaled clock, and the line says how long', async () => {
    const clock = fakeClock()
    const { queue, calls, lines } = start(() => failed, { clock: scaledClock(60, clock) })
    queue.enqueue('refine', '{}')
    await clock.advance(3_000)
    expect(calls).toHaveLength(3)
    expect(lines[0]).toMatch(/the next one follows in 1 s$/)
  })
})

describe('close', () => {
  it('drops what waits with a count, and lets what runs end', async () => {
    const { queue, calls, clock, lines } = start((_, index) => (index === 0 ? failed : succeeded), {
      concurrency: () => 1,
    })
    queue.enqueue('refine', '{}')
    await settle() // failed: waits for its retry
    expect(await queue.close()).toEqual({ dropped: 1 })
    queue.enqueue('refine', '{}')
    await clock.advance(10 * minute)
    expect(calls).toHaveLength(1)
    expect(lines.join('\n')).toMatch(
      /1 asynchronous invocations are dropped[\s\S]*came after the queue was closed/,
    )
    await queue.idle()
  })

  it('counts what does not end in time', async () => {
    const { queue, clock } = start(undefined, { concurrency: () => 1 })
    queue.enqueue('refine', '{}')
    queue.enqueue('refine', '{}')
    const closing = queue.close(5_000)
    await clock.advance(5_000)
    expect(await closing).toEqual({ dropped: 2 })
  })

  it('is quiet when nothing was lost', async () => {
    const { queue, calls, lines } = start()
    queue.enqueue('refine', '{}')
    await settle()
    const closing = queue.close()
    calls[0]?.finish()
    expect(await closing).toEqual({ dropped: 0 })
    expect(lines).toEqual([])
  })
})

describe('what an event is about', () => {
  it('is its objects or its rule, and nothing for any other payload', () => {
    expect(aboutEvent(s3Payload)).toBe('s3://lake/in/red flower@1.jpg')
    expect(aboutEvent('{"resources":["arn:aws:events:us-east-1:1:rule/r"]}')).toBe(
      'arn:aws:events:us-east-1:1:rule/r',
    )
    for (const payload of ['', 'null', '3', '{"Records":[null,{"s3":{}}]}', '{"Records":5}', 'not json']) {
      expect(aboutEvent(payload)).toBe('')
    }
  })
})
