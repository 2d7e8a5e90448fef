import type { ObjectStore } from '@cupel/io/object-store'
import { expect, it } from 'vitest'

const bytes = (text: string) => Buffer.from(text)
async function keys(store: ObjectStore, prefix: string, startAfter?: string): Promise<string[]> {
  const found: string[] = []
  for await (const { key } of store.list(prefix, { startAfter })) found.push(key)
  return found
}

/** What every object store does, in memory or behind HTTP. Each test has a prefix of its own. */
export function objectStoreContract(open: () => ObjectStore): void {
  it('gives back the bytes and metadata of an object, and undefined where there is none', async () => {
    const store = open()
    await store.put(
      'a/one two+ü@.bin',
      Uint8Array.from({ length: 256 }, (_, i) => i),
      { metadata: { count: '3' } },
    )
    const object = await store.get('a/one two+ü@.bin')
    expect([...object!.body]).toEqual(Array.from({ length: 256 }, (_, i) => i))
    expect(object!.metadata).toEqual({ count: '3' })
    expect(await store.head('a/one two+ü@.bin')).toMatchObject({
      eTag: object!.eTag,
      metadata: { count: '3' },
    })
    expect(await store.get('a/none')).toBeUndefined()
    expect(await store.head('a/none')).toBeUndefined()
  })

  it('replaces an object, and changes its ETag with its bytes', async () => {
    const store = open()
    await store.put('b/x', bytes('1'))
    const first = (await store.head('b/x'))!.eTag
    expect(await store.put('b/x', bytes('2'))).toBe(true)
    expect((await store.head('b/x'))!.eTag).not.toBe(first)
    await store.put('b/x', bytes('1'))
    expect((await store.head('b/x'))!.eTag).toBe(first)
  })

  it('lets one of many conditional writers win', async () => {
    const store = open()
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, i) => store.put('c/x', bytes(String(i)), { ifAbsent: true })),
    )
    expect(outcomes.filter(Boolean)).toHaveLength(1)
    expect(Buffer.from((await store.get('c/x'))!.body).toString()).toBe(String(outcomes.indexOf(true)))
  })

  it('gives an object piece by piece, and not another one that took its place', async () => {
    const store = open()
    const body = Buffer.alloc(200_000, 'öx')
    await store.put('g/x', body, { metadata: { count: '3' } })
    const { eTag } = (await store.head('g/x'))!
    const object = (await store.stream('g/x', { eTag }))!
    const pieces: Uint8Array[] = []
    for await (const piece of object.body) pieces.push(piece)
    expect(Buffer.concat(pieces).equals(body)).toBe(true)
    expect(pieces.length).toBeGreaterThan(1)
    expect(object).toMatchObject({ eTag, size: 200_000, metadata: { count: '3' } })
    expect(Math.abs(object.modifiedMs - Date.now())).toBeLessThan(60_000)
    await store.put('g/x', bytes('another'))
    await expect(store.stream('g/x', { eTag })).rejects.toThrow('could not be read (PreconditionFailed)')
    expect(await store.stream('g/none')).toBeUndefined()
  })

  it('lists a prefix in byte order, after a key', async () => {
    const store = open()
    for (const key of ['d/b', 'd/a', 'd/a+1', 'd/aa', 'd/ü', 'e/x', 'd/B']) await store.put(key, bytes(key))
    expect(await keys(store, 'd/')).toEqual(['d/B', 'd/a', 'd/a+1', 'd/aa', 'd/b', 'd/ü'])
    expect(await keys(store, 'd/', 'd/a')).toEqual(['d/a+1', 'd/aa', 'd/b', 'd/ü'])
    expect(await keys(store, 'd/', 'd/zz')).toEqual(['d/ü'])
    expect(await keys(store, 'nothing/')).toEqual([])
  })

  it('lists size and ETag as they are', async () => {
    const store = open()
    await store.put('f/x', bytes('12345'))
    for await (const listed of store.list('f/')) {
      expect(listed).toMatchObject({ key: 'f/x', size: 5, eTag: (await store.head('f/x'))!.eTag })
      expect(Math.abs(listed.modifiedMs - Date.now())).toBeLessThan(60_000)
    }
  })
}
