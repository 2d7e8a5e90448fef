import { addressOf, decodeMskEvent } from '@cupel/core/kafka-event'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recorded } from '../../support/fixtures.ts'
import { kafkaRecord, mskEvent } from '../../support/kafka.ts'

const bytes = () => fc.uint8Array({ maxLength: 40 })
const anyRecord = fc
  .record({
    topic: fc.constantFrom('t', 'a-b-1', 'with.dots'),
    partition: fc.nat(20),
    offset: fc.nat(),
    timestampMs: fc.nat(),
    timestampType: fc.constantFrom('CREATE_TIME', 'LOG_APPEND_TIME'),
    key: fc.option(bytes()),
    value: fc.option(bytes()),
    headers: fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 8 }), fc.option(bytes())), {
      maxLength: 4,
    }),
  })
  .map(kafkaRecord)

describe('decodeMskEvent', () => {
  it('gives back what an event was made of: nulls, all bytes, repeated headers', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 8 }), (records) => {
        const plain = (record: (typeof records)[number]) => ({
          ...record,
          key: record.key && [...record.key],
          value: record.value && [...record.value],
          headers: record.headers.map(([name, value]) => [name, value && [...value]]),
        })
        const decoded = decodeMskEvent(JSON.parse(JSON.stringify(mskEvent(records))))
        const inOrder = (list: typeof records) => list.map((record) => JSON.stringify(plain(record))).sort()
        expect(inOrder([...decoded])).toEqual(inOrder(records))
      }),
    )
  })

  it('takes an event without records for an empty batch', () => {
    expect(decodeMskEvent({ eventSource: 'aws:kafka', records: {} })).toEqual([])
    expect(decodeMskEvent({ eventSource: 'aws:kafka' })).toEqual([])
  })

  it('reads ë in a header from signed bytes', () => {
    const event = {
      records: { 't-0': [{ topic: 't', partition: 0, offset: 1, headers: [{ h: [-61, -85] }] }] },
    }
    expect(Buffer.from(decodeMskEvent(event)[0]!.headers[0]![1]!).toString()).toBe('ë')
  })

  it.each([
    ['text', 'hello'],
    ['a list', []],
    ['records in a list', { records: [] }],
    ['a partition that is no list', { records: { 't-0': {} } }],
    ['a record without an offset', { records: { 't-0': [{ topic: 't', partition: 0 }] } }],
    [
      'headers of text',
      { records: { 't-0': [{ topic: 't', partition: 0, offset: 1, headers: [{ h: 'x' }] }] } },
    ],
  ])('refuses an event of another shape: %s', (_, event) => {
    expect(() => decodeMskEvent(event)).toThrowError(expect.objectContaining({ code: 'EVENT_SHAPE' }))
  })

  it.for([
    'aws-lambda-go/kafka-event.json',
    'powertools-python/kafkaEventMsk.json',
    'powertools-python/kafkaEventSelfManaged.json',
    'aws-lambda-java/kafka_event.json',
  ])('decodes the recorded event %s', (name, context) => {
    const records = decodeMskEvent(recorded(`aws-events/${name}`, context))
    expect(records.length).toBeGreaterThan(0)
    expect(addressOf(records[0]!)).toMatch(/^.+-\d+@\d+$/)
  })
})
