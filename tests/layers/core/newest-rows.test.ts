import { date, integer, timestamp } from '@cupel/core/kinds'
import type { Kind } from '@cupel/core/kinds/kind'
import { compareNewest, type EventOrder } from '@cupel/core/newest'
import { NewestRows } from '@cupel/core/newest-rows'
import { RowPages } from '@cupel/core/row-pages'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { makeRandom } from '#datasets/random.ts'

const seed = Number(process.env.CUPEL_SEED ?? 20_260_101)

type Row = EventOrder & { readonly keys: readonly [string, number]; readonly deletes: boolean }

/** Of columns order, text, key 1, key 0. */
function cellsOf({ keys: [name, number], order, offset }: Row): readonly (string | number)[] {
  const text = (some: string) => `"${some.replaceAll('"', '""')}"`
  return [String(order), text(`"of", ${offset}`), number, text(name)]
}
const columns = { keysAt: [3, 2], orderAt: 0 }

function newestOf(rows: readonly Row[], orderKind: Kind): { csv: string; longestRow: number; count: number } {
  const pages = new RowPages()
  const newest = new NewestRows(pages, { ...columns, orderKind })
  for (const row of rows) {
    pages.text(`${cellsOf(row).join(',')},\n`)
    newest.end({ topic: '', ...row }, row.deletes)
  }
  const { pieces, longestRow } = newest.csv()
  return { csv: Buffer.concat([...pieces]).toString(), longestRow, count: newest.count }
}

/** The same, by what the rows hold. */
function expected(rows: readonly Row[]) {
  const newest = new Map<string, Row>()
  for (const row of rows) {
    const key = JSON.stringify([row.keys, row.deletes])
    const older = newest.get(key)
    if (!older || compareNewest(row, older) > 0) newest.set(key, row)
  }
  const kept = [...newest.values()].sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  const lines = kept.map((row) => `${cellsOf(row).join(',')},\n`)
  return {
    csv: lines.join(''),
    longestRow: lines.reduce((longest, line) => Math.max(longest, Buffer.byteLength(line)), 0),
    count: kept.length,
  }
}

it.each<readonly [string, Kind, fc.Arbitrary<string | number>]>([
  ['integers', integer('').kind, fc.integer({ min: -12, max: 12 })],
  ['days', date('').kind, fc.constantFrom('0999-01-01', '2026-01-02', '2026-01-10')],
  [
    'instants',
    timestamp('').kind,
    fc.constantFrom('2026-01-02T00:00:00.000Z', '2026-01-02T00:00:00.001Z', '1969-12-31T23:59:59.999Z'),
  ],
])(`keeps of each key the newest, ordered by %s (seed ${seed})`, (_, orderKind, order) => {
  const row = fc.record({
    keys: fc.tuple(fc.constantFrom('a', 'é,', '"', 'a"', ''), fc.integer({ min: -1, max: 1 })),
    order,
    timestampMs: fc.constantFrom(-1, 0, 1_767_225_600_123),
    partition: fc.integer({ min: 0, max: 2 }),
    deletes: fc.boolean(),
  })
  const rows = fc
    .array(row, { maxLength: 40 })
    .chain((all) =>
      fc
        .shuffledSubarray([...all.keys()], { minLength: all.length })
        .map((offsets) => all.map((one, index) => ({ ...one, offset: offsets[index]! }))),
    )
  fc.assert(
    fc.property(rows, (all) => {
      expect(newestOf(all, orderKind)).toEqual(expected(all))
    }),
    { numRuns: 500, seed },
  )
})

it(`takes no key for another of the same hash: there are some among so many (seed ${seed})`, {
  timeout: 60_000,
}, () => {
  const random = makeRandom(seed)
  const ids: string[] = []
  const rows = Array.from({ length: 200_000 }, (_, offset): Row => {
    const id = ids[random.below(50 * (offset + 1))] ?? random.uuid()
    ids.push(id)
    const order = random.below(offset + 1)
    return { keys: [id, 0], order, timestampMs: 0, partition: 0, offset, deletes: false }
  })
  expect(newestOf(rows, integer('').kind)).toEqual(expected(rows))
})
