import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { readValue } from '@cupel/core/bronze'
import { bronzeKey } from '@cupel/core/keys'
import type { ObjectStore } from '@cupel/io/object-store'
import { Kafka, logLevel, type Message } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateFinance, worldStartMs } from '#datasets/finance/generate.ts'
import { transactions } from '#datasets/finance/transactions.ts'
import { datasets } from '#datasets/index.ts'
import { local } from '#operations/cli/local-ports.ts'
import { produce } from '#operations/cli/produce.ts'
import { settle } from '#operations/cli/settle.ts'
import { foreignObjects, reconcile } from '#operations/reconcile.ts'
import { takeStock, takeStockOfDecisions } from '#operations/stock.ts'
import { cupel, makeWorkplace, reportIn, type Workplace } from '../support/cupel.ts'
import { type Offline, startOffline } from '../support/offline.ts'

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
// Whom the broken profiles are about: none of it may stand in a log line.
const person = {
  full_name: 'Quuxinda Zanzibarova',
  email: 'quuxinda.z@leak.example',
  phone: '+49 30 7654321098',
  birth_date: '1987-06-05',
  address: 'Leckgasse 77b',
}
const traces = [/quux/i, /zanzibar/i, /leak\.example/i, /7654321098/, /1987-06-05/, /leckgasse/i]

const user = (n: number, changes: object = {}) => ({
  user_id: uuid(n),
  ...person,
  city: 'Köln',
  country: 'DE',
  registered_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-02T00:00:00Z',
  ...changes,
})
const transaction = (n: number, changes: object = {}) => ({
  transaction_id: uuid(n),
  account_id: uuid(1),
  user_id: uuid(2),
  merchant_id: uuid(3),
  amount: '12.50',
  currency: 'EUR',
  country: 'DE',
  city: 'Köln',
  channel: 'pos',
  event_time: '2026-01-02T03:04:05Z',
  ...changes,
})
const merchant = (n: number, changes: object = {}) => ({
  merchant_id: uuid(n),
  name: 'Corner shop',
  category: 'grocery',
  risk: 'low',
  country: 'DE',
  city: 'Köln',
  updated_at: '2026-01-02T03:04:05Z',
  ...changes,
})

/** A record, and the reasons for which it is quarantined; none for a good one, 'too large' for one that no function sees. */
type Hostile = Message & { topic: string; expected: readonly string[] | 'good' | 'too large' }

const record = (
  topic: string,
  value: Message['value'],
  expected: Hostile['expected'],
  more: Partial<Message> = {},
) => ({ topic, key: 'k', value, expected, partition: 0, ...more }) satisfies Hostile
const json = (value: unknown) => JSON.stringify(value)
const spliced = (value: object, member: string) => `${json(value).slice(0, -1)},${member}}`
const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
const notUtf8 = Buffer.from([0xff, 0xfe, 0x80, 0x00, 0xc0, 0xaf])
const big = (bytes: number) => `{"pad":"${'x'.repeat(bytes)}"}`

