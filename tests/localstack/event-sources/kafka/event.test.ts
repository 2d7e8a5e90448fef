import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHeaders } from '#localstack/event-sources/kafka/consumer.ts'
import {
  type EventOrigin,
  eventHead,
  eventJson,
  recordBytes,
  recordJson,
  type SourceRecord,
} from '#localstack/event-sources/kafka/event.ts'
import { recorded } from '../../../support/fixtures.ts'
import { record, times } from '../fakes.ts'

const msk: EventOrigin = {
  kind: 'msk',
  eventSourceArn: 'arn:aws:kafka:us-east-1:111122223333:cluster/demo/751d2973-2',
  bootstrapServers: 'b-2.x:9092,b-1.x:9092',
}

const eventOf = (
  records: readonly SourceRecord[],
  origin: EventOrigin = msk,
  topic = records[0]?.topic ?? 'orders',
) => JSON.parse(eventJson(eventHead(origin), topic, records))
const only = (over: Partial<SourceRecord>) => JSON.parse(recordJson(record(over)))

describe('event JSON', () => {
  it('1. an MSK mapping says aws:kafka and the configured ARN', () => {
    expect(eventOf([record()])).toMatchObject({
      eventSource: 'aws:kafka',
      eventSourceArn: msk.eventSourceArn,
    })
  })

  it('2. a self-managed mapping says SelfManagedKafka and has no ARN', () => {
    const event = eventOf([record()], { kind: 'self-managed', bootstrapServers: 'k:9092' })
    expect(event.eventSource).toBe('SelfManagedKafka')
    expect('eventSourceArn' in event).toBe(false)
  })

  it('3. bootstrapServers is one comma-joined string in both kinds', () => {
    expect(eventOf([record()]).bootstrapServers).toBe('b-2.x:9092,b-1.x:9092')
    const selfManaged: EventOrigin = { kind: 'self-managed', bootstrapServers: 'a:1,b:2' }
    expect(eventOf([record()], selfManaged).bootstrapServers).toBe('a:1,b:2')
  })

  it('4. records stand under topic-partition, hyphens in the topic or not', () => {
    const topic = 'a-b-1'
    const event = eventOf([
      record({ topic, partition: 2 }),
      record({ topic, partition: 0 }),
      record({ topic, partition: 2 }),
    ])
    expect(Object.keys(event.records)).toEqual(['a-b-1-2', 'a-b-1-0'])
    expect(event.records['a-b-1-2']).toHaveLength(2)
  })

  it("5. offset, partition and timestamp are numbers, and the timestamp is the record's", () => {
    expect(only({ partition: 3, offset: 9007199254740991, timestampMs: 1545084650987 })).toMatchObject({
      partition: 3,
      offset: 9007199254740991,
      timestamp: 1545084650987,
      timestampType: 'CREATE_TIME',
    })
  })

  it('7. all byte values of key and value come through base64', () => {
    const bytes = Uint8Array.from(times(256, (value) => value))
    const { key, value } = only({ key: bytes, value: bytes })
    expect(Buffer.from(key, 'base64')).toEqual(Buffer.from(bytes))
    expect(value).toBe(key)
  })

  it('8. a record without key has no key property, or null when asked for', () => {
    expect('key' in only({ key: null })).toBe(false)
    expect(JSON.parse(recordJson(record({ key: null }), 'null'))).toMatchObject({ key: null })
    expect(only({ key: new Uint8Array(0) }).key).toBe('')
  })

  it('9. a tombstone has no value property, or null when asked for', () => {
    expect('value' in only({ value: null })).toBe(false)
    expect(JSON.parse(recordJson(record({ value: null }), 'null'))).toMatchObject({ value: null })
  })

  it('10. header bytes are signed', () => {
    expect(only({ headers: [['h', Buffer.from('ë')]] }).headers).toEqual([{ h: [-61, -85] }])
  })

  it('11. headers of one name stay apart and in order; without headers there is an empty list', () => {
    const headers: SourceRecord['headers'] = [
      ['h', Buffer.from('2')],
      ['h', Buffer.from('1')],
      ['é"', Buffer.alloc(0)],
      ['n', null],
    ]
    expect(only({ headers }).headers).toEqual([{ h: [50] }, { h: [49] }, { 'é"': [] }, { n: null }])
    expect(only({}).headers).toEqual([])
  })

  it('an event of megabytes is its records, one after the other', () => {
    const headers: SourceRecord['headers'] = [['é', Buffer.from('é')]]
    const records = times(20_000, (offset) => record({ partition: offset < 7 ? 0 : 1, offset, headers }))
    const json = (some: readonly SourceRecord[]) => some.map((one) => recordJson(one)).join(',')
    expect(eventJson(eventHead(msk), 'orders', records)).toBe(
      `${eventHead(msk)}"orders-0":[${json(records.slice(0, 7))}],"orders-1":[${json(records.slice(7))}]}}`,
    )
  })

  it('says what it was given, whatever that is', () => {
    const bytes = fc.option(fc.uint8Array({ maxLength: 40 }))
    const anyRecord = fc.record({
      topic: fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/),
      partition: fc.nat(300),
      offset: fc.maxSafeNat(),
      timestampMs: fc.integer({ min: -1 }),
      timestampType: fc.constantFrom('CREATE_TIME' as const, 'LOG_APPEND_TIME' as const),
      key: bytes,
      value: bytes,
      headers: fc.array(
        fc.tuple(
          fc.string({ unit: 'grapheme' }).filter((name) => name !== '__proto__'),
          bytes,
        ),
        { maxLength: 4 },
      ),
    })
    fc.assert(
      fc.property(anyRecord, fc.constantFrom('absent' as const, 'null' as const), (one, nullsAs) => {
        expect(recordBytes(one, nullsAs)).toBe(Buffer.byteLength(recordJson(one, nullsAs)))
        const read = JSON.parse(recordJson(one))
        const back = (text: string | undefined) =>
          text === undefined ? null : new Uint8Array(Buffer.from(text, 'base64'))
        expect({
          ...read,
          key: back(read.key),
          value: back(read.value),
          headers: read.headers.flatMap((header: Record<string, number[] | null>) =>
            Object.entries(header).map(([name, signed]) => [name, signed && Uint8Array.from(signed)]),
          ),
        }).toEqual({
          topic: one.topic,
          partition: one.partition,
          offset: one.offset,
          timestamp: one.timestampMs,
          timestampType: one.timestampType,
          key: one.key,
          value: one.value,
          headers: one.headers,
        })
      }),
    )
  })

  it.for([
    ['aws-events/powertools-python/kafkaEventMsk.json', msk],
    [
      'aws-events/powertools-python/kafkaEventSelfManaged.json',
      { kind: 'self-managed', bootstrapServers: 'k:1' },
    ],
  ] satisfies [string, EventOrigin][])(
    'has the properties of the recorded event %s, in its order',
    ([name, origin], context) => {
      const real = recorded(name, context)
      const [list] = Object.values(real.records) as [Record<string, unknown>[]]
      const ours = eventOf([record({ headers: [['headerKey', Buffer.from('headerValue')]] })], origin)
      expect(Object.keys(ours)).toEqual(Object.keys(real))
      expect(Object.keys(ours.records['orders-0'][0])).toEqual(Object.keys(list[0] ?? {}))
      expect(ours.records['orders-0'][0].headers).toEqual(list[0]?.headers)
    },
  )
})

describe('headers as kafkajs hands them out', () => {
  it('come apart again, and a method of Object is no header', () => {
    const [one, two] = [Buffer.from('1'), Buffer.from('2')]
    // What kafkajs 2.2.4 makes of the headers a=1, a=null, constructor=2, b=2.
    const decoded = { a: [one, null], constructor: [Object.prototype.constructor, two], b: two }
    expect(toHeaders(decoded)).toEqual([
      ['a', one],
      ['a', null],
      ['constructor', two],
      ['b', two],
    ])
  })
})
