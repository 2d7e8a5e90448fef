/** What gold makes of rows in any order of arrival: tombstones, parents that come later, facts that are numbered. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dataset, dataset } from '@cupel/core/dataset'
import { date, integer, text, timestamp } from '@cupel/core/kinds'
import { goldSql, withReferences } from '@cupel/core/references'
import { createTable } from '@cupel/core/warehouse-sql'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { merge } from '#functions/gold/load/merge.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

const of = (name: string) => ({
  name,
  description: `${name}.`,
  topic: name,
  bronzeFolder: name,
  silverFolder: name,
  table: name,
  version: 1,
})
const fields = { id: integer('Its number.'), name: text('Its name.'), at: timestamp('When it became so.') }
const patrons = dataset({ ...of('patrons'), key: 'id', orderBy: 'at', tombstones: 'delete', fields })
const loans = dataset({
  ...of('loans'),
  key: ['id', 'copy'],
  orderBy: 'on',
  tombstones: 'mark',
  references: { patron: { dataset: 'patrons', late: 'defer' } },
  fields: {
    id: integer('The book.'),
    copy: text('Which of it.'),
    patron: integer('Who has it.', { optional: true }),
    on: date('The day of it.'),
  },
})
const branches = dataset({ ...of('branches'), key: 'id', orderBy: 'at', fields })
const desks = dataset({
  ...of('desks'),
  key: 'id',
  orderBy: 'at',
  references: { branch: { dataset: 'branches', late: 'defer' } },
  fields: { ...fields, branch: integer('Where it is.') },
})
const fines = dataset({
  ...of('fines'),
  key: 'number',
  orderBy: 'at',
  append: true,
  references: {
    patron: { dataset: 'patrons', late: 'defer' },
    desk: { dataset: 'desks', late: 'defer' },
  },
  fields: {
    number: integer('The fine.'),
    patron: integer('Who pays.'),
    desk: integer('Where.'),
    at: timestamp('When.'),
  },
})
const library = withReferences([patrons, branches, loans, desks, fines])

type Row = Record<string, string | number | boolean | null>
let database: TestDatabase
let folder: string
beforeAll(async () => {
  database = await makeDatabase()
  for (const each of library) await database.warehouse.query(createTable(each))
  folder = await mkdtemp(join(tmpdir(), 'cupel-merge-'))
})
beforeEach(empty)
afterAll(() => rm(folder, { recursive: true }))

async function empty(): Promise<void> {
  for (const table of [...library.map((each) => each.table), 'tombstones', 'deferred_rows'])
    await database.warehouse.query(`DELETE FROM ${table}`)
}

let files = 0
/** `then` runs before the transaction ends. */
async function load(into: Dataset, rows: readonly Row[], then = async () => {}): Promise<number> {
  const file = join(folder, String(files++))
  const texts = rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, value === null ? null : String(value)]),
    ),
  )
  await writeFile(file, JSON.stringify(texts))
  const tombstones = rows.filter(({ _deleted }) => _deleted).length
  const brought = { file, format: 'json', tombstones, isEdit: false } as const
  return database.warehouse.transaction(async (transaction) => {
    const changed = await merge(transaction, into, brought, library)
    await then()
    return changed
  })
}
const gold = (into: Dataset, columns: string) =>
  database.warehouse.query(`SELECT ${columns} FROM ${into.table} ORDER BY ${into.key.join(', ')}`)

let offsets = 0
/** Of a day in January 2026. Kafka got it on the same day, if nothing else is said. */
const at = (day: number, sent = day) => ({
  at: instant(day),
  _timestamp_ms: Date.parse(instant(sent)),
  _partition: 0,
  _offset: offsets++,
})
const instant = (day: number) => new Date(Date.UTC(2026, 0, day)).toISOString()
const patron = (id: number, day: number, name = 'Ann', sent = day): Row => ({
  id,
  name,
  ...at(day, sent),
  _deleted: false,
})
/** As refine makes it of a Kafka record without a value. */
const deletion = (id: number, day: number): Row => ({ id, name: null, ...at(day), _deleted: true })