const records: readonly Hostile[] = [
  // user_profiles: all that is personal
  record('user_profiles', `{"full_name": "${person.full_name}", "email": ${person.email}`, ['unreadable']),
  record('user_profiles', Buffer.concat([notUtf8, Buffer.from(json(user(1)))]), ['unreadable']),
  record('user_profiles', `\uFEFF${json(user(1))}`, ['unreadable']),
  record('user_profiles', spliced(user(1), String.raw`"nick":"${person.full_name} \ud800"`), ['unreadable']),
  record('user_profiles', json(user(1, { full_name: `${person.full_name}\u0000` })), [
    'full_name contains-nul',
  ]),
  record('user_profiles', json([user(1)]), ['not-an-object']),
  record('user_profiles', json(`${person.email}`), ['not-an-object']),
  record('user_profiles', '', ['unreadable']),
  record('user_profiles', null, ['tombstone']),
  record('user_profiles', 'null', ['not-an-object']),
  record('user_profiles', deep(100_000), ['not-an-object']),
  record('user_profiles', spliced(user(10), `"deep":${deep(5_000)}`), 'good'),
  record('user_profiles', spliced(user(1), `"email":"${person.email}"`), ['email duplicate-field']),
  record('user_profiles', spliced(user(1), String.raw`"ema\u0069l":"${person.email}"`), [
    'email duplicate-field',
  ]),
  record(
    'user_profiles',
    spliced(user(11), String.raw`"x\u0000":1,"__proto__":{"a":1},"constructor":2,"nick":"\u0000"`),
    'good',
  ),
  record(
    'user_profiles',
    json(user(1, { email: [person.email], phone: { is: person.phone }, birth_date: 19870605 })),
    ['email not-an-email', 'phone not-a-phone', 'birth_date not-a-date'],
  ),
  record('user_profiles', json({ email: person.full_name, full_name: 5, address: person.address }), [
    'user_id missing',
    'full_name not-text',
    'email not-an-email',
    'phone missing',
    'birth_date missing',
    'city missing',
    'country missing',
    'registered_at missing',
    'updated_at missing',
  ]),
  record('user_profiles', json(user(1, { full_name: person.full_name.repeat(20), user_id: person.email })), [
    'user_id not-a-uuid',
    'full_name too-long',
  ]),
  record('user_profiles', `\r\n${JSON.stringify(user(12), null, 2)}\r\n`, 'good', {
    key: Buffer.from(person.email),
  }),
  record('user_profiles', json(user(13)), 'good', {
    key: null,
    headers: {
      raw: notUtf8,
      twice: [person.email, person.full_name],
      __proto__x: 'a',
      '': '',
      toString: 'b',
    },
  }),
  // transactions: also decided
  record('transactions', 'not json', ['unreadable']),
  record('transactions', notUtf8, ['unreadable'], { key: notUtf8, headers: { 'fraud-label': notUtf8 } }),
  record('transactions', null, ['tombstone'], { key: null }),
  record('transactions', '', ['unreadable'], { key: '' }),
  record('transactions', deep(1_000_000), ['not-an-object']),
  record('transactions', json(transaction(20)), 'good', { timestamp: '0' }),
  record('transactions', json(transaction(21)), 'good', { timestamp: '1700000000000' }),
  record('transactions', json(transaction(22)), 'good', { timestamp: '1600000000000' }),
  record('transactions', json(transaction(23)), 'good', { timestamp: '9223372036854775807' }),
  record('transactions', json(transaction(24)), 'good', { timestamp: '253402300800000' }),
  record('transactions', spliced(transaction(25, { amount: undefined }), `"amount":1e400`), [
    'amount inexact-number',
  ]),
  record('transactions', spliced(transaction(25, { amount: undefined }), `"amount":${'9'.repeat(5_000)}`), [
    'amount inexact-number',
  ]),
  record(
    'transactions',
    spliced(transaction(25, { amount: undefined }), '"amount":123456789012345678901234567890'),
    ['amount inexact-number'],
  ),
  record('transactions', json(transaction(25, { amount: '-0.00', latitude: 91, city: '\ud800' })), [
    'unreadable',
  ]),
  record(
    'transactions',
    json(
      transaction(25, { amount: true, currency: null, country: [], channel: {}, event_time: '2026-02-30' }),
    ),
    [
      'amount not-a-number',
      'currency missing',
      'country unknown-country',
      'channel not-one-of',
      'event_time not-a-timestamp',
    ],
  ),
  record('transactions', spliced(transaction(25), `"transaction_id":"${uuid(26)}"`), [
    'transaction_id duplicate-field',
  ]),
  record(
    'transactions',
    json(transaction(27, { device: 'd'.repeat(200), note: 'n'.repeat(4_000_000) })),
    'good',
  ),
  // too large for any event, first, in the middle, and last of a partition
  record('transactions', big(10_000_000), 'too large', { partition: 1 }),
  record('transactions', json(transaction(30)), 'good', { partition: 1 }),
  record('transactions', big(10_000_000), 'too large', { partition: 1 }),
  record('transactions', json(transaction(31)), 'good', { partition: 1 }),
  record('transactions', json(transaction(32)), 'good', { partition: 2 }),
  record('transactions', big(5_000_000), 'too large', { partition: 2 }),
  record(
    'user_profiles',
    json(user(1, { full_name: person.full_name, address: person.address.repeat(800_000) })),
    'too large',
    { partition: 1 },
  ),
  record('user_profiles', json(user(14)), 'good', { partition: 1 }),
  // merchants: one key, the newest wins whatever Kafka's clock says
  record(
    'merchant_info',
    json(merchant(40, { name: 'newest', updated_at: '2026-03-03T00:00:00Z' })),
    'good',
    { timestamp: '1000' },
  ),
  record('merchant_info', json(merchant(40, { name: 'older', updated_at: '2026-02-03T00:00:00Z' })), 'good', {
    timestamp: '4102444800000',
  }),
  record('merchant_info', json(merchant(41)), 'good', { timestamp: '-1000' }),
  record('merchant_info', json(merchant(42)), 'good', { timestamp: '-9223372036854775808' }),
]

/** The offsets that records got, in the order in which they were sent. */
const sent = records.map((record, index) => ({
  ...record,
  offset: records.slice(0, index).filter((each) => placeOf(each) === placeOf(record)).length,
}))
const addressOf = (record: (typeof sent)[number]) => `${placeOf(record)}@${record.offset}`
function placeOf({ topic, partition }: Message & { topic: string }): string {
  return `${topic}-${partition}`
}
const those = (expected: Hostile['expected']) => sent.filter((record) => record.expected === expected)

