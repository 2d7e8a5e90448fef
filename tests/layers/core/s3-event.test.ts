import { decodeS3Event, objectCreatedEvent } from '@cupel/core/s3-event'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recorded } from '../../support/fixtures.ts'

const created = (key: string, eventName = 'ObjectCreated:Put') => ({
  Records: [{ eventName, s3: { bucket: { name: 'b' }, object: { key, eTag: 'abc', size: 3 } } }],
})

describe('decodeS3Event', () => {
  it('decodes form-encoded keys', () => {
    expect(decodeS3Event(created('in/red+flower%401+%2B.jpg'))[0]?.key).toBe('in/red flower@1 +.jpg')
  })
  it('decodes any key that was encoded as S3 does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (key) => {
        const event = objectCreatedEvent('b', [{ key, eTag: 'abc', size: 3 }])
        expect(decodeS3Event(JSON.parse(JSON.stringify(event)))).toEqual([
          { bucket: 'b', key, eTag: 'abc', size: 3 },
        ])
      }),
    )
  })
  it('passes over what is no creation', () => {
    expect(decodeS3Event(created('k', 'ObjectRemoved:Delete'))).toEqual([])
    expect(decodeS3Event({ Service: 'Amazon S3', Event: 's3:TestEvent' })).toEqual([])
  })
  it('takes the size 0 that MinIO leaves out', () => {
    const event = {
      Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket: { name: 'b' }, object: { key: 'k' } } }],
    }
    expect(decodeS3Event(event)).toEqual([{ bucket: 'b', key: 'k', eTag: '', size: 0 }])
  })
  it.each([null, {}, { Records: [{ eventName: 'ObjectCreated:Put' }] }, created('%ZZ')])(
    'refuses an event of another shape (%#)',
    (event) => {
      expect(() => decodeS3Event(event)).toThrowError(expect.objectContaining({ code: 'EVENT_SHAPE' }))
    },
  )
  it.for(['powertools-python/s3Event.json', 'aws-lambda-go/s3-event.json', 'sam-cli/S3Put.json'])(
    'decodes the recorded event %s',
    (name, context) => expect(decodeS3Event(recorded(`aws-events/${name}`, context))).toHaveLength(1),
  )
})
