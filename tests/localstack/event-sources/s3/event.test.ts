import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeKey, matches, overlaps, s3Event } from '#localstack/event-sources/s3/event.ts'
import { makeS3EventSource } from '#localstack/event-sources/s3/source.ts'
import type { ObjectChange } from '#localstack/s3/object-change.ts'
import type { BucketNotification } from '#localstack/template.ts'
import { recorded } from '../../../support/fixtures.ts'

const change = (over: Partial<ObjectChange> = {}): ObjectChange => ({
  eventName: 'ObjectCreated:Put',
  bucket: 'lake',
  key: 'in/red flower@1.jpg',
  size: 1024,
  eTag: 'd41d8cd98f00b204e9800998ecf8427e',
  sequencer: '0055AED6DCD90281',
  eventTime: '2026-01-01T12:00:00.000Z',
  requestId: 'D82B88E5F771F645',
  id2: 'vlR7',
  sourceIp: '127.0.0.1',
  ...over,
})
const notification = (over: Partial<BucketNotification> = {}): BucketNotification => ({
  id: '828aa6fc',
  bucket: 'lake',
  events: ['s3:ObjectCreated:*'],
  functionName: 'refine',
  ...over,
})
const recordOf = (over: Partial<ObjectChange> = {}) =>
  JSON.parse(s3Event(change(over), notification(), 'eu-west-1')).Records[0]

describe('event JSON', () => {
  it('61. the key is encoded as in a form, with / kept', () => {
    expect(recordOf().s3.object.key).toBe('in/red+flower%401.jpg')
    expect(encodeKey("a/b=c+d~(é)'!*-_.%/%2F")).toBe('a/b%3Dc%2Bd%7E%28%C3%A9%29%27%21*-_.%25/%252F')
  })

  it('an encoded key is read back by the decoding that every consumer does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        const encoded = encodeKey(key)
        expect(decodeURIComponent(encoded.replaceAll('+', ' '))).toBe(key)
        expect(encoded).toMatch(/^[A-Za-z0-9.*_/+%-]*$/)
      }),
    )
  })

  it.each([
    'ObjectCreated:Put',
    'ObjectCreated:Post',
    'ObjectCreated:Copy',
    'ObjectCreated:CompleteMultipartUpload',
  ] as const)('62. %s is named without s3:', (eventName) => {
    expect(recordOf({ eventName })).toMatchObject({ eventName, eventVersion: '2.1', eventSource: 'aws:s3' })
  })

  it('63. an empty object has size 0', () => {
    expect(recordOf({ size: 0 }).s3.object.size).toBe(0)
  })

  it('64. without versioning there is no versionId, and with it the one that S3 named', () => {
    expect('versionId' in recordOf().s3.object).toBe(false)
    expect(recordOf({ versionId: '096f' }).s3.object.versionId).toBe('096f')
  })

  it('a removed object has a key and a sequencer, and neither size nor ETag', () => {
    expect(Object.keys(recordOf({ eventName: 'ObjectRemoved:Delete' }).s3.object)).toEqual([
      'key',
      'sequencer',
    ])
  })

  it('has the shape of recorded S3 events', (context) => {
    const shape = (value: unknown): unknown =>
      value && typeof value === 'object'
        ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shape(inner)]))
        : typeof value
    const real = (name: string) => recorded(`aws-events/sam-cli/${name}.json`, context).Records[0]
    expect(shape(recordOf())).toEqual(shape(real('S3Put')))
    expect(shape(recordOf({ eventName: 'ObjectRemoved:Delete' }))).toEqual(shape(real('S3Delete')))
  })
})

describe('matching', () => {
  it('65. only the event types that were asked for', () => {
    expect(matches(notification({ events: ['s3:ObjectCreated:Copy'] }), change())).toBe(false)
    expect(matches(notification({ events: ['s3:ObjectRemoved:*', 's3:ObjectCreated:Put'] }), change())).toBe(
      true,
    )
    expect(matches(notification(), change({ eventName: 'ObjectRemoved:Delete' }))).toBe(false)
    expect(matches(notification({ bucket: 'other' }), change())).toBe(false)
  })

  it('66. prefix and suffix are literal: a * is a star', () => {
    expect(matches(notification({ prefix: 'in/', suffix: '.jpg' }), change())).toBe(true)
    expect(matches(notification({ suffix: '*.jpg' }), change())).toBe(false)
    expect(matches(notification({ suffix: '*.jpg' }), change({ key: 'in/*.jpg' }))).toBe(true)
    expect(matches(notification({ prefix: 'n/' }), change())).toBe(false)
  })

  it('special characters in a prefix may be written encoded', () => {
    expect(matches(notification({ prefix: 'in/red+flower%40' }), change())).toBe(true)
    expect(matches(notification({ prefix: 'p=0/100%' }), change({ key: 'p=0/100%/a' }))).toBe(true)
  })
})

