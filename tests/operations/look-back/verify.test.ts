import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { transactions } from '#datasets/finance/transactions.ts'
import { formatVerification, lasting, verify } from '#operations/cli/look-back/verify.ts'
import type { Problem } from '#operations/reconcile.ts'
import { memoryObjectStore } from '../../support/memory-object-store.ts'
import { makePipeline, transaction } from '../../support/pipeline.ts'
import { makeDatabase, type TestDatabase } from '../../support/postgres.ts'

let database: TestDatabase
let pipeline: Awaited<ReturnType<typeof makePipeline>>
beforeAll(async () => {
  database = await makeDatabase()
  pipeline = await makePipeline(database.warehouse)
  await pipeline.receive([
    transaction(1),
    transaction(2, { amount: '40000.00' }),
    transaction(3, { amount: '' }),
  ])
  await pipeline.receive([transaction(4), transaction(4)])
})
afterAll(() => pipeline.close())

const look = (running = false) =>
  verify(
    {
      kafka: pipeline.kafka,
      lake: pipeline.lake,
      failures: memoryObjectStore(),
      warehouse: database.warehouse,
    },
    [transactions],
    { running, full: false, signal: new AbortController().signal },
  )

// One story: each test breaks something more.
describe('verify', () => {
  it('finds that all agrees', async () => {
    const found = await look()
    expect(found).toMatchObject({
      holds: true,
      compared: true,
      problems: [],
      datasets: [{ kafka: 5, bronze: 5, silver: 3, quarantined: 1, duplicates: 1, gold: 3 }],
      decisions: { fraud: 1, genuine: 2 },
    })
    const text = formatVerification(found)
    for (const guarantee of ['G1', 'G2', 'G3', 'G4'])
      expect(text).toMatch(new RegExp(`^${guarantee} {2}ok `, 'm'))
    expect(text).toContain('The layers reconcile.')
  })

  it('tells apart what the next start finishes, and what was passed over', async () => {
    pipeline.append(3)
    const found = await look()
    expect(found).toMatchObject({
      holds: true,
      problems: [],
      underWay: [
        { guarantee: 'G1', address: 'transactions-0 offset 5', underWay: 3 },
        { guarantee: 'G4', address: 'transactions-0 offset 5', underWay: 3 },
      ],
    })
    const text = formatVerification(found)
    expect(text).toMatch(
      /^G1 {2}ok .*\n {12}under way: 3 records \(transactions: transactions-0 offsets 5 to 7 are not in bronze\)$/m,
    )
    expect(text).toContain('but for what is under way: npm start finishes it.')

    pipeline.append(0, 8)
    expect((await look()).problems).toMatchObject([{ guarantee: 'G1' }, { guarantee: 'G4' }])
    pipeline.append(-3, 5)
  })

  it('names a row of gold that is not the newest of silver', async () => {
    await database.warehouse.query(`UPDATE transactions SET _offset = 77 WHERE transaction_id = $1`, [
      transaction(4).transaction_id,
    ])
    const { problems } = await look()
    expect(problems).toMatchObject([{ guarantee: 'G3', address: transaction(4).transaction_id }])
  })

  it('names a fraud whose alert is gone, and a transaction that was decided and is not in gold', async () => {
    await database.warehouse.query('DELETE FROM alerts')
    await database.warehouse.query('DELETE FROM transactions WHERE transaction_id = $1', [
      transaction(4).transaction_id,
    ])
    const found = await look()
    expect(found.problems.map(({ guarantee, text }) => `${guarantee} ${text}`)).toEqual([
      `G3 gold is not the newest of silver at ${transaction(4).transaction_id}`,
      `G4 a decision on ${transaction(4).transaction_id}, which is not in silver`,
      `G4 no alert for the fraud ${transaction(2).transaction_id}`,
    ])
    const text = formatVerification(found)
    expect(text).toMatch(/^G1 {2}ok /m)
    expect(text).toMatch(/^G4 {2}BROKEN .*\n {12}fraud: a decision on .*\n {12}→ npx cupel trace /m)
    expect(text).toContain('The layers do NOT reconcile: 3 problems.')
  })
})

describe('while records are under way', () => {
  const problem = (address: string, text = ''): Problem => ({
    guarantee: 'G1',
    subject: 'users',
    address,
    text,
    remedy: '',
  })
  it('what moves on is no problem, what stays at its address is one, as it is now', () => {
    expect(lasting([problem('a', 'to 5'), problem('b')], [problem('a', 'to 9'), problem('c')])).toEqual([
      problem('a', 'to 9'),
    ])
  })
})
