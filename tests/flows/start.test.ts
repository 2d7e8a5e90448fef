import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Report } from '#operations/cli/report.ts'
import { cupel, makeWorkplace, reportIn, type Workplace } from '../support/cupel.ts'

const datasetIn = (datasets: Report['datasets'], name: string) =>
  datasets.find(({ dataset }) => dataset === name)!
const recordsOf = (report: Report) => report.datasets.reduce((sum, { kafka }) => sum + kafka, 0)

describe('cupel start', () => {
  let workplace: Workplace
  beforeAll(async () => {
    workplace = await makeWorkplace()
  })
  afterAll(() => workplace.remove())
  const start = (...args: string[]) => cupel(['start', ...args], workplace.environment)

  // One story in one folder: each start goes on where the one before stopped.
  it('goes on after kill -9 of everything in mid-run, and reconciles to the record', {
    timeout: 150_000,
  }, async () => {
    const killed = start('--transactions', '4000', '--rate', '1500')
    await killed.until(/ALERT/)
    killed.killGroup()
    await killed.exit

    // Of each pipeline: the rows of a file end before.
    const next = start('--pipeline', 'all', '--records', '1500', '--json')
    expect(await next.exit, next.output()).toBe(0)
    const report = reportIn(next.output())
    expect(report.problems).toEqual([])
    expect(recordsOf(report)).toBeGreaterThan(1_500)
    for (const { kafka, landed, bronze, silver, quarantined, duplicates } of report.datasets) {
      expect(bronze).toBe(kafka + landed)
      expect(silver + quarantined + duplicates).toBe(bronze)
    }
    const transactions = datasetIn(report.datasets, 'transactions')
    expect(report.decisions!.fraud + report.decisions!.genuine).toBe(transactions.gold)
    expect(report.decisions!.fraud).toBeGreaterThan(0)
    expect(datasetIn(report.datasets, 'books')).toMatchObject({ kafka: 205, quarantined: 5, gold: 198 })
    const shop = datasetIn(report.datasets, 'shop_events')
    expect(shop).toMatchObject({ kafka: 0, landed: 1_500, gold: shop.silver })
    expect(shop.quarantined).toBeGreaterThan(0)
    const bought = datasetIn(report.datasets, 'purchases')
    expect(bought).toMatchObject({ kafka: 1_500, bronze: 1_500, landed: 0 })
    expect(bought.gold).toBeGreaterThan(1_300)
  })

  it('can be looked back at when it has stopped, and nothing of it changes', {
    timeout: 60_000,
  }, async () => {
    const run = async (...args: string[]) => {
      const command = cupel(args, workplace.environment)
      return { exitCode: await command.exit, output: command.output() }
    }
    // At once: they take turns.
    const [checks, status, verify, sql] = await Promise.all([
      run('test', 'shop'),
      run('status', '--json'),
      run('verify', '--json'),
      run(
        'sql',
        '--json',
        `SELECT (SELECT min(transaction_id) FROM fraud_transaction)::VARCHAR AS fraud,
                (SELECT min(value->>'transaction_id') FROM quarantine.transactions
                  WHERE list_contains(list_transform(reasons, lambda each: each.field), 'event_time')) AS rejected,
                (SELECT count(*) FROM silver.transactions) AS silver,
                (SELECT sum(purchases) = (SELECT count(*) FROM purchases WHERE kind = 'purchase') FROM monthly_purchase_summary) AS summarized`,
      ),
    ])
    expect(checks.output).toContain('All 6 checks hold.')
    expect([checks.exitCode, status.exitCode, verify.exitCode, sql.exitCode], sql.output).toEqual([
      0, 0, 0, 0,
    ])
    const found = JSON.parse(verify.output)
    expect(found).toMatchObject({ holds: true, running: false, compared: true, problems: [] })
    const { datasets, lag } = JSON.parse(status.output)
    expect(datasets).toEqual(found.datasets)
    expect(lag.map(({ group }: { group: string }) => group)).toContain('cupel-local-detect-fraud')
    const [{ fraud, rejected, silver, summarized }] = JSON.parse(sql.output)
    expect(silver).toBe(datasetIn(found.datasets, 'transactions').silver)

    expect(summarized).toBe(true) // false of other rows, null of none

    const traced = await run('trace', fraud)
    expect(traced.output).toMatch(/^decision .*\n +fraud, version 1/m)
    expect(traced.output).toMatch(/^alert .*\n +number \d+, sent$/m)
    const refused = await run('trace', rejected)
    expect(refused.output).toMatch(/^quarantine .*\n +quarantine\/transactions\/.*\n(.*\n)* +event_time: /m)
    expect(existsSync(join(workplace.directory, 'lock'))).toBe(false)
    expect(existsSync(join(workplace.directory, 'postgres/data/postmaster.pid'))).toBe(false)
  })

  it('generates nothing when told so, and runs until Ctrl-C', { timeout: 60_000 }, async () => {
    const runs = await readFile(join(workplace.directory, 'generator.json'), 'utf8')
    const idle = start('--no-generator')
    await idle.until(/Nothing is generated/)
    process.kill(-idle.process.pid!, 'SIGINT')
    expect(await idle.exit, idle.output()).toBe(0)
    expect(await readFile(join(workplace.directory, 'generator.json'), 'utf8')).toBe(runs)
  })
})
