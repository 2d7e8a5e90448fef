import type { OutgoingRecord } from '@cupel/io/kafka'
import { describe, expect, it } from 'vitest'
import { produce } from '#operations/cli/produce.ts'

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
    expect(await produce(kafka, records, { rate: 20_000, paced: 'a', signal: never })).toBe(2_345)
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
    await produce(kafka, records, { rate: 100, paced: 'a', signal: never })
    expect(sentMs).toHaveLength(1_530)
    expect(sentMs.at(-1)).toBeGreaterThan(280) // 29 records at 100 a second
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
    expect(await produce(kafka, endless(), { rate: undefined, paced: 'a', signal: stop.signal })).toBe(3_000)
  })

  it('does not wait for a broker that takes nothing when it is told to stop', async () => {
    const stop = new AbortController()
    const kafka = {
      produce: async () => {
        setTimeout(() => stop.abort(), 10)
        await new Promise(() => {})
      },
    }
    const options = { rate: undefined, paced: 'a', signal: stop.signal }
    expect(await produce(kafka, [record('a', 1)], options)).toBe(0)
  })
})