describe('a tombstone', () => {
  it('deletes the row, and a late older one does not bring it back', async () => {
    await load(patrons, [patron(1, 1), patron(2, 1)])
    expect(await load(patrons, [deletion(1, 3)])).toBe(1)
    expect(await load(patrons, [patron(1, 2)])).toBe(0)
    expect(await gold(patrons, 'id')).toEqual([{ id: '2' }])
  })

  it('is outdone by what happened after it was sent, whatever came first', async () => {
    await load(patrons, [patron(1, 5, 'Back')])
    expect(await load(patrons, [deletion(1, 3), patron(1, 2)])).toBe(0)
    expect(await gold(patrons, 'name')).toEqual([{ name: 'Back' }])
  })

  it('decides by Kafka between a row and itself of the same moment', async () => {
    await load(patrons, [patron(1, 3), deletion(1, 3)])
    await load(patrons, [deletion(2, 3), patron(2, 3)])
    expect(await gold(patrons, 'id')).toEqual([{ id: '2' }])
  })

  it('marks the row where the dataset says so, which keeps what it last said', async () => {
    const loan = (copy: string, day: number, rest: Row = {}): Row => {
      const { at: on, ...lineage } = at(day)
      return { id: 1, copy, patron: null, on: on.slice(0, 10), ...lineage, _deleted: false, ...rest }
    }
    await load(loans, [loan('a', 2), loan('b', 2)])
    await load(loans, [loan('a', 3, { _deleted: true }), loan('c', 3, { _deleted: true })])
    await load(loans, [loan('a', 1), loan('c', 1), loan('b', 4)])
    const rows = await gold(loans, `copy, "on"::text, _deleted`)
    expect(rows).toEqual([
      { copy: 'a', on: '2026-01-02', _deleted: true },
      { copy: 'b', on: '2026-01-04', _deleted: false },
      { copy: 'c', on: '2026-01-01', _deleted: true },
    ])
    await load(loans, [loan('a', 5)])
    expect((await gold(loans, '_deleted'))[0]).toEqual({ _deleted: false })
  })
})

describe('a row whose parent comes later', () => {
  const desk = (id: number, branch: number, day: number): Row => ({ id, name: 'desk', branch, ...at(day) })
  const fine = (number: number, of: { patron: number; desk: number }, day: number): Row => ({
    number,
    ...of,
    ...at(day),
  })
  const branch = (id: number, day: number): Row => ({ id, name: 'branch', ...at(day) })

  it('waits beside its table until all its parents are there, through generations', async () => {
    expect(await load(fines, [fine(1, { patron: 1, desk: 1 }, 1)])).toBe(0)
    await load(patrons, [patron(1, 1)])
    await load(desks, [desk(1, 1, 1)])
    expect([await gold(desks, 'id'), await gold(fines, 'number')]).toEqual([[], []])
    const held = (of: Dataset) => database.warehouse.query(`SELECT _offset FROM ${goldSql(of)}`)
    expect([await held(desks), await held(fines)]).toMatchObject([[{}], [{}]])
    await load(branches, [branch(1, 1)])
    expect([await gold(desks, 'id'), await gold(fines, 'number')]).toEqual([[{ id: '1' }], [{ number: '1' }]])
    expect(await database.warehouse.query('SELECT FROM deferred_rows')).toEqual([])
  })

  it('leaves an older row in place while it waits', async () => {
    await load(branches, [branch(1, 1)])
    await load(desks, [desk(1, 1, 1), desk(2, 1, 1)])
    await load(desks, [desk(1, 7, 2), desk(2, 7, 0)])
    expect(await database.warehouse.query(`SELECT id, at FROM ${goldSql(desks)} ORDER BY id`)).toEqual([
      { id: '1', at: new Date(instant(2)) },
      { id: '2', at: new Date(instant(1)) },
    ])
    expect(await gold(desks, 'branch')).toEqual([{ branch: '1' }, { branch: '1' }])
    await load(branches, [branch(7, 1)])
    expect(await gold(desks, 'branch')).toEqual([{ branch: '7' }, { branch: '1' }])
  })

  it('does not wait for a parent that was deleted', async () => {
    await load(patrons, [deletion(1, 3)])
    await load(branches, [branch(1, 1)])
    await load(desks, [desk(1, 1, 1)])
    expect(await load(fines, [fine(1, { patron: 1, desk: 1 }, 1)])).toBe(1)
  })
})

describe('a numbered fact', () => {
  it('keeps its number when it is corrected, and when it comes again', async () => {
    await load(patrons, [patron(1, 1), patron(2, 1)])
    await load(branches, [{ id: 1, name: 'branch', ...at(1) }])
    await load(desks, [{ id: 1, name: 'desk', branch: 1, ...at(1) }])
    const fact = { number: 9, patron: 1, desk: 1, ...at(1) }
    await load(fines, [fact, { ...fact, number: 10 }])
    const before = await gold(fines, 'id')
    expect(new Set(before.map(({ id }) => id)).size).toBe(2)
    expect(await load(fines, [fact])).toBe(0)
    expect(await load(fines, [{ ...fact, patron: 2, ...at(2) }])).toBe(1)
    expect(await gold(fines, 'id')).toEqual(before)
    expect(await gold(fines, 'patron')).toEqual([{ patron: '2' }, { patron: '1' }])
  })
})

