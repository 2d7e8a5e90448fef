import { bronzeLine, readValue } from '@cupel/core/bronze'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyEdit, editedObject, readEdited } from '#functions/silver/replay/edit.ts'
import { parseBronzeLine, parseEntries } from '#functions/silver/replay/entry.ts'
import { kafkaRecord } from '../../../support/kafka.ts'

const anObject = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true })

describe('an edit', () => {
  it('changes the members that it names, and no others', () => {
    fc.assert(
      fc.property(anObject, anObject, fc.constantFrom(undefined, 1), (object, set, indent) => {
        const text = JSON.stringify(object, null, indent)
        const own = Object.assign(Object.create(null), object, set)
        expect({ ...JSON.parse(applyEdit(text, { set })) }).toEqual({ ...JSON.parse(JSON.stringify(own)) })
      }),
      { numRuns: 50 },
    )
  })
  it.each([
    ['{"a":1.00000000000000000001,"b":2}', { b: 3 }, '{"a":1.00000000000000000001,"b":3}'],
    [
      '{ "a" : [ "},{" , {"b":1} ], "b" : "\\"," }',
      { c: null },
      '{"a" : [ "},{" , {"b":1} ],"b" : "\\",","c":null}',
    ],
    ['{"a":1,"\\u0061":2,"b":0}', { a: 3 }, '{"a":3,"b":0}'],
    ['{}', { a: { b: [] } }, '{"a":{"b":[]}}'],
  ])('of %s with %j is %s', (text, set, expected) => expect(applyEdit(text, { set })).toBe(expected))

  it.each([undefined, '7', '[]', 'null'])('of %s is of the whole value only', (text) => {
    expect(() => applyEdit(text, { set: { a: 1 } })).toThrow('no JSON object')
    expect(applyEdit(text, { value: '{"a":1}' })).toBe('{"a":1}')
  })

  it('keeps the address, key and headers of the record, and says who, when and why', () => {
    const bytes = fc.option(fc.uint8Array())
    const records = fc.record({
      offset: fc.nat(),
      timestampMs: fc.integer(),
      key: bytes,
      value: fc.oneof(bytes, fc.json().map(Buffer.from)),
      headers: fc.array(fc.tuple(fc.string(), bytes)),
    })
    fc.assert(
      fc.property(records, fc.json(), fc.string(), (changes, value, because) => {
        const record = kafkaRecord(changes)
        const line = bronzeLine(record)
        const [entry] = parseEntries(
          'o',
          Buffer.from(
            `{"dataset":"d","version":3,"reasons":[{"field":"f","reason":"r","value":"],\\"topic\\":"}],${line.slice(1)}\n`,
          ),
        )
        expect(entry!.line).toBe(line)
        const { json, ...read } = readValue(record.value)
        expect(parseBronzeLine(line)).toMatchObject({ ...read, offset: record.offset })

        const edited = readEdited(editedObject(entry!, value, { by: 'Jané', atMs: 1_000, because }))
        const { topic, partition, offset, timestampMs, headers } = record
        expect(edited).toMatchObject({ topic, partition, offset, timestampMs, by: 'Jané', atMs: 1_000 })
        expect(edited.text).toBe(value)
        expect(edited.because).toBe(Buffer.from(because).toString())
        expect(edited.headers.slice(0, headers.length)).toEqual(
          headers.map(([name, value]) => [name, value && Buffer.from(value)]),
        )
      }),
      { numRuns: 50 },
    )
  })
})
