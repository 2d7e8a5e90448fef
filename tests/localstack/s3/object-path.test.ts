import { isAbsolute, normalize, posix } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLongPath, keyOfPath, objectPath } from '#localstack/s3/object-path.ts'

const anyKey = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }),
  fc.string({
    unit: fc.constantFrom('/', '.', '%', '@', 'a', 'A', '\\', '2', 'e', '~', ' '),
    minLength: 1,
    maxLength: 12,
  }),
  fc
    .array(fc.constantFrom('con', 'NUL', 'aux.txt', '..', '.', '', 'com1', '@long', 'é', 'e\u0301'), {
      minLength: 2,
      maxLength: 5,
    })
    .map((parts) => parts.join('/')),
)

describe('the path of an object', () => {
  it.each([
    ['bronze/users/partition=0/users+0+0001.ndjson', 'bronze/users/partition=0/users+0+0001.ndjson@'],
    ['a/A', 'a/%41@'],
    ['a//b/', 'a/%/b/%@'],
    ['../..', '%2e%2e/%2e%2e@'],
    ['nul.txt/con', '%6eul.txt/%63on@'],
    ['é', '%c3%a9@'],
  ])('of %s is %s', (key, path) => {
    expect(objectPath(key)).toBe(path)
    expect(keyOfPath(path)).toBe(key)
  })

  it('leads back to the key, or says that only the file knows it', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const path = objectPath(key)
        expect(keyOfPath(path)).toBe(isLongPath(path) ? undefined : key)
      }),
    )
  })

  it('never leaves its folder, on any file system', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const path = objectPath(key)
        expect(isAbsolute(path)).toBe(false)
        expect(posix.normalize(path)).toBe(path)
        expect(normalize(`/root/${path}`).startsWith('/root/')).toBe(true)
        expect(path.length).toBeLessThanOrEqual(400)
        for (const name of path.split('/')) {
          expect(name).toMatch(/^[a-z0-9\-_.=+,%@]{1,201}$/)
          expect(name).not.toMatch(/^\.|\.@?$|^(con|prn|aux|nul|com\d|lpt\d)(\.|@|$)/)
        }
      }),
    )
  })

  it('differs for different keys, and none is a folder of another', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (one, other) => {
        fc.pre(one !== other)
        const [a, b] = [
          objectPath(one).toLowerCase().normalize('NFC'),
          objectPath(other).toLowerCase().normalize('NFC'),
        ]
        expect(a).not.toBe(b)
        expect(a.startsWith(`${b}/`)).toBe(false)
      }),
    )
  })

  it.each(['a', 'A@', '%zz@', '%41/b@c', '%2E@', 'a/./b@', '%61@', '@long/x@', '%2f@'])(
    'is never %s, so such a file is no object by its name',
    (path) => expect(keyOfPath(path)).toBeUndefined(),
  )
})