describe('of two loads at the same moment', () => {
  /** The first has written when the second begins, and commits when the second waits for it, or is done. */
  async function overlapping(first: [Dataset, Row[]], second: [Dataset, Row[]]): Promise<void> {
    let isDone = false
    let later: Promise<unknown> | undefined
    await load(...first, async () => {
      later = load(...second).finally(() => {
        isDone = true
      })
      const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
      while (!isDone && (await database.warehouse.query(waiting)).length === 0) await sleep(5)
    })
    await later
  }
  const branch: Row = { id: 1, name: 'branch', ...at(1) }
  const desk: Row = { id: 1, name: 'desk', branch: 1, ...at(1) }

  it('neither a tombstone nor the row that it deletes escapes the other', async () => {
    await overlapping([patrons, [patron(1, 1)]], [patrons, [deletion(1, 2)]])
    await overlapping([patrons, [deletion(2, 2)]], [patrons, [patron(2, 1)]])
    expect(await gold(patrons, 'id')).toEqual([])
  })

  it('a row finds its parent, or the parent finds the row', async () => {
    await overlapping([desks, [desk]], [branches, [branch]])
    await overlapping([branches, [{ ...branch, id: 2 }]], [desks, [{ ...desk, id: 2, branch: 2 }]])
    expect(await gold(desks, 'id')).toEqual([{ id: '1' }, { id: '2' }])
  })

  it('the parent that comes last moves a row with two', async () => {
    await load(branches, [branch])
    const fine = { patron: 1, desk: 1, ...at(1) }
    await load(fines, [{ number: 1, ...fine }])
    await overlapping([patrons, [patron(1, 1)]], [desks, [desk]])
    expect(await gold(fines, 'number')).toEqual([{ number: '1' }])
  })

  it('none waits for the other in a circle, whatever order their keys come in', async () => {
    const deadlocks = async () =>
      (
        await database.warehouse.query(
          'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
        )
      )[0]
    const before = await deadlocks()
    const upwards = (day: number) => Array.from({ length: 300 }, (_, id) => ({ id, name: 'x', ...at(day) }))
    await load(branches, upwards(1))
    await Promise.all(
      [2, 3, 4, 5].map((day) => load(branches, day % 2 ? upwards(day) : upwards(day).reverse())),
    )
    expect(await database.warehouse.query('SELECT DISTINCT at FROM branches')).toEqual([
      { at: new Date(instant(5)) },
    ])
    expect(await deadlocks()).toEqual(before)
  })
})

