import type { OutgoingRecord } from '@cupel/io/kafka'
import { describe, expect, it } from 'vitest'
import { byClock, evenly } from '#operations/cli/pace.ts'
import { produce, watchPace } from '#operations/cli/produce.ts'

const record = (topic: string, id: number): OutgoingRecord => ({
  topic,
  key: String(id),
  value: null,
  headers: {},
})
const never = new AbortController().signal

describe('produce', () => {
  it('sends every record once, in order, whatever the rate', async () => {
    const records = Array.from({ length: 2_345 }, (_, i) => record(i % 3 ? 'a' : 'b', i))
    const sent: OutgoingRecord[] = []
    const kafka = { produce: async (batch: readonly OutgoingRecord[]) => void sent.push(...batch) }
    expect(await produce(kafka, records, { due: evenly('a', 20_000), signal: never })).toBe(2_345)
    expect(sent).toEqual(records)
  })

  it('holds the rate for the paced topic and sends the others at once', async () => {
    const records = [
      ...Array.from({ length: 1_500 }, (_, i) => record('b', i)),
      ...Array.from({ length: 30 }, (_, i) => record('a', i)),
    ]
    const sentMs: number[] = []
    const startedMs = performance.now()
    const kafka = {
      produce: async (batch: readonly OutgoingRecord[]) => {
        for (const _ of batch) sentMs.push(performance.now() - startedMs)
      },
    }
    await produce(kafka, records, { due: evenly('a', 100), signal: never })
    expect(sentMs).toHaveLength(1_530)
    expect(sentMs.at(-1)).toBeGreaterThan(280) // 29 records at 100 a second
  })

  it('follows the clock of the records when told to, busy or quiet as that is', async () => {
    const times = [0, 0, 0, 60, 300] // simulated minutes
    const records = times.map((minutes, i) => ({ ...record('a', i), timestampMs: minutes * 60_000 }))
    const sentMs: number[] = []
    const batches: number[] = []
    const kafka = {
      produce: async (batch: readonly OutgoingRecord[]) => {
        batches.push(batch.length)
        for (const _ of batch) sentMs.push(performance.now())
      },
    }
    await produce(kafka, records, { due: byClock('a', 60), signal: never }) // an hour takes 1000 / 24 ms
    expect(batches[0]).toBe(3)
    expect(sentMs[4]! - sentMs[0]!).toBeGreaterThan((5 * 1000) / 24 - 60)
  })

  it('says when it stays behind, and does not send a flood when it can go on', async () => {
    const told: number[] = []
    const watch = watchPace((share) => told.push(share))
    watch(0, 0)
    watch(5_000, 5_000) // one stretch: the laptop slept
    watch(10_000, 0)
    expect(told).toEqual([])
    watch(15_000, 1_000)
    watch(20_000, 2_000)
    expect(told).toEqual([0.6])
    for (let nowMs = 25_000; nowMs < 80_000; nowMs += 5_000) watch(nowMs, 2_500)
    expect(told).toEqual([0.6])
    watch(80_000, 2_500)
    expect(told).toEqual([0.6, 0.5])
  })

  it('stops when it is told to', async () => {
    const stop = new AbortController()
    function* endless() {
      for (let i = 0; ; i++) yield record('a', i)
    }
    let batches = 0
    const kafka = {
      produce: async () => {
        if (++batches === 3) stop.abort()
      },
    }
    expect(await produce(kafka, endless(), { signal: stop.signal })).toBe(3_000)
  })

  it('does not wait for a broker that takes nothing when it is told to stop', async () => {
    const stop = new AbortController()
    const kafka = {
      produce: async () => {
        setTimeout(() => stop.abort(), 10)
        await new Promise(() => {})
      },
    }
    const options = { signal: stop.signal }
    expect(await produce(kafka, [record('a', 1)], options)).toBe(0)
  })
})
