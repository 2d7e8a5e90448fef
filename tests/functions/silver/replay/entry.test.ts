import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Entry, groupEntries, idOf, mergeGroups, parseId } from '#functions/silver/replay/entry.ts'

const reasons = fc.array(
  fc.record({
    field: fc.constantFrom(null, 'amount', 'city'),
    reason: fc.constantFrom('missing' as const, 'too-long' as const),
    value: fc.option(fc.string()),
  }),
  { minLength: 1, maxLength: 2 },
)
const anEntry: fc.Arbitrary<Entry> = fc.record({
  object: fc.constantFrom('a', 'b'),
  topic: fc.constant('t'),
  partition: fc.constant(0),
  offset: fc.nat(),
  timestampMs: fc.nat(),
  version: fc.constantFrom(1, 2),
  reasons,
  line: fc.constant('{}'),
})
const isEdited = ({ offset }: Entry) => offset % 2 === 0

it('counts every reason of every entry once, however the entries are cut into pages', () => {
  const entries = fc.uniqueArray(anEntry, { selector: idOf })
  fc.assert(
    fc.property(entries, fc.nat(), (entries, cut) => {
      const pages = [entries.slice(0, cut % 10), entries.slice(cut % 10)]
      const groups = groupEntries(entries, isEdited)
      expect(mergeGroups(pages.flatMap((page) => groupEntries(page, isEdited)))).toEqual(groups)
      const total = groups.reduce((sum, group) => sum + group.entries, 0)
      expect(total).toBe(entries.reduce((sum, entry) => sum + entry.reasons.length, 0))
    }),
  )
})

it('reads the id that it writes', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.maxSafeNat(), (object, offset) => {
      expect(parseId(idOf({ object, offset }))).toEqual({ object, offset })
    }),
  )
})
