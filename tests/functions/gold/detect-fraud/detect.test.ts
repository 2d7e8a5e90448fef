import { inspect } from 'node:util'
import { readValue } from '@cupel/core/bronze'
import { parseRecord } from '@cupel/core/record'
import type { Postgres } from '@cupel/io/postgres'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { generateFinance, type Produced } from '#datasets/finance/generate.ts'
import { exchangeRates, highRiskCountries, suspiciousMerchants } from '#datasets/finance/reference/lists.ts'
import { transactions } from '#datasets/finance/transactions.ts'
import { makeDetect } from '#functions/gold/detect-fraud/detect.ts'
import type { AlertPort } from '#functions/gold/detect-fraud/outbox.ts'
import { makeDatabase } from '../../../support/postgres.ts'

const startMs = Date.parse('2026-01-05T00:00:00Z')
const nowMs = Date.parse('2026-01-10T00:00:00Z')

let warehouse: Postgres
beforeAll(async () => {
  warehouse = (await makeDatabase({ max: 8 })).warehouse
})
beforeEach(clear)

async function clear(): Promise<void> {
  await warehouse.query('TRUNCATE fraud_decisions, fraud_history, fraud_progress, fraud_gaps, alerts')
}

type Sent = {
  readonly offset: number
  readonly partition?: number
  readonly topic?: string
  readonly key?: string | null
  readonly value: unknown
  readonly timestampMs?: number
  readonly headers?: unknown
}
const record = ({
  offset,
  partition = 0,
  topic = 'transactions',
  value,
  timestampMs = startMs,
  ...rest
}: Sent) => {
  const bytes =
    value === null
      ? null
      : Buffer.isBuffer(value)
        ? value
        : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
  return {
    topic,
    partition,
    offset,
    timestamp: timestampMs,
    timestampType: 'CREATE_TIME',
    ...(rest.key === null ? {} : { key: Buffer.from(rest.key ?? 'k').toString('base64') }),
    ...(bytes ? { value: bytes.toString('base64') } : {}),
    headers: rest.headers ?? [],
  }
}
const eventOf = (...records: Sent[]) => {
  const byPartition: Record<string, unknown[]> = {}
  for (const sent of records) {
    const made = record(sent)
    const name = `${made.topic}-${made.partition}`
    byPartition[name] ??= []
    byPartition[name].push(made)
  }
  return { eventSource: 'aws:kafka', records: byPartition }
}

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const transaction = (n: number, changes: Record<string, unknown> = {}) => ({
  transaction_id: id(n),
  account_id: id(900_001),
  user_id: id(800_001),
  merchant_id: id(700_001),
  amount: '20.00',
  currency: 'USD',
  country: 'DE',
  city: 'Berlin',
  channel: 'pos',
  event_time: new Date(startMs + n * 3_600_000).toISOString(),
  ...changes,
})
const fraudulent = (n: number) => transaction(n, { amount: '45,210.00', currency: 'EUR' })

const detector = (
  alerts: string[] = [],
  send: AlertPort['send'] = async ({ line }) => {
    alerts.push(line)
  },
) => makeDetect({ warehouse, alerts: { send }, now: () => nowMs })
const stateOf = async (database: Postgres) => {
  const read = (sql: string) => database.query(sql)
  return {
    decisions: await read('SELECT * FROM fraud_decisions ORDER BY topic, partition, record_offset'),
    histories: await read('SELECT * FROM fraud_history ORDER BY user_id'),
    progress: await read('SELECT * FROM fraud_progress ORDER BY topic, partition'),
    gaps: await read('SELECT * FROM fraud_gaps ORDER BY topic, partition, from_offset'),
    alerts: await read('SELECT transaction_id, version, line FROM alerts ORDER BY transaction_id, version'),
  }
}