describe('overlapping notifications', () => {
  const pair = (one: Partial<BucketNotification>, other: Partial<BucketNotification>) =>
    overlaps([
      notification({ functionName: 'one', ...one }),
      notification({ functionName: 'other', ...other }),
    ])

  it('67. are refused at load, naming both', () => {
    const make = (suffix: string) =>
      makeS3EventSource({
        notifications: [
          notification({ functionName: 'one', suffix: 'jpg' }),
          notification({ functionName: 'other', suffix }),
        ],
        enqueue: () => {},
        region: 'us-east-1',
        log: () => {},
      })
    expect(() => make('pg')).toThrow(/bucket lake: .* for one .* and .* for other .* overlap/)
    expect(() => make('png')).not.toThrow()
  })

  it.each([
    ['no filter matches everything', {}, { prefix: 'a' }, 1],
    ['one prefix within the other', { prefix: 'in/' }, { prefix: 'in/x/' }, 1],
    ['prefixes that part', { prefix: 'in/' }, { prefix: 'out/' }, 0],
    [
      'a shared prefix with suffixes that part',
      { prefix: 'in', suffix: '.jpg' },
      { prefix: 'in', suffix: '.png' },
      0,
    ],
    ['a type within a wildcard', { events: ['s3:ObjectCreated:*'] }, { events: ['s3:ObjectCreated:Put'] }, 1],
    ['different types', { events: ['s3:ObjectCreated:*'] }, { events: ['s3:ObjectRemoved:*'] }, 0],
    ['different buckets', {}, { bucket: 'other' }, 0],
  ] satisfies [string, Partial<BucketNotification>, Partial<BucketNotification>, number][])(
    '%s',
    (_, one, other, count) => {
      expect(pair(one, other)).toHaveLength(count)
      expect(pair(other, one)).toHaveLength(count)
    },
  )

  it('overlap exactly when some key can match both', () => {
    const rule = fc.stringMatching(/^[ab]{0,3}$/)
    fc.assert(
      fc.property(
        rule,
        rule,
        rule,
        rule,
        fc.stringMatching(/^[ab]{0,8}$/),
        (prefix, suffix, otherPrefix, otherSuffix, key) => {
          const [one, other] = [
            notification({ prefix, suffix }),
            notification({ prefix: otherPrefix, suffix: otherSuffix }),
          ]
          if (matches(one, change({ key })) && matches(other, change({ key })))
            expect(overlaps([one, other])).toHaveLength(1)
          const longest = (a: string, b: string) => (a.length > b.length ? a : b)
          const witness = `${longest(prefix, otherPrefix)}-${longest(suffix, otherSuffix)}`
          const both = matches(one, change({ key: witness })) && matches(other, change({ key: witness }))
          expect(overlaps([one, other])).toHaveLength(both ? 1 : 0)
        },
      ),
    )
  })
})

describe('the S3 event source', () => {
  const start = (...notifications: BucketNotification[]) => {
    const queued: { functionName: string; payload: string }[] = []
    const lines: string[] = []
    const source = makeS3EventSource({
      notifications,
      enqueue: (functionName, payload) => queued.push({ functionName, payload }),
      region: 'eu-west-1',
      log: (line) => lines.push(line),
    })
    return { source, queued, lines }
  }

  it('queues one event for the function whose filter the key passes', () => {
    const { source, queued } = start(
      notification({ prefix: 'in/' }),
      notification({ prefix: 'out/', functionName: 'load', id: 'second' }),
    )
    for (const key of ['out/1', 'elsewhere/1']) source.handle(change({ key }))
    expect(queued.map(({ functionName }) => functionName)).toEqual(['load'])
    expect(JSON.parse(queued[0]?.payload ?? '').Records[0]).toMatchObject({
      awsRegion: 'eu-west-1',
      s3: { configurationId: 'second', object: { key: 'out/1' } },
    })
  })

  it('queues nothing after close', async () => {
    const { source, queued } = start(notification())
    await source.close()
    source.handle(change())
    expect(queued).toEqual([])
  })
})
