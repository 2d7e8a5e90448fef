import { describe, expect, it } from 'vitest'
import { formatStatus, measureLag, type Status } from '#operations/cli/look-back/status.ts'

const stopped: Status = {
  running: false,
  pid: null,
  sinceMs: null,
  endpoints: null,
  directory: '/home/me/cupel/.cupel',
  bytes: { kafka: 1_200_000, s3: 0 },
  datasets: [
    {
      dataset: 'users',
      kafka: 10,
      bronze: 10,
      landed: 0,
      edited: 0,
      tooLarge: 0,
      silver: 8,
      quarantined: 1,
      duplicates: 1,
      gold: 8,
    },
  ],
  decisions: { fraud: 1, genuine: 1_999 },
  waiting: { bronze: 0, silver: 0, gold: 0, decision: 0, parent: 0 },
  warned: 0,
  lag: [{ group: 'cupel-local-detect-fraud', topic: 'transactions', records: 0 }],
  migrations: ['001-ledger.sql'],
  notLoaded: [],
  unsentAlerts: 0,
  errors: [],
}
const running: Status = {
  ...stopped,
  running: true,
  pid: 42,
  sinceMs: Date.UTC(2026, 10, 21, 13),
  endpoints: {
    kafka: '127.0.0.1:29092',
    s3: 'http://127.0.0.1:29000',
    lambda: 'http://127.0.0.1:3002',
    postgres: 'postgresql://postgres:postgres@127.0.0.1:25432/cupel',
  },
  waiting: { bronze: 7, silver: 0, gold: 0, decision: 2, parent: 3 },
  warned: 1,
  lag: [...stopped.lag, { group: 'cupel-local-ingest-user-profiles', topic: 'user_profiles', records: 7 }],
  notLoaded: [{ object: 'silver/x.parquet', problem: 'not a Parquet file' }],
  unsentAlerts: 3,
  errors: [{ atMs: Date.UTC(2026, 10, 21, 13, 5), line: `warning: ${'x'.repeat(200)}`, times: 4 }],
}
const nowMs = Date.UTC(2026, 10, 21, 14, 30)

describe('status for a person', () => {
  it('says of a folder in which nothing runs what it holds', () => {
    const text = formatStatus(stopped, nowMs)
    expect(text).toMatch(/^state +stopped; npm start goes on from here$/m)
    expect(text).toMatch(/^data +\/home\/me\/cupel\/.cupel {2}kafka 1.2 MB, s3 0 B$/m)
    expect(text).toMatch(/^decisions +2,000: 1 fraud, 1,999 genuine$/m)
    expect(text).toMatch(/^lag +none in 1 consumer group$/m)
    expect(text).not.toContain('psql')
  })

  it('fits a screen while it runs, but keeps the psql line whole', () => {
    const lines = formatStatus(running, nowMs, 80).split('\n')
    expect(lines.length).toBeLessThanOrEqual(24)
    expect(lines[0]).toBe('state        running since 2026-11-21 13:00:00 UTC (1 h 30 min), process 42')
    expect(lines).toContain(`PostgreSQL   psql ${running.endpoints!.postgres}`)
    for (const line of lines) if (!line.includes('psql')) expect([...line].length).toBeLessThanOrEqual(80)
    const text = lines.join('\n')
    expect(text).toMatch(/waiting +for bronze 7, for silver 0, for gold 0, for a decision 2/)
    expect(text).toMatch(/held back +3 rows until their parents come/)
    expect(text).toMatch(/warnings +1 row without a value that was not taken/)
    expect(text).toMatch(/cupel-local-ingest-user-profiles +7/)
    expect(text).toMatch(/not loaded +silver\/x.parquet: not a Parquet file/)
    expect(text).toMatch(/2026-11-21 13:05:00 {2}\(4 times\) warning: xxx/)
  })
})

describe('lag', () => {
  it('counts from what a group has committed, and from the start where it has committed nothing', async () => {
    const partitions = [
      { partition: 0, start: 0, end: 10 },
      { partition: 1, start: 5, end: 9 },
    ]
    const topics = new Map([
      ['t', { records: 14, partitions }],
      ['u', { records: 14, partitions }], // of which the group reads nothing
    ])
    const kafka = {
      groups: async (prefix: string) => [`${prefix}g`],
      committed: async (_: string, topic: string) => new Map(topic === 't' ? [[0, 7]] : []),
    }
    expect(await measureLag(kafka, topics)).toEqual([{ group: 'cupel-local-g', topic: 't', records: 3 + 4 }])
  })
})
