import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareKeys } from '#localstack/s3/key-order.ts'
import { type ListRequest, listPage } from '#localstack/s3/listing.ts'

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const unit = fc.constantFrom('a', 'b', '/', '-', '0', '\uffff', '\ue000', '𝄞', 'é')
const anyKey = fc.string({ unit, minLength: 1, maxLength: 6 })
const anyText = fc.oneof(fc.string({ unit: 'binary' }), anyKey)
const anyKeys = fc.uniqueArray(anyKey, { maxLength: 30 }).map((keys) => keys.sort(byBytes))
const anyRequest = fc.record({
  prefix: fc.string({ unit, maxLength: 2 }),
  delimiter: fc.constantFrom('', '/', '-', 'a/', '𝄞'),
  after: fc.option(fc.string({ unit, maxLength: 4 }), { nil: undefined }),
  maxKeys: fc.integer({ min: 1, max: 8 }),
})

/** The listing by its definition, without an end of the page: keys and common prefixes in order. */
function everything(keys: readonly string[], { prefix, delimiter, after }: ListRequest): string[] {
  const rows = keys
    .filter((key) => key.startsWith(prefix) && (after === undefined || byBytes(key, after) > 0))
    .map((key) => {
      const [head, ...rest] = delimiter === '' ? [key] : key.slice(prefix.length).split(delimiter)
      return rest.length === 0 ? key : `${prefix}${head}${delimiter}`
    })
  return [...new Set(rows)]
}

describe('the order of keys', () => {
  it('is that of their UTF-8 bytes', () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(byBytes(a, b))
      }),
    )
  })
})

describe('a page of a listing', () => {
  it('is the beginning of what the definition lists', () => {
    fc.assert(
      fc.property(anyKeys, anyRequest, (keys, request) => {
        const all = everything(keys, request)
        const page = listPage(keys, request)
        const rows = [...page.keys, ...page.commonPrefixes].sort(byBytes)
        expect(rows).toEqual(all.slice(0, request.maxKeys))
        expect(page.isTruncated).toBe(all.length > request.maxKeys)
        expect(page.last).toBe(rows.at(-1))
      }),
    )
  })

  it('goes on where the last one ended, until everything came exactly once', () => {
    fc.assert(
      fc.property(anyKeys, anyRequest, (keys, request) => {
        const rows: string[] = []
        let page = listPage(keys, request)
        for (;;) {
          rows.push(...[...page.keys, ...page.commonPrefixes].sort(byBytes))
          if (!page.isTruncated) break
          page = listPage(keys, { ...request, after: page.last, afterGroup: true })
        }
        expect(rows).toEqual(everything(keys, request))
      }),
    )
  })

  it('of no keys is empty and complete', () => {
    expect(listPage(['a'], { prefix: '', delimiter: '', maxKeys: 0 })).toEqual({
      keys: [],
      commonPrefixes: [],
      isTruncated: false,
      last: undefined,
    })
  })
})
