import { expect, it } from 'vitest'
import { readAddress } from '#operations/cli/events/address.ts'

it('an address is a range of offsets, the last included, or a single one', () => {
  const range = { kind: 'kafka', topic: 'user-profiles.v2', partition: 3, from: 10, to: 19 }
  expect(readAddress('user-profiles.v2-3@10-19')).toEqual(range)
  expect(readAddress('user-profiles.v2-3@10')).toEqual({ ...range, to: 10 })
})

it('an address is an object, whatever its key', () => {
  expect(readAddress('s3://lake/bronze/a b/c@1-2')).toEqual({
    kind: 's3',
    bucket: 'lake',
    key: 'bronze/a b/c@1-2',
  })
})

it.each([
  '',
  'transactions',
  'transactions@1',
  'transactions-x@1',
  'transactions-0@2-1',
  's3://lake',
  's3://lake/',
])('nothing else is one: %j', (text) => expect(() => readAddress(text)).toThrow(/address|before its first/))
