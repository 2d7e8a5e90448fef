import { FlatObject } from '@cupel/core/flat-object'
import fc from 'fast-check'
import { expect, it } from 'vitest'

const seed = Number(process.env.CUPEL_SEED ?? 20_260_101)
const names = ['a', 'at', 'größe', '']
const flat = (text: string, takesOthers = true) => {
  const bytes = Buffer.from(`.${text}.`)
  const object = new FlatObject(names, { takesOthers })
  const end = object.read(bytes, 1, bytes.length - 1)
  return { end: end - 1, values: names.map((_, index) => object.value(index)) }
}

it.each([
  ['{}', [undefined, undefined, undefined, undefined]],
  ['{"a":"x","at":1,"größe":null,"":false}', ['x', 1, null, false]],
  [' { "at" :\t-1.5e3 ,\r\n"a": "" }'.trim(), ['', -1500, undefined, undefined]],
  ['{"größe":"é 👍","b":"other"}', [undefined, undefined, 'é 👍', undefined]],
  ['{"a":1e400}', [Number.POSITIVE_INFINITY, undefined, undefined, undefined]],
])('reads %s', (text, values) => {
  expect(flat(text)).toEqual({ end: Buffer.byteLength(text), values })
})

it.each([
  '{"a":1,"a":2}',
  '{"a":null,"a":null}',
  '{"a":"x","a":"x"}',
  '{"a":{}}',
  '{"b":[]}',
  String.raw`{"a":"\n"}`,
  String.raw`{"\u0061":1}`,
  '{"a":"\u0001"}',
  '{"a":01}',
  '{"a":NaN}',
  '{"a":1,}',
  '{"a"}',
  '{"a":}',
  '{"a":1',
  '{"a":"1',
  '{"a',
  '{',
  '[]',
  '1',
  '',
])('does not take %s for flat', (text) => {
  expect(flat(text).end).toBe(-2)
})

it('takes no other name where it should not', () => {
  expect(flat('{"b":1}').end).toBe(7)
  expect(flat('{"b":1}', false).end).toBe(-2)
})

it('knows the next object as well, whatever the last one was', () => {
  const object = new FlatObject(names, { takesOthers: true })
  const read = (text: string) => {
    object.read(Buffer.from(text), 0, text.length)
    return names.map((_, index) => object.value(index))
  }
  expect(read('{"a":1,"at":2}')).toEqual([1, 2, undefined, undefined])
  expect(read('{"b":1,"a":3,"at":4}')).toEqual([3, 4, undefined, undefined])
  expect(read('{"at":5}')).toEqual([undefined, 5, undefined, undefined])
})

it(`agrees with JSON.parse on whatever it takes (seed ${seed})`, () => {
  const space = fc.constantFrom('', '', ' ', '\t\r\n')
  const scalar = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 5 }).map((text) => JSON.stringify(text)),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.constantFrom('null', 'true', 'false', '-0', '1E+2', '[]', 'nul', '-', '1.', '"', '\ufeff'),
  )
  const member = fc.tuple(space, fc.constantFrom(...names, 'b'), space, scalar, space)
  const object = fc
    .uniqueArray(member, { selector: ([, name]) => name, maxLength: 5 })
    .map((members) =>
      members.map(([s, name, t, value, u]) => `${s}${JSON.stringify(name)}${t}:${s}${value}${u}`),
    )
    .map((members) => `{${members.join()}}`)
  let taken = 0
  fc.assert(
    fc.property(
      object,
      fc.option(fc.tuple(fc.nat(60), fc.constantFrom('"', ',', '}', ' ', '0'))),
      (text, put) => {
        const changed = put ? `${text.slice(0, put[0])}${put[1]}${text.slice(put[0])}` : text
        const { end, values } = flat(changed)
        if (end < 0) return
        taken += 1
        const json = JSON.parse(Buffer.from(changed).subarray(0, end).toString())
        expect(values).toEqual(names.map((name) => json[name]))
      },
    ),
    { numRuns: 5_000, seed },
  )
  expect(taken).toBeGreaterThan(500)
})