/** The JSON lines of all objects below a prefix, by the address of their record. */
async function linesBelow(prefix: string, lake: ObjectStore) {
  const lines = new Map<string, Line>()
  for await (const { key } of lake.list(prefix)) {
    const text = Buffer.from((await lake.get(key))!.body).toString()
    for (const line of text
      .split('\n')
      .filter((each) => each.startsWith('{"topic"') || each.startsWith('{"dataset"'))) {
      const parsed = JSON.parse(line) as Line
      const address = `${parsed.topic}-${parsed.partition}@${parsed.offset}`
      expect(lines.has(address), address).toBe(false)
      lines.set(address, { ...parsed, text: line })
    }
  }
  return lines
}
type Line = {
  topic: string
  partition: number
  offset: number
  key: string | null
  headers: [string, string | null][]
  format: string
  value: unknown
  reasons?: { field: string | null; reason: string; value: string | null }[]
  text: string
}

describe('hostile input into a running local cloud', () => {
  let workplace: Workplace
  let offline: Offline
  beforeAll(async () => {
    workplace = await makeWorkplace()
    offline = await startOffline(workplace)
    const { lake, failures } = offline.ports
    // Strangers' files among ours, before and between the records.
    await lake.put('silver/processed-profiles/a.parquet', Buffer.from(json(user(1))))
    await lake.put('silver/processed-profiles/b.parquet', Buffer.alloc(0))
    await lake.put('silver/processed-nobody/c.parquet', Buffer.from('c'))
    await lake.put('bronze/profiles-folder/z.ndjson', Buffer.from(`${person.email} ${person.full_name}`))
    await lake.put('bronze/of-nobody/partition=0/b.ndjson', Buffer.from(json(user(1))))
    await failures.put('somebody-elses', Buffer.from(person.email))
    const producer = new Kafka({ brokers: [offline.endpoints.kafka], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    for (const { topic, expected, ...message } of records) await producer.send({ topic, messages: [message] })
    await producer.send({ topic: 'nobody-claims-this', messages: [{ value: json(user(1)) }] })
    await producer.disconnect()
    await settle(offline.ports, datasets, new AbortController().signal)
  })
  afterAll(async () => {
    await offline?.ports.close()
    await workplace.remove()
  })

  it('stands in bronze as it was sent, or is kept as too large: every record once', async () => {
    const bronze = await linesBelow('bronze/', offline.ports.lake)
    for (const record of sent) {
      const line = bronze.get(addressOf(record))
      if (record.expected === 'too large') {
        expect(line, addressOf(record)).toBeUndefined()
        continue
      }
      const bytes = record.value === null ? null : Buffer.from(record.value)
      const { format, text } = readValue(bytes)
      expect(line?.format, addressOf(record)).toBe(format)
      if (format === 'json') expect(line!.text.endsWith(`,"value":${text}}`), addressOf(record)).toBe(true)
      else expect(line!.value, addressOf(record)).toBe(bytes?.toString('base64') ?? null)
      expect(line!.key && Buffer.from(line!.key, 'base64')).toEqual(record.key && Buffer.from(record.key))
      const headers = Object.entries(record.headers ?? {}).flatMap(([name, values]) =>
        [values].flat().map((value) => [name, Buffer.from(value!).toString('base64')]),
      )
      expect(line!.headers, addressOf(record)).toEqual(headers)
      bronze.delete(addressOf(record))
    }
    expect([...bronze.keys()]).toEqual([])
  })

  it('is quarantined with all reasons when it is bad, and shows nothing personal in them', async () => {
    const quarantine = await linesBelow('quarantine/', offline.ports.lake)
    const reasons = [...quarantine].map(([address, line]) => [
      address,
      line.reasons!.map(({ field, reason }) => (field === null ? reason : `${field} ${reason}`)),
    ])
    const expected = sent.filter((record) => Array.isArray(record.expected))
    expect(Object.fromEntries(reasons)).toEqual(
      Object.fromEntries(expected.map((record) => [addressOf(record), record.expected])),
    )
    const personal = [...quarantine.values()].flatMap(({ reasons }) => reasons!)
    for (const { field, value } of personal.filter(({ field }) => field !== 'user_id'))
      for (const trace of traces) expect(value ?? '', field ?? '').not.toMatch(trace)
  })

  it('comes to gold when it is good: of a key the newest by its own time, whatever the clock of Kafka said', async () => {
    const { warehouse } = offline.ports
    const rows = await warehouse.query('SELECT merchant_id, name FROM merchants ORDER BY merchant_id')
    expect(rows).toEqual([
      { merchant_id: uuid(40), name: 'newest' },
      { merchant_id: uuid(41), name: 'Corner shop' },
      { merchant_id: uuid(42), name: 'Corner shop' },
    ])
    const users = await warehouse.query<{ n: string }>('SELECT count(*) AS n FROM users')
    expect(users).toEqual([
      { n: String(those('good').filter(({ topic }) => topic === 'user_profiles').length) },
    ])
  })

  it('is decided when it is a good transaction, and what no function saw is a gap with a count', async () => {
    const { warehouse } = offline.ports
    const good = those('good').filter(({ topic }) => topic === 'transactions')
    const decided = await warehouse.query('SELECT topic, partition, record_offset FROM fraud_decisions')
    expect(decided.map((row) => `${row.topic}-${row.partition}@${row.record_offset}`).sort()).toEqual(
      good.map(addressOf).sort(),
    )
    // The one that stands last in its partition is no gap yet, and the one that stands first is none at all.
    expect(await warehouse.query('SELECT partition, from_offset, to_offset FROM fraud_gaps')).toEqual([
      { partition: 1, from_offset: '2', to_offset: '2' },
    ])
  })

  it('leaves layers that agree, and the strangers in the lake are named', async () => {
    const stocks = await takeStock(offline.ports, datasets)
    expect(
      reconcile(stocks, await takeStockOfDecisions(offline.ports.warehouse, transactions.topic)),
    ).toEqual([])
    expect(
      stocks
        .flatMap(({ keptFailures }) => keptFailures)
        .map(({ topic, partition, firstOffset }) => `${topic}-${partition}@${firstOffset}`)
        .sort(),
    ).toEqual(those('too large').map(addressOf).sort())
    expect(stocks.flatMap(foreignObjects)).toEqual(strangers)
    for (const stranger of strangers.filter((each) => each.startsWith('silver/')))
      expect(offline.run.output()).toContain(`${stranger.replace(': ', ' is not loaded: ')}. Take it away`)
  })

  it('is quarantined for the reasons that the generator planted, each as often', {
    timeout: 60_000,
  }, async () => {
    const before = await linesBelow('quarantine/', offline.ports.lake)
    const stream = generateFinance({ seed: 7, transactions: 600, startMs: worldStartMs, dirt: 0.3 })
    const { signal } = new AbortController()
    await produce(offline.ports.kafka, stream, { signal })
    await settle(offline.ports, datasets, signal)
    const found: Record<string, number> = {}
    for (const [address, { topic, reasons }] of await linesBelow('quarantine/', offline.ports.lake))
      for (const { field, reason } of before.has(address) ? [] : reasons!) {
        const name = `${topic} ${field ?? '-'} ${reason}`
        found[name] = (found[name] ?? 0) + 1
      }
    expect(found).toEqual(stream.summary.reasons)
    expect(Object.keys(found).length).toBeGreaterThan(50)
  })

  it('is no obstacle for the next start, which names what has gone, and in no line of the log is anything personal', {
    timeout: 60_000,
  }, async () => {
    await deleteFromLake(bronzeKey('merchant-folder', { topic: 'merchant_info', partition: 0 }, 0))
    expect(await offline.stop()).toBe(0)
    const next = cupel(['start', '--transactions', '50', '--json'], workplace.environment)
    expect(await next.exit, next.output()).toBe(1)
    const report = reportIn(next.output())
    expect(report.problems).toEqual([
      expect.stringMatching(/^merchants: merchant_info-0 offsets 0 to \d+ are not in bronze$/),
    ])
    expect(report.notes).toEqual(strangers)
    expect(report.datasets.map(({ tooLarge }) => tooLarge)).toEqual([1, 0, 0, 3])
    const log = await readFile(join(workplace.directory, 'cupel.log'), 'utf8')
    expect(log).toContain('bronze/profiles-folder/z.ndjson') // refused again, and named
    for (const trace of traces) {
      expect(log).not.toMatch(trace)
      expect(offline.run.output()).not.toMatch(trace)
    }

    const verify = cupel(['verify'], workplace.environment)
    expect(await verify.exit).toBe(1)
    expect(verify.output()).toMatch(
      /^G1 {2}BROKEN.*\n +merchants: merchant_info-0 offsets 0 to \d+ are not in bronze\n +→ /m,
    )
  })

  async function deleteFromLake(key: string): Promise<void> {
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
    const endpoint = offline.endpoints.s3
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
    await client.send(new DeleteObjectCommand({ Bucket: local.lakeBucket, Key: key }))
    client.destroy()
  }
})

const strangers = [
  'bronze/profiles-folder/z.ndjson: not written by ingest-stream or land-file',
  'silver/processed-profiles/a.parquet: not a Parquet file',
  'silver/processed-profiles/b.parquet: not a Parquet file',
]
