import { EventEmitter } from 'node:events'
import type { WriteStream } from 'node:tty'
import { stripVTControlCharacters } from 'node:util'
import { expect, it } from 'vitest'
import type { LocalPorts } from '#operations/cli/local-ports.ts'
import type { Report } from '#operations/cli/report.ts'
import type { Screen } from '#operations/cli/screen.ts'
import { jsonScreen } from '#operations/cli/view/json-screen.ts'
import { liveScreen } from '#operations/cli/view/live-screen.ts'
import { plainScreen } from '#operations/cli/view/plain-screen.ts'

const transaction = '3d5ea380-93b5-435d-88c2-50632f468e7e'
const alert = `ALERT 75,825.71 EUR · Miller Inc · Berlin, DE · large-amount: 89,095.20 USD > 30,000.00 USD · transaction ${transaction}`
const report: Report = {
  datasets: [],
  decisions: { fraud: 1, genuine: 2 },
  seconds: 1,
  recordsPerSecond: 3,
  latencyMs: { decision: null, gold: null },
  problems: [],
  notes: [],
}
const endpoints = {
  kafka: '127.0.0.1:9092',
  s3: 'http://127.0.0.1:9000',
  lambda: 'http://127.0.0.1:3002',
  postgres: 'postgresql://u:p@127.0.0.1:5432/cupel',
}
const cloud = {
  endpoints,
  datasets: [],
  consumerGroups: ['ingestStream', 'detectFraud'].map((functionKey) => ({
    groupId: functionKey,
    topic: 'transactions',
    functionKey,
  })),
}
const ports = {
  kafka: {
    offsets: async () => ({ records: 1_234, partitions: [{ partition: 0, start: 0, end: 1_234 }] }),
    committed: async () => new Map([[0, 1_200]]),
  },
  failures: { async *list() {} },
  warehouse: {
    query: async (sql: string) =>
      sql.includes('ledger')
        ? [{ records: '1000', quarantined: '7', duplicates: '30', beside: '0' }]
        : [{ through: '900', duplicates: '9', found: '12' }],
  },
} as unknown as LocalPorts

function tell(screen: Screen): void {
  screen.note('Building …')
  screen.running(cloud, ports, '/nowhere')
  screen.progress({ phase: 'generating', sent: 0, of: 20, rate: undefined, counted: 'transactions' })
  screen.alert(alert)
}

it('the live view draws what it measures below what is said once, and the report in its place', async () => {
  let written = ''
  const stream = Object.assign(new EventEmitter(), {
    isTTY: true,
    columns: 120,
    rows: 40,
    write: (text: string) => {
      written += text
      return true
    },
  })
  const screen = liveScreen(stream as unknown as WriteStream)
  tell(screen)
  await expect
    .poll(() => stripVTControlCharacters(written), { timeout: 10_000 })
    .toMatch(/^bronze +– +1,200 +34 /m)
  const shown = stripVTControlCharacters(written)
  expect(shown).toContain('PostgreSQL  psql postgresql://u:p@127.0.0.1:5432/cupel')
  expect(shown).toMatch(/^\d\d:\d\d:\d\d ALERT 75,825.71 EUR · Miller Inc · Berlin, DE +3d5ea380/m)
  expect(shown).toMatch(/^silver +– +1,000 +200 +7 +30 /m)
  expect(shown).toContain('frauds 12')

  written = ''
  stream.columns = 60
  stream.emit('resize')
  for (const line of stripVTControlCharacters(written).split('\n'))
    expect(line.trim().length).toBeLessThanOrEqual(60)
  expect(written).toContain('records/s')

  written = ''
  screen.progress({ phase: 'stopping' })
  screen.report(report)
  await screen.close()
  expect(written).toContain('The layers reconcile')
  expect(stripVTControlCharacters(written.slice(written.indexOf('decisions')))).not.toContain('bronze  ')
})

it('plain lines have it all, in the order in which it came', async () => {
  const lines: string[] = []
  const screen = plainScreen((line) => lines.push(line))
  tell(screen)
  screen.report(report)
  screen.progress({ phase: 'stopping' })
  await screen.close()
  expect(lines[0]).toBe('Building …')
  expect(lines[1]).toContain('  Kafka       127.0.0.1:9092\n')
  expect(lines[2]).toMatch(/^Generating 20 transactions/)
  expect(lines[3]).toBe(alert)
  expect(lines[4]).toContain('The layers reconcile')
  expect(lines[5]).toBe('Stopping …')
})

it('JSON is a document a line, with the parts of an alert', async () => {
  const lines: string[] = []
  const screen = jsonScreen((line) => lines.push(line))
  tell(screen)
  screen.alert('ALERT in another form')
  screen.report(report)
  await screen.close()
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { type: 'note', text: 'Building …' },
    { type: 'endpoints', ...endpoints },
    {
      type: 'alert',
      transactionId: transaction,
      version: 1,
      amount: '75,825.71',
      currency: 'EUR',
      merchant: 'Miller Inc',
      place: 'Berlin, DE',
      findings: [{ rule: 'large-amount', explanation: '89,095.20 USD > 30,000.00 USD' }],
    },
    { type: 'alert', line: 'ALERT in another form' },
    { type: 'report', ...report },
  ])
})
