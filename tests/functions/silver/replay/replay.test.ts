import { text } from '@cupel/core/kinds'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { transactions } from '#datasets/finance/transactions.ts'
import type { ListAnswer, ShowAnswer } from '#functions/silver/replay/look.ts'
import type { DatasetAnswer, EditAnswer } from '#functions/silver/replay/replay.ts'
import { verify } from '#operations/cli/look-back/verify.ts'
import { memoryObjectStore } from '../../../support/memory-object-store.ts'
import { makePipeline, transaction } from '../../../support/pipeline.ts'
import { makeDatabase, type TestDatabase } from '../../../support/postgres.ts'

/** Takes short names of cities only; the next version is the dataset as it is. */
const strict = { ...transactions, fields: { ...transactions.fields, city: text('City.', { max: 6 }) } }
const loosened = { ...transactions, version: 2 }
const ofObject = 'partition=0/transactions+0+00000000000000000000'
const dataset = 'transactions'
const edit = { set: { amount: '12.50' } }
const signed = { by: 'jane', because: 'the terminal sent none' }

describe('replay from quarantine', () => {
  let database: TestDatabase
  let current: { dataset: typeof strict | typeof loosened }
  let pipeline: Awaited<ReturnType<typeof makePipeline>>
  let engine: Engine
  beforeAll(async () => {
    database = await makeDatabase()
    engine = await openEngine()
  })
  beforeEach(async () => {
    await database.warehouse.query(
      `TRUNCATE ledger, transactions, fraud_decisions, fraud_history, fraud_progress, fraud_gaps, alerts, quarantine_history`,
    )
    current = { dataset: strict }
    pipeline = await makePipeline(database.warehouse, current, engine)
  })
  afterAll(() => engine.close())

  /** Two objects: what is short, long, without amount, both, and no JSON; and one that is good. */
  async function receive(by: typeof current.dataset) {
    current.dataset = by
    await pipeline.receive([
      transaction(1),
      transaction(2, { city: 'Gelsenkirchen' }),
      transaction(3, { amount: '', city: 'Gelsenkirchen', device: 'U+0000: \0' }),
      transaction(4, { amount: '' }),
      'no JSON',
    ])
    await pipeline.receive([transaction(5)])
  }

  const ask = <A>(request: object) => pipeline.ask({ dataset, ...request }) as Promise<A>
  const replayAll = () => ask<DatasetAnswer>({ action: 'replay', by: 'jane' })
  const editOne = (offset: number, changes: object = {}) =>
    ask<EditAnswer>({ action: 'replay', entry: `${ofObject}@${offset}`, edit, ...signed, ...changes })
  const gold = async () =>
    (await database.warehouse.query('SELECT * FROM transactions ORDER BY transaction_id')).map(
      ({ transaction_id, amount, city }) => `${Number(transaction_id.slice(-4))} ${amount} ${city}`,
    )
  const look = () =>
    verify(
      {
        kafka: pipeline.kafka,
        lake: pipeline.lake,
        failures: memoryObjectStore(),
        warehouse: database.warehouse,
      },
      [current.dataset],
      { running: false, full: true, signal: new AbortController().signal },
    )
  /** Keys and contents of all objects, and all rows that a person reads. */
  const everything = async () => {
    const objects = await Promise.all(
      pipeline.lake.keys().map(async (key) => [key, (await pipeline.lake.head(key))!.eTag]),
    )
    const tables = ['ledger', 'transactions', 'fraud_decisions', 'quarantine_history', 'fraud_history']
    const rows = await Promise.all(tables.map((table) => database.warehouse.query(`SELECT * FROM ${table}`)))
    return JSON.stringify([objects, rows])
  }

  it('lists reasons with counts, and shows entries in pages, what was sent only when asked', async () => {
    await receive(strict)
    const found = await ask<ListAnswer>({ action: 'list' })
    expect(found).toMatchObject({ version: 1, entries: 4, edited: 0, acceptedLater: 0 })
    expect(found.groups.map(({ field, reason, entries }) => [field, reason, entries])).toEqual([
      ['amount', 'missing', 2],
      ['city', 'too-long', 2],
      [null, 'unreadable', 1],
      ['device', 'contains-nul', 1],
    ])
    expect(found.groups[1]!.example).toEqual({ id: `${ofObject}@1`, value: 'Gelsenkirchen' })
    const hurried = (await pipeline.ask({ action: 'list', dataset }, () => 0)) as ListAnswer
    expect(hurried.next).toBe(ofObject)
    expect(await ask<ListAnswer>({ action: 'list', from: hurried.next })).toMatchObject({
      entries: 0,
      groups: [],
    })

    const first = await ask<ShowAnswer>({ action: 'show', limit: 1, field: 'city' })
    expect(first.entries.map(({ place }) => place)).toEqual(['transactions-0@1'])
    expect(JSON.stringify(first)).not.toContain('user_id')
    const second = await ask<ShowAnswer>({ action: 'show', limit: 1, field: 'city', from: first.next })
    expect(second.entries.map(({ place }) => place)).toEqual(['transactions-0@2'])
    expect(second.next).toBeUndefined()
    const raw = await ask<ShowAnswer>({ action: 'show', reason: 'unreadable', raw: true })
    expect(raw.entries[0]).toMatchObject({ raw: Buffer.from('no JSON').toString('base64') })
  })

  it('tries a new version without writing, replays it, and the second time finds nothing to do', async () => {
    await receive(strict)
    expect(await replayAll()).toMatchObject({ objects: 0, accepted: 0 }) // no newer version
    current.dataset = { ...loosened, version: 1 } // changed, and not counted up
    expect(await ask<DatasetAnswer>({ action: 'dryRun' })).toMatchObject({ accepted: 1, ofThisVersion: 1 })
    current.dataset = loosened
    const before = await everything()
    const tried = await ask<DatasetAnswer>({ action: 'dryRun' })
    expect(tried).toMatchObject({
      version: 2,
      objects: 1,
      accepted: 1,
      rejected: 3,
      ofThisVersion: 0,
      held: [],
    })
    expect(tried.diffs[0]).toEqual({
      id: `${ofObject}@1`,
      isEdited: false,
      accepted: true,
      fields: [
        {
          field: 'city',
          reason: 'too-long',
          before: 'Gelsenkirchen',
          after: 'Gelsenkirchen',
          stillWrong: null,
        },
      ],
    })
    expect(await everything()).toBe(before)

    expect(await replayAll()).toMatchObject({ objects: 1, accepted: 1, rejected: 3, failed: [], held: [] })
    expect(await gold()).toEqual(['1 10.0000 Berlin', '2 10.0000 Gelsenkirchen', '5 10.0000 Berlin'])
    expect(await look()).toMatchObject({ holds: true, problems: [], underWay: [] })
    const { entries } = await ask<ShowAnswer>({ action: 'show', entry: `${ofObject}@1` })
    expect(entries[0]).toMatchObject({
      place: 'transactions-0@1',
      reasons: [{ field: 'city', reason: 'too-long', value: 'Gelsenkirchen' }],
      history: {
        inQuarantine: false,
        replays: [
          { version: 1, replayedVersion: 2, outcome: 'accepted', by: 'jane', atMs: Date.UTC(2026, 5, 1) },
        ],
        edit: null,
      },
    })
    expect(await ask<ListAnswer>({ action: 'list' })).toMatchObject({ entries: 3, acceptedLater: 1 })

    const after = await everything()
    expect(await replayAll()).toMatchObject({ objects: 0, accepted: 0, rejected: 0 })
    expect(await everything()).toBe(after)
  })

  it('goes on where its time ended', async () => {
    await receive(strict)
    await pipeline.receive([transaction(6, { city: 'Gelsenkirchen' })])
    current.dataset = loosened
    const first = (await pipeline.ask({ action: 'replay', dataset, by: 'jane' }, () => 0)) as DatasetAnswer
    expect(first).toMatchObject({
      objects: 1,
      next: expect.stringContaining('+00000000000000000000.parquet'),
    })
    const second = await ask<DatasetAnswer>({ action: 'replay', by: 'jane', from: first.next })
    expect(second).toMatchObject({ objects: 1, accepted: 1 })
    expect(second.next).toBeUndefined()
    expect((await look()).problems).toEqual([])
  })

  it('holds an object back when the new version rejects what is in gold', async () => {
    await receive(strict)
    const { city, ...fields } = strict.fields
    const stricter = { ...strict, version: 2, fields: { city: text('City.', { max: 5 }), ...fields } }
    current.dataset = stricter as never
    const before = await everything()
    expect(await replayAll()).toMatchObject({
      objects: 0,
      held: [{ object: `bronze/transactions-folder/${ofObject}.ndjson`, lost: 1 }],
    })
    expect(await everything()).toBe(before)
  })

  it('puts an edited record into the place of a rejected one, and the decision on it into fraud_decisions', async () => {
    await receive(transactions)
    expect((await look()).decisions).toEqual({ fraud: 0, genuine: 3 })
    const before = await everything()
    const tried = await ask<EditAnswer>({ action: 'dryRun', entry: `${ofObject}@3`, edit })
    expect(tried).toEqual({
      outcome: 'would be accepted',
      diff: {
        accepted: true,
        fields: [{ field: 'amount', reason: 'missing', before: '', after: '12.5000', stillWrong: null }],
      },
    })
    expect(await everything()).toBe(before)

    expect(await editOne(3)).toMatchObject({ outcome: 'accepted' })
    expect(await gold()).toContain('4 12.5000 Berlin')
    const verified = await look()
    expect(verified).toMatchObject({ holds: true, problems: [], underWay: [], notes: [] })
    expect(verified.datasets).toMatchObject([
      { kafka: 6, bronze: 6, edited: 1, silver: 4, quarantined: 3, duplicates: 0, gold: 4 },
    ])
    expect(verified.decisions).toEqual({ fraud: 0, genuine: 4 })
    const { entries } = await ask<ShowAnswer>({ action: 'show', entry: `${ofObject}@3` })
    expect(entries[0]!.history).toEqual({
      inQuarantine: true,
      replays: [],
      edit: { ...signed, atMs: Date.UTC(2026, 5, 1), sha256: expect.any(String), outcome: 'accepted' },
    })
    expect(await ask<ListAnswer>({ action: 'list' })).toMatchObject({ entries: 3, edited: 1 })
  })

  it('stores no edit that the dataset rejects, one that it accepts once, and no other after it', async () => {
    await receive(transactions)
    const before = await everything()
    expect(await editOne(3, { edit: { set: { amount: 'much' } } })).toMatchObject({
      outcome: 'rejected',
      diff: { fields: [{ field: 'amount', reason: 'missing', stillWrong: 'not-a-number', after: null }] },
    })
    await expect(editOne(4)).rejects.toThrow('give its whole value')
    await expect(editOne(0)).rejects.toThrow(`there is no entry ${ofObject}@0 in quarantine of transactions`)
    expect(await everything()).toBe(before)

    await editOne(3)
    const after = await everything()
    expect(await editOne(3, { by: 'john' })).toMatchObject({ outcome: 'unchanged', edit: signed })
    expect(await editOne(3, { edit: { set: { amount: '99' } } })).toMatchObject({
      outcome: 'taken',
      edit: signed,
    })
    expect(await everything()).toBe(after)
  })

  it('leaves gold to a newer record that came before the edit', async () => {
    await receive(transactions)
    await pipeline.receive([transaction(4, { amount: '77', event_time: '2026-01-06T00:00:00Z' })])
    expect(await editOne(3)).toMatchObject({ outcome: 'accepted' })
    expect(await gold()).toContain('4 77.0000 Berlin')
    expect(await look()).toMatchObject({ holds: true, problems: [] })
  })

  it('goes on after a crash at any write, with the outcome of one that never crashed', async () => {
    await receive(strict)
    const { put } = pipeline.lake
    const { query } = database.warehouse
    const outcome = async () => [await gold(), (await look()).problems, pipeline.lake.keys()]
    const steps = [
      async () => void (await editOne(3)),
      async () => {
        current.dataset = loosened
        const { failed } = await replayAll()
        if (failed.length > 0) throw new Error(failed[0]!.problem)
      },
    ]
    for (const step of steps)
      for (let writes = 0; ; writes++) {
        let left = writes
        const failing: typeof put = async (...parameters) => {
          if (left-- === 0) throw new Error('power cut')
          return put(...parameters)
        }
        Object.assign(pipeline.lake, { put: failing })
        const done = await step().then(
          () => true,
          (error) => {
            expect(error.message).toContain('power cut')
            return false
          },
        )
        Object.assign(pipeline.lake, { put })
        if (done) break
      }
    expect(await outcome()).toEqual([
      ['1 10.0000 Berlin', '2 10.0000 Gelsenkirchen', '4 12.5000 Berlin', '5 10.0000 Berlin'],
      [],
      expect.any(Array),
    ])
    const [count] = await query('SELECT count(*) FROM quarantine_history')
    expect(count).toEqual({ count: '4' })
  })
})
