import { silverKey } from '@cupel/core/keys'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { merchants } from '#datasets/finance/merchants.ts'
import { transactions } from '#datasets/finance/transactions.ts'
import { traceRecord } from '#operations/cli/look-back/trace.ts'
import { formatTrace } from '#operations/cli/look-back/trace-text.ts'
import { makePipeline, transaction } from '../../support/pipeline.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

let database: TestDatabase
let pipeline: Awaited<ReturnType<typeof makePipeline>>
const id = (n: number) => transaction(n).transaction_id
const newer = { event_time: '2026-01-06T00:00:00Z' }
let first: string
let second: string
beforeAll(async () => {
  database = await makeDatabase()
  pipeline = await makePipeline(database.warehouse)
  first = await pipeline.receive([
    transaction(1),
    transaction(2, { amount: '40000.00' }), // a fraud
    transaction(1), // a repetition in the same object
    transaction(3, { amount: 'much', city: '\u001b[2J' }),
    transaction(4, { transaction_id: 'No-Uuid 7' }),
    JSON.stringify(transaction(5), null, 1).replace('{', '{\r'), // line breaks: base64 in bronze
    'not JSON, but of 00000000-0000-4000-8000-000000000006',
    null,
  ])
  second = await pipeline.receive([transaction(1, newer), transaction(2, { amount: '40000.00' })])
})
afterAll(() => pipeline.close())

const everything = { scanUpToBytes: Number.POSITIVE_INFINITY }
const trace = (key: string, options = everything) =>
  traceRecord({ lake: pipeline.lake, warehouse: database.warehouse }, transactions, key, options)

describe('the life of a transaction', () => {
  it('is told of a fraud: addresses, row, decision with its numbers, alert', async () => {
    const told = await trace(id(2))
    expect(told).toMatchObject({
      key: id(2),
      gold: { table: 'transactions', partition: 0, offset: 9 },
      records: [
        {
          offset: 1,
          bronze: { object: first, line: 2 },
          raw: JSON.stringify(transaction(2, { amount: '40000.00' })),
          outcome: { kind: 'silver', row: { amount: '40000.0000', currency: 'EUR' }, problem: null },
        },
        { offset: 9, bronze: { object: second, line: 2 }, outcome: { kind: 'silver' } },
      ],
      decisions: [
        {
          version: 1,
          verdict: 'fraud',
          offset: 1,
          findings: [
            { rule: 'large-amount', thresholds: { aboveUsd: 30_000 } },
            { rule: 'spending-velocity', inputs: { payments: 2 } },
          ],
          rules: expect.arrayContaining(['large-amount@1', 'spending-velocity@1']),
          alert: { sentMs: expect.any(Number) },
        },
      ],
    })
    const text = formatTrace(told)
    expect(text).toContain('transactions-0 offset 1')
    expect(text).toMatch(/decision +\S+ \S+ {2}[+−].* since Kafka\n +fraud, version 1; worth 47000\.\d+ USD/)
    expect(text).toContain('found nothing: suspicious-merchant@1')
    expect(text).toMatch(/alert .*\n +number \d+, sent/)
    expect(text).toContain('the row is that of the newer record at 0:9')
    expect(text).toContain('none of its own')
  })

  it('is told of repetitions and corrections, each with what became of it', async () => {
    const { records, gold, decisions } = await trace(id(1).toUpperCase())
    expect(records.map(({ offset, outcome }) => [offset, outcome.kind])).toEqual([
      [0, 'duplicate'],
      [2, 'silver'],
      [8, 'silver'],
    ])
    expect(records[0]!.outcome).toMatchObject({ wonBy: { partition: 0, offset: 2 } })
    expect(gold).toMatchObject({ offset: 8 })
    expect(decisions.map(({ version, offset }) => [version, offset])).toEqual([
      [1, 0],
      [2, 8],
    ])
  })

  it('is told of a rejected record, with every reason; what senders wrote cannot move the cursor', async () => {
    const told = await trace(id(3))
    expect(told.records).toMatchObject([
      {
        outcome: {
          kind: 'quarantine',
          reasons: [{ field: 'amount', reason: 'not-a-number', value: 'much' }],
        },
      },
    ])
    expect(formatTrace(told)).toContain('amount: not-a-number, it was "much"')
    expect(formatTrace(told)).not.toContain('\u001b')
  })

  it.each([
    ['a malformed id', ' no-uuid 7', 4, 'quarantine'],
    ['a value that stands encoded in bronze', id(5), 5, 'silver'],
    ['a value that is no JSON', id(6), 6, 'quarantine'],
  ])('finds %s', async (_, key, offset, kind) => {
    expect((await trace(key)).records.map((record) => [record.offset, record.outcome.kind])).toEqual([
      [offset, kind],
    ])
  })

  it('shows a value as it was sent where JSON would not keep it', async () => {
    const raw = JSON.stringify(transaction(8)).replace('"10.00"', '10.00')
    await pipeline.receive([raw])
    expect(formatTrace(await trace(id(8)))).toContain(raw)
  })

  it('reads only what gold and decisions name where bronze is large, and says so', async () => {
    const told = await trace(id(1), { scanUpToBytes: 0 })
    expect(told.records.map(({ offset }) => offset)).toEqual([0, 2, 8]) // both objects are named
    expect(told.scanned.all).toBe(false)
    expect(formatTrace(told)).toContain('--scan reads all of it')
  })

  it('searches all of bronze for what nothing else knows, and finds nothing of a stranger', async () => {
    let scanned = false
    const unknown = await trace(id(99), {
      scanUpToBytes: 0,
      onScan: () => (scanned = true),
    } as typeof everything)
    expect(unknown).toMatchObject({ records: [], gold: null, decisions: [], scanned: { all: true } })
    expect(scanned).toBe(true)
    const ports = { lake: pipeline.lake, warehouse: database.warehouse }
    expect((await traceRecord(ports, merchants, id(1), everything)).records).toEqual([])
  })

  it('says what has not come to the next stage yet', async () => {
    const key = await pipeline.receive([transaction(10)])
    await database.warehouse.query('DELETE FROM ledger WHERE object_key = $1', [
      silverKey(transactions.silverFolder, key.replace(/^bronze\/[^/]+\/|\.ndjson$/g, '')),
    ])
    expect(formatTrace(await trace(id(10)))).toContain('not loaded yet')
  })
})