/** The generated transactions as they would stand in `partitions` partitions. */
function partitioned(count: number, partitions: number): readonly (Sent & { truth: Produced['truth'] })[] {
  const next = Array.from({ length: partitions }, () => 0)
  return [...generateFinance({ seed: 3, transactions: count, startMs, users: 50 })]
    .filter(({ topic }) => topic === 'transactions')
    .map(({ key, value, timestampMs, truth }) => {
      const partition = key ? key.charCodeAt(0) % partitions : 0
      const offset = next[partition]!
      next[partition] = offset + 1
      return { partition, offset, key, value, timestampMs, truth }
    })
}

describe('detect-fraud', () => {
  it('decides each valid transaction once and says why', async () => {
    const alerts: string[] = []
    const result = await detector(alerts)(
      eventOf({ offset: 0, value: transaction(1) }, { offset: 1, value: fraudulent(2) }),
    )

    expect(result).toEqual({
      records: 2,
      redelivered: 0,
      duplicates: 0,
      invalid: 0,
      tombstones: 0,
      fraud: 1,
      genuine: 1,
      missing: 0,
      late: 0,
      alerts: 1,
    })
    const [fraud] = await warehouse.query('SELECT * FROM fraud_transaction')
    expect(fraud).toMatchObject({
      transaction_id: id(2),
      version: 1,
      amount: '45210.0000',
      amount_usd: '53121.750000',
      topic: 'transactions',
      partition: 0,
      record_offset: '1',
      reference_version: expect.stringMatching(/^\d+$/),
      event_lag_ms: String(nowMs - startMs - 2 * 3_600_000),
      rules: expect.stringContaining('large-amount@1 '),
      findings: [
        {
          rule: 'large-amount',
          version: 1,
          inputs: {
            amount: '45210.0000',
            currency: 'EUR',
            amountUsd: '53121.750000',
            usdPerUnit: '1.1750',
            rateFrom: '2026-01-01',
          },
          thresholds: { aboveUsd: 30_000 },
          explanation: 'amount 45,210.00 EUR = 53,121.75 USD at rate 1.1750 (2026-01-01) > 30,000.00 USD',
        },
      ],
    })
    expect(await warehouse.query('SELECT transaction_id FROM genuine_transaction')).toEqual([
      { transaction_id: id(1) },
    ])
    expect(alerts).toEqual([
      `ALERT 45,210.00 EUR · merchant ${id(700_001)} · Berlin, DE · large-amount: ` +
        'amount 45,210.00 EUR = 53,121.75 USD at rate 1.1750 (2026-01-01) > 30,000.00 USD · ' +
        `transaction ${id(2)}`,
    ])
  })

  it('calls the merchant by the name that gold knows', async () => {
    await warehouse.query(
      `INSERT INTO merchants (merchant_id, name, category, risk, country, city, updated_at, _timestamp_ms, _partition, _offset)
       VALUES ('${id(700_001)}', E'Kiosk · 24\\nltd', 'grocery', 'low', 'DE', 'Berlin', now(), 0, 0, 0)`,
    )
    const alerts: string[] = []
    await detector(alerts)(eventOf({ offset: 0, value: fraudulent(1) }))
    await warehouse.query('DELETE FROM merchants')
    expect(alerts[0]).toMatch(/^ALERT 45,210.00 EUR · Kiosk - 24 ltd · Berlin, DE · large-amount: /)
  })

  it('changes nothing when a batch is delivered again, whole, in part, or with more behind it', async () => {
    const alerts: string[] = []
    const detect = detector(alerts)
    const first = [
      { offset: 0, value: transaction(1) },
      { offset: 1, value: fraudulent(2) },
      { offset: 2, value: 'broken' },
    ]
    await detect(eventOf(...first))
    const before = await stateOf(warehouse)
    expect(await detect(eventOf(...first))).toMatchObject({ records: 3, redelivered: 3, fraud: 0, alerts: 0 })
    expect(await detect(eventOf(first[1]!))).toMatchObject({ redelivered: 1 })
    expect(await stateOf(warehouse)).toEqual(before)

    expect(await detect(eventOf(...first.slice(1), { offset: 3, value: transaction(4) }))).toMatchObject({
      redelivered: 2,
      genuine: 1,
    })
    expect((await stateOf(warehouse)).decisions.length).toBe(3)
    expect(alerts.length).toBe(1)
  })

  it('lets a batch that wakes after its successor do nothing', async () => {
    const early = eventOf({ offset: 0, value: transaction(1) })
    await detector()(eventOf({ offset: 0, value: transaction(1) }, { offset: 1, value: fraudulent(2) }))
    const before = await stateOf(warehouse)
    expect(await detector()(early)).toMatchObject({ redelivered: 1 })
    expect(await stateOf(warehouse)).toEqual(before)
  })

  it('decides a batch once that two environments hold at the same time', async () => {
    const event = eventOf(
      ...Array.from({ length: 50 }, (_, n) => ({ offset: n, value: n % 5 ? transaction(n) : fraudulent(n) })),
    )
    const alerts: string[] = []
    const results = await Promise.all([1, 2, 3, 4].map(() => detector(alerts)(event)))
    expect(results.map(({ redelivered }) => redelivered).sort((a, b) => a - b)).toEqual([0, 50, 50, 50])
    expect((await stateOf(warehouse)).decisions.length).toBe(50)
    expect(new Set(alerts).size).toBe(10)
    expect(alerts.length).toBe(10)
  })

  it('notes offsets that never came, and goes on', async () => {
    await detector()(eventOf({ offset: 10, value: transaction(1) }, { offset: 13, value: transaction(2) }))
    expect(await detector()(eventOf({ offset: 20, value: transaction(3) }))).toMatchObject({
      missing: 6,
      genuine: 1,
    })
    const { gaps, progress } = await stateOf(warehouse)
    expect(gaps.map(({ from_offset, to_offset }) => [Number(from_offset), Number(to_offset)])).toEqual([
      [11, 12],
      [14, 19],
    ])
    expect(progress).toMatchObject([{ first_offset: '10', next_offset: '21', decided: '3', missing: '8' }])
  })

  it('counts what is not valid, and what came before with the same content', async () => {
    const result = await detector()(
      eventOf(
        { offset: 0, value: transaction(1) },
        { offset: 1, value: null },
        { offset: 2, value: Buffer.from([0xff, 0xfe]) },
        { offset: 3, value: transaction(2, { amount: -1 }) },
        { offset: 4, value: transaction(1, { country: 'Germany', amount: 20, currency: 'usd' }) },
        { offset: 5, value: '[]' },
      ),
    )
    expect(result).toMatchObject({ genuine: 1, tombstones: 1, invalid: 3, duplicates: 1 })
    const { progress } = await stateOf(warehouse)
    expect(progress).toMatchObject([
      { next_offset: '6', decided: '1', duplicates: '1', invalid: '3', tombstones: '1' },
    ])
  })

  it('keeps the first decision when a transaction comes again corrected, and shows the latest', async () => {
    const detect = detector()
    await detect(eventOf({ offset: 0, value: fraudulent(1) }))
    await detect(eventOf({ offset: 1, value: transaction(1) }))
    expect(await detect(eventOf({ offset: 2, value: fraudulent(1) }))).toMatchObject({ duplicates: 1 })
    const { decisions, histories, alerts } = await stateOf(warehouse)
    expect(decisions.map(({ version, verdict }) => [version, verdict])).toEqual([
      [1, 'fraud'],
      [2, 'genuine'],
    ])
    expect(await warehouse.query('SELECT version FROM genuine_transaction')).toEqual([{ version: 2 }])
    expect(await warehouse.query('SELECT version FROM fraud_transaction')).toEqual([])
    expect(histories).toMatchObject([{ payments: '1', sum_micro_usd: '20000000' }])
    expect(alerts.length).toBe(1)
  })

  it('decides what no key, odd headers, odd times and unknown currencies come with', async () => {
    const odd = [
      { offset: 0, key: null, value: transaction(1) },
      { offset: 1, value: transaction(2), headers: [{ 'fraud-label': [-1, -2, 0] }, { x: null }] },
      { offset: 2, value: transaction(3), timestampMs: -1 },
      { offset: 3, value: transaction(4), timestampMs: 9e18 },
      { offset: 4, value: transaction(5, { event_time: '0001-01-01T00:00:00.000Z' }) },
      { offset: 5, value: transaction(6, { event_time: '9999-12-31T23:59:59.999Z' }) },
      { offset: 6, value: transaction(7, { currency: 'XOF' }) },
      { offset: 7, value: transaction(8, { amount: '99999999999999.9999', city: 'x\ny"\\' }) },
    ]
    const alerts: string[] = []
    expect(await detector(alerts)(eventOf(...odd))).toMatchObject({ genuine: 7, fraud: 1 })
    expect(alerts[0]).toContain(' · x y"\\, DE · ')
    const times = await warehouse.query(
      'SELECT record_time, amount_usd FROM fraud_decisions ORDER BY record_offset',
    )
    expect(times.map(({ record_time }) => record_time === null)).toEqual([
      false,
      false,
      true,
      true,
      false,
      false,
      false,
      false,
    ])
    expect(times[6]).toMatchObject({ amount_usd: null })
  })

  it('takes an empty batch, and uses it to send what is unsent', async () => {
    expect(await detector()({ records: {} })).toMatchObject({ records: 0, alerts: 0 })
  })

  it('refuses records of another topic and decides none of the batch', async () => {
    const event = eventOf(
      { offset: 0, value: transaction(1) },
      { topic: 'user_profiles', offset: 0, value: {} },
    )
    await expect(detector()(event)).rejects.toThrow(
      'no dataset for topic user_profiles in detect-fraud; known: transactions',
    )
    expect((await stateOf(warehouse)).progress).toEqual([])
  })

  it('says so when a topic was made anew under the same name', async () => {
    await detector()(eventOf({ offset: 0, value: transaction(1) }, { offset: 1, value: transaction(2) }))
    await expect(detector()(eventOf({ offset: 0, value: transaction(7) }))).rejects.toMatchObject({
      code: 'TOPIC_REPLACED',
    })
    await expect(
      detector()(eventOf({ offset: 1, value: transaction(7) }, { offset: 2, value: transaction(8) })),
    ).rejects.toThrow('transactions-0@1 is not the record that fraud_progress knows there')
    expect((await stateOf(warehouse)).decisions.length).toBe(2)
  })

  it('starts again where a batch begins before its start, as when somebody invoked it by hand with a later record', async () => {
    const later = [
      { offset: 5, value: transaction(5) },
      { offset: 6, value: fraudulent(6) },
    ]
    await detector()(eventOf(...later, { offset: 9, value: transaction(9) }))
    const all = eventOf({ offset: 0, value: transaction(1) }, ...later, { offset: 7, value: transaction(7) })
    expect(await detector()(all)).toMatchObject({ genuine: 2, fraud: 0, duplicates: 2, missing: 4 })
    const gaps = () => warehouse.query('SELECT from_offset::int AS at FROM fraud_gaps ORDER BY from_offset')
    expect(await gaps()).toEqual([{ at: 1 }])
    expect(await detector()(eventOf({ offset: 9, value: transaction(9) }))).toMatchObject({ duplicates: 1 })
    expect(await gaps()).toEqual([{ at: 1 }, { at: 8 }])
    expect(await detector()(all)).toMatchObject({ redelivered: 4 })
  })

  it('passes on no value that PostgreSQL quotes of a row', async () => {
    const refused = Object.assign(new Error('invalid input syntax for type uuid: "4711 Jane Doe"'), {
      code: '22P02',
      detail: 'Failing row contains (4711 Jane Doe).',
    })
    const detect = makeDetect({
      warehouse: { transaction: () => Promise.reject(refused) },
      alerts: { send: async () => {} },
      now: () => nowMs,
    })
    const failure = await detect(eventOf({ offset: 0, value: transaction(1) })).catch((error) => error)
    expect(failure).toMatchObject({ code: 'UNDECIDED', retryable: true })
    expect(failure.message).toMatch(/22P02.*invalid input syntax for type uuid/)
    expect(inspect(failure, { showHidden: true })).not.toContain('Jane')
  })

  it('sends an alert that a crash after the commit left unsent, with the next batch', async () => {
    const alerts: string[] = []
    const crash = detector([], () => Promise.reject(new Error('crashed')))
    await expect(crash(eventOf({ offset: 0, value: fraudulent(1) }))).rejects.toThrow('crashed')
    expect((await stateOf(warehouse)).decisions.length).toBe(1)
    expect(await detector(alerts)(eventOf({ offset: 1, value: transaction(2) }))).toMatchObject({ alerts: 1 })
    expect(await detector(alerts)({ records: {} })).toMatchObject({ alerts: 0 })
    expect(alerts.length).toBe(1)
  })

  it('notes the alerts that were sent before one that could not be', async () => {
    const sent: string[] = []
    const flaky = async ({ line }: { line: string }) => {
      if (line.includes(id(2))) throw new Error('pager is down')
      sent.push(line)
    }
    const event = eventOf({ offset: 0, value: fraudulent(1) }, { offset: 1, value: fraudulent(2) })
    await expect(detector([], flaky)(event)).rejects.toThrow('pager is down')
    expect(await detector(sent)(event)).toMatchObject({ redelivered: 2, alerts: 1 })
    expect(sent.map((line) => line.slice(-36))).toEqual([id(1), id(2)])
  })

  it('leaves nothing behind when a batch fails in the middle', async () => {
    const failing: Pick<Postgres, 'transaction'> = {
      transaction: (work) =>
        warehouse.transaction(async (client) => {
          await work(client)
          throw new Error('cut before the commit')
        }),
    }
    const detect = makeDetect({ warehouse: failing, alerts: { send: async () => {} }, now: () => nowMs })
    await expect(detect(eventOf({ offset: 0, value: fraudulent(1) }))).rejects.toThrow(
      'cut before the commit',
    )
    expect(await stateOf(warehouse)).toEqual({
      decisions: [],
      histories: [],
      progress: [],
      gaps: [],
      alerts: [],
    })
  })

  it('decides the same, whatever the batches', async () => {
    const records = partitioned(1500, 2)
    const comparable = async () => {
      const { decisions, histories, alerts } = await stateOf(warehouse)
      return { decisions, histories, alerts }
    }
    await detector()(eventOf(...records))
    const whole = await comparable()
    await clear()
    for (let at = 0, size = 1; at < records.length; at += size, size = (size * 7) % 211)
      await detector()(eventOf(...records.slice(at, at + size)))
    const pieces = await comparable()
    expect(pieces).toEqual(whole)
    expect(whole.decisions.length).toBe(records.filter(({ truth }) => truth.as === 'valid').length)
  })

  it('never lets batches of different partitions that share users wait in a circle', async () => {
    const users = Array.from({ length: 20 }, (_, n) => id(800_100 + n))
    const batchOf = (partition: number, round: number) =>
      eventOf(
        ...Array.from({ length: 40 }, (_, n) => ({
          partition,
          offset: round * 40 + n,
          value: transaction(partition * 10_000 + round * 40 + n, {
            user_id: users[(n * (partition + 3)) % 20],
          }),
        })),
      )
    const rounds = async (partition: number) => {
      for (let round = 0; round < 8; round += 1) await detector()(batchOf(partition, round))
    }
    await Promise.all([0, 1, 2, 3].map(rounds))
    const [{ deadlocks }] = (await warehouse.query(
      'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
    )) as [{ deadlocks: number }]
    expect(deadlocks).toBe(0)
    const { histories, decisions } = await stateOf(warehouse)
    expect(decisions.length).toBe(4 * 8 * 40)
    expect(histories.reduce((sum, { payments }) => sum + Number(payments), 0)).toBe(
      decisions.filter(({ verdict }) => verdict === 'genuine').length,
    )
  })

  it('finds the planted frauds and few others', async () => {
    const records = partitioned(4000, 1)
    await detector()(eventOf(...records))
    const truth = new Map(
      records.flatMap(({ value, truth }) => {
        const parsed =
          truth.as === 'valid' ? parseRecord(transactions, readValue(value as Buffer)) : undefined
        return parsed?.ok ? [[parsed.row.transaction_id, truth.fraud] as const] : []
      }),
    )
    const found = await warehouse.query<{ transaction_id: string; findings: { rule: string }[] }>(
      'SELECT transaction_id, findings FROM fraud_transaction',
    )
    const rulesOf = new Map(
      found.map(({ transaction_id, findings }) => [transaction_id, findings.map(({ rule }) => rule)]),
    )
    for (const [transactionId, fraud] of truth)
      if (fraud !== 'none' && fraud !== 'spending-velocity')
        expect(rulesOf.get(transactionId) ?? []).toContain(fraud)
    const wrong = found.filter(({ transaction_id }) => truth.get(transaction_id) === 'none')
    expect(wrong.length).toBeLessThan(truth.size * 0.005)
    expect(
      found.filter(({ transaction_id }) => truth.get(transaction_id) === 'spending-velocity').length,
    ).toBeGreaterThan(0)
  })

  it('takes the largest batch of an event source, 10,000 records', async () => {
    const result = await detector()(eventOf(...partitioned(10_000, 4)))
    expect(result.records).toBe(10_000)
    expect(result.redelivered).toBe(0)
  })
})