describe('whatever the order of arrival', () => {
  const key = fc.integer({ min: 1, max: 3 })
  const day = fc.integer({ min: 1, max: 6 })
  const placed = { day, sent: day, partition: fc.nat(1) }
  const anyRecord = fc.oneof(
    fc.record({ into: fc.constant(patrons), id: key, deleted: fc.boolean(), ...placed }),
    fc.record({ into: fc.constant(branches), id: key, ...placed }),
    fc.record({
      into: fc.constant(loans),
      id: key,
      deleted: fc.boolean(),
      patron: fc.option(key),
      ...placed,
    }),
    fc.record({ into: fc.constant(desks), id: key, branch: key, ...placed }),
    fc.record({ into: fc.constant(fines), id: key, patron: key, desk: key, ...placed }),
  )
  type Drawn = {
    into: Dataset
    id: number
    day: number
    sent: number
    partition: number
    deleted?: boolean
    patron?: number | null
    branch?: number
    desk?: number
  }

  function rowOf({ into, id, day, sent, partition, deleted, ...refs }: Drawn, offset: number): Row {
    const time = instant(deleted ? sent : day)
    const own: Row =
      into === loans
        ? { id, copy: 'a', on: time.slice(0, 10) }
        : into === fines
          ? { number: id, at: time }
          : { id, name: deleted ? null : 'x', at: time }
    const parents = { ...(deleted && into === loans ? { patron: null } : refs) }
    const lineage = { _timestamp_ms: Date.parse(instant(sent)), _partition: partition, _offset: offset }
    return { ...own, ...parents, ...lineage, ...(into.tombstones !== 'quarantine' && { _deleted: deleted! }) }
  }

  const order = (row: Row) =>
    [String(row.at ?? row.on), row._timestamp_ms, row._partition, row._offset] as const
  const isNewer = (a: Row, b: Row) => {
    const [ours, theirs] = [order(a), order(b)]
    const at = ours.findIndex((part, i) => part !== theirs[i])
    return at >= 0 && ours[at]! > theirs[at]!
  }
  const newest = (rows: readonly Row[]): Row | undefined =>
    rows.reduce<Row | undefined>((best, row) => (best && !isNewer(row, best) ? best : row), undefined)

  /** What gold must hold: the fold of all rows whose parents are known. */
  function expected(all: readonly { into: Dataset; row: Row }[]): Record<string, readonly string[]> {
    const rowsOf = (into: Dataset) => all.flatMap((each) => (each.into === into ? [each.row] : []))
    const fold = (into: Dataset, isKnown: (row: Row) => boolean) => {
      const name = into === fines ? 'number' : 'id'
      return [1, 2, 3].flatMap((id): Row[] => {
        const own = rowsOf(into).filter((row) => row[name] === id)
        const stone = newest(own.filter((row) => row._deleted))
        const row = newest(own.filter((each) => !each._deleted && isKnown(each)))
        const isBuried = row !== undefined && stone !== undefined && isNewer(stone, row)
        if (!row || (isBuried && into.tombstones === 'delete')) return []
        return [{ ...row, _deleted: isBuried }]
      })
    }
    const has = (rows: readonly Row[], id: unknown) => rows.some((row) => row.id === id)
    const knownDesks = fold(desks, (row) => has(rowsOf(branches), row.branch))
    const isPatron = (row: Row) => row.patron === null || has(rowsOf(patrons), row.patron)
    const shown = (rows: readonly Row[]) =>
      rows.map((row) => `${row.id ?? row.number} ${row._partition} ${row._offset} ${row._deleted}`)
    return {
      patrons: shown(fold(patrons, () => true)),
      branches: shown(fold(branches, () => true)),
      loans: shown(fold(loans, isPatron)),
      desks: shown(knownDesks),
      fines: shown(fold(fines, (row) => isPatron(row) && has(knownDesks, row.desk))),
    }
  }

  async function actual(): Promise<Record<string, readonly string[]>> {
    const tables = await Promise.all(
      library.map(async (each) => {
        const isMarked = each === loans ? '_deleted' : 'false'
        const rows = await gold(
          each,
          `concat_ws(' ', ${each.key[0]}, _partition, _offset) AS row, ${isMarked} AS marked`,
        )
        return [each.name, rows.map(({ row, marked }) => `${row} ${marked}`)] as const
      }),
    )
    return Object.fromEntries(tables)
  }

  const anyArrival = fc
    .tuple(
      fc.array(anyRecord, { minLength: 1, maxLength: 24 }),
      fc.array(fc.nat(99), { minLength: 24, maxLength: 24 }),
    )
    .map(([drawn, dice]) => {
      const all = drawn.map((each, offset) => ({ into: each.into, row: rowOf(each as Drawn, offset) }))
      // A few objects of each dataset, in any order; some come twice.
      const objects = library.flatMap((into) =>
        [0, 1, 2].map((object) => ({
          into,
          rows: all.flatMap((each, i) => (each.into === into && dice[i]! % 3 === object ? [each.row] : [])),
        })),
      )
      const sorted = objects
        .filter(({ rows }) => rows.length > 0)
        .map((object, i) => ({ object, dice: dice[i]! }))
        .sort((a, b) => a.dice - b.dice)
        .map(({ object }) => object)
      return { all, arrivals: [...sorted, ...sorted.filter((_, i) => dice[i]! % 2 === 0)] }
    })

  it('gold is the fold of what came, one object after the other', async () => {
    await fc.assert(
      fc
        .asyncProperty(anyArrival, async ({ all, arrivals }) => {
          for (const { into, rows } of arrivals) await load(into, rows)
          expect(await actual()).toEqual(expected(all))
        })
        .beforeEach(empty),
      { numRuns: 20, seed: 11 },
    )
  })

  it('gold is the fold of what came, many objects at the same time', async () => {
    await fc.assert(
      fc
        .asyncProperty(anyArrival, async ({ all, arrivals }) => {
          await Promise.all(arrivals.map(({ into, rows }) => load(into, rows)))
          expect(await actual()).toEqual(expected(all))
        })
        .beforeEach(empty),
      { numRuns: 12, seed: 12 },
    )
  })
})
