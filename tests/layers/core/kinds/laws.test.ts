/** What holds of every kind and every record, whatever is sent. */
import { bronzeLine, readBronzeLine, readValue } from '@cupel/core/bronze'
import type { Field } from '@cupel/core/kinds/kind'
import { PlainLines } from '@cupel/core/plain-lines'
import { judgeRecord, parseField } from '@cupel/core/record'
import { RowPages } from '@cupel/core/row-pages'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { makeRandom } from '#datasets/random.ts'
import { kafkaRecord } from '../../../support/kafka.ts'
import { everyKind } from './every-kind.ts'
import { hostile, type spellings } from './hostile.ts'
import { hostileRecord, records } from './hostile-records.ts'

/** Values to try with every kind: `CUPEL_DIFFERENTIAL=1000000` for the long run, with a new seed. */
const runs = Number(process.env.CUPEL_DIFFERENTIAL ?? 2_000)
const seed = Number(
  process.env.CUPEL_SEED ?? (process.env.CUPEL_DIFFERENTIAL ? Date.now() % 2 ** 31 : 20_260_101),
)
const timeout = 60_000 + runs
const secrets = { personalDataKey: 'sixteen or more bytes' }

const kinds = Object.entries<readonly [keyof typeof spellings, Field]>(everyKind).map(
  ([name, [about, field]]) => ({ name, about, field }),
)

it.each(kinds)(
  `$name gives a value or a reason, and takes its own values as they stand (seed ${seed})`,
  {
    timeout,
  },
  ({ name, about, field }) => {
    // What is masked or hashed is no value of the kind any more, nested values are no text, and values have a decimal point.
    const isNested = field.kind.parseNested !== undefined
    const hasWordsOfItsOwn = typeof field.personal !== 'string' && !isNested && name !== 'money_by_comma'
    let taken = 0
    fc.assert(
      fc.property(hostile(about), (json) => {
        const parsed = parseField(field, json === null ? undefined : JSON.parse(json), secrets)
        if (!parsed.ok) {
          expect(parsed.reason).toMatch(/^[a-z-]+$/)
          return
        }
        taken += 1
        if (hasWordsOfItsOwn && parsed.value !== null)
          expect(parseField(field, String(parsed.value), secrets)).toEqual(parsed)
      }),
      { numRuns: runs, seed },
    )
    expect(taken).toBeGreaterThan(0)
  },
)

const quickKinds = kinds.filter(({ field }) => field.kind.isCanonical)
it.each(quickKinds)(
  `$name knows its own values by their bytes, and takes no others for such`,
  ({ field }) => {
    const isCanonical = (text: string): boolean => {
      const bytes = Buffer.from(`"${text}"`)
      return field.kind.isCanonical!(bytes, 1, bytes.length - 1)
    }
    const random = makeRandom(1)
    let known = 0
    for (let turn = 0; turn < 20; turn += 1) {
      const own = parseField<unknown>(field, field.kind.example(random.next))
      if (!own.ok) throw new Error(`${own.reason} of an example`)
      const value = String(own.value)
      if (isCanonical(value)) known += 1
      for (let at = 0; at < value.length; at += 1)
        for (const other of [
          '',
          ' ',
          '0',
          '1',
          '3',
          '6',
          '9',
          '-',
          '.',
          ':',
          '/',
          'T',
          'Z',
          'a',
          'F',
          'g',
          'é',
          '\u00a0',
        ]) {
          const text = value.slice(0, at) + other + value.slice(at + 1)
          if (text !== '' && isCanonical(text))
            expect(parseField(field, text)).toEqual({ ok: true, value: text })
        }
    }
    expect(known).toBeGreaterThan(0)
  },
)

/** The same JSON in other words: the first letter of each name that begins with one, as an escape. */
const escaped = (text: string): string =>
  text.replace(
    /"([a-z])(?=\w*"[ \t\r\n]*:)/g,
    (_, letter: string) => `"\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

it(`judges a record alike, however its names are written (seed ${seed})`, { timeout }, () => {
  const counts = { good: 0, twice: 0 }
  fc.assert(
    fc.property(hostileRecord, (text) => {
      const { format, json, ...value } = readValue(text === null ? null : Buffer.from(text))
      const judged = judgeRecord(records, { format, ...value })
      if (judged.isGood) counts.good += 1
      if (judged.reasons.some(({ reason }) => reason === 'duplicate-field')) counts.twice += 1
      expect(judgeRecord(records, { format, json, ...value })).toEqual(judged)
      if (value.text !== undefined)
        expect(judgeRecord(records, { format, text: escaped(value.text) })).toEqual(judged)
    }),
    { numRuns: 5 * runs, seed },
  )
  expect(Math.min(counts.good, counts.twice)).toBeGreaterThan(runs / 20)
})

it(`reads of a bronze line what was written (seed ${seed})`, { timeout }, () => {
  const headers = fc.array(
    fc.tuple(fc.string({ unit: 'grapheme' }), fc.option(fc.uint8Array().map(Buffer.from))),
    { maxLength: 2 },
  )
  const record = fc.record({
    topic: fc.constantFrom('a', 'landing/users', 'a.b-c_d'),
    partition: fc.nat(),
    offset: fc.maxSafeNat(),
    timestampMs: fc.oneof(fc.maxSafeInteger(), fc.constant(2 ** 63)),
    key: fc.option(fc.uint8Array().map(Buffer.from)),
    headers,
    value: hostileRecord.map((text) => (text === null ? null : Buffer.from(text))),
  })
  let plainLines = 0
  fc.assert(
    fc.property(record, (each) => {
      const { topic, partition, offset, timestampMs: sentMs } = each
      const line = bronzeLine(kafkaRecord(each as never))
      const { format, text } = readValue(each.value)
      const read = readBronzeLine(line)!
      const timestampMs = Math.min(sentMs, Number.MAX_SAFE_INTEGER)
      expect(read).toMatchObject({ topic, partition, offset, timestampMs })
      expect([read.value.format, read.value.text]).toEqual([format, text])

      const lines = new PlainLines(records, new RowPages(), {})
      lines.expect(topic, partition)
      const plain = lines.read(Buffer.from(line), 0, Buffer.byteLength(line))
      if (!plain) return
      plainLines += 1
      expect(plain).toMatchObject({ topic, partition, offset, timestampMs })
    }),
    { numRuns: runs, seed },
  )
  expect(plainLines).toBeGreaterThan(0)
})