describe('reference data', () => {
  it('is seeded with what the generator plants', async () => {
    const days = (name: string) => `to_char(${name}, 'YYYY-MM-DD')`
    const listed = `reason, ${days('listed_from')} AS "from", ${days('listed_to')} AS "to"`
    const sorted = (rows: readonly object[]) =>
      rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort()
    expect(
      sorted(
        await warehouse.query(`SELECT merchant_id AS "merchantId", ${listed} FROM suspicious_merchants`),
      ),
    ).toEqual(sorted(suspiciousMerchants))
    expect(sorted(await warehouse.query(`SELECT country, ${listed} FROM high_risk_countries`))).toEqual(
      sorted(highRiskCountries),
    )
    expect(
      sorted(
        await warehouse.query(
          `SELECT currency, ${days('valid_from')} AS "from", usd_per_unit::text AS "usdPerUnit" FROM exchange_rates`,
        ),
      ),
    ).toEqual(sorted(exchangeRates))
  })

  it('counts its changes, and decisions say which one they knew', async () => {
    await detector()(eventOf({ offset: 0, value: transaction(1) }))
    await warehouse.query(
      `INSERT INTO suspicious_merchants VALUES ('${id(700_001)}', 'test', '2020-01-01', null)`,
    )
    await detector()(eventOf({ offset: 1, value: transaction(2) }))
    await warehouse.query("DELETE FROM suspicious_merchants WHERE reason = 'test'")
    const rows = await warehouse.query<{ verdict: string; reference_version: string }>(
      'SELECT verdict, reference_version FROM fraud_decisions ORDER BY record_offset',
    )
    expect(rows.map(({ verdict }) => verdict)).toEqual(['genuine', 'fraud'])
    expect(Number(rows[1]!.reference_version)).toBe(Number(rows[0]!.reference_version) + 1)
  })
})
