import { readSettings } from '@cupel/core/settings'
import { describe, expect, it } from 'vitest'

const read = (environment: Record<string, string>) =>
  readSettings(environment, (from) => ({
    bucket: from.text('BUCKET'),
    limit: from.count('LIMIT', 5),
    database: from.url('DATABASE_URL', ['postgres:']),
  }))

describe('readSettings', () => {
  it('gives typed settings and fallbacks', () => {
    expect(read({ BUCKET: ' lake ', DATABASE_URL: 'postgres://h/d' })).toEqual({
      bucket: 'lake',
      limit: 5,
      database: 'postgres://h/d',
    })
  })
  it('names all that is wrong in one error', () => {
    expect(() => read({ BUCKET: ' ', LIMIT: '-1' })).toThrow(
      'invalid configuration: BUCKET is missing; LIMIT is not a whole number; DATABASE_URL is missing',
    )
  })
  it('does not repeat a malformed value: it may hold a password', () => {
    expect(() => read({ BUCKET: 'b', DATABASE_URL: 'mysql://user:secret@h' })).toThrowError(
      expect.objectContaining({
        code: 'CONFIGURATION',
        message: 'invalid configuration: DATABASE_URL must start with postgres://',
      }),
    )
    expect(() => read({ BUCKET: 'b', DATABASE_URL: 'secret' })).toThrow('DATABASE_URL is not a URL')
  })
})
