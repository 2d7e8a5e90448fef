import { describe, expect, it } from 'vitest'
import { keptFailures } from '#operations/stock.ts'
import { memoryObjectStore } from '../support/memory-object-store.ts'

const failed = (topicPartition: string, offset: number) =>
  Buffer.from(
    JSON.stringify({
      KafkaBatchInfo: {
        recordsInfo: {
          [topicPartition]: { firstRecordOffset: String(offset), lastRecordOffset: String(offset) },
        },
      },
    }),
  )

describe('keptFailures', () => {
  it('counts a record once that was kept again after a crash, and no object of somebody else', async () => {
    const store = memoryObjectStore()
    await store.put('a', failed('my-topic-1', 7))
    await store.put('b', failed('my-topic-1', 7))
    await store.put('c', failed('my-topic-1', 8))
    await store.put('d', Buffer.from('no JSON'))
    await store.put('e', Buffer.from('null'))
    expect(await keptFailures(store)).toEqual([
      { topic: 'my-topic', partition: 1, firstOffset: 7, lastOffset: 7 },
      { topic: 'my-topic', partition: 1, firstOffset: 8, lastOffset: 8 },
    ])
  })

  it('reads an object once, however often it is asked', async () => {
    const store = memoryObjectStore()
    await store.put('a', failed('t-0', 1))
    let reads = 0
    const counting = {
      list: store.list,
      get: (key: string) => {
        reads++
        return store.get(key)
      },
    }
    const known = new Map()
    expect(await keptFailures(counting, known)).toEqual(await keptFailures(counting, known))
    expect(reads).toBe(1)
  })
})
