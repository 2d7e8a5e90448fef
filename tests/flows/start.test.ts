import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { bronzeKey } from '@cupel/core/keys'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { local } from '#operations/cli/local-ports.ts'
import type { Report } from '#operations/cli/report.ts'
import { cupel, makeWorkplace, reportIn, type Workplace } from '../support/cupel.ts'

const recordsOf = (report: Report) => report.datasets.reduce((sum, { kafka }) => sum + kafka, 0)

const firstMerchants = bronzeKey('merchant-folder', { topic: 'merchant_info', partition: 0 }, 0)

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

    const next = start('--transactions', '1500', '--json')
    expect(await next.exit, next.output()).toBe(0)
    const report = reportIn(next.output())
    expect(report.problems).toEqual([])
    expect(recordsOf(report)).toBeGreaterThan(1_500)
    for (const { kafka, bronze, silver, quarantined, duplicates } of report.datasets) {
      expect(bronze).toBe(kafka)
      expect(silver + quarantined + duplicates).toBe(bronze)
    }
    const transactions = report.datasets.find(({ dataset }) => dataset === 'transactions')!
    expect(report.decisions.fraud + report.decisions.genuine).toBe(transactions.gold)
    expect(report.decisions.fraud).toBeGreaterThan(0)
  })

  it('runs until Ctrl-C, stops in order within 10 s, and keeps what it has', {
    timeout: 60_000,
  }, async () => {
    const endless = start('--rate', '200')
    await endless.until(/until Ctrl-C/)
    await endless.until(/ALERT/)
    const second = start('--transactions', '10')
    expect(await second.exit).toBe(1)
    expect(second.output()).toMatch(/already runs in .* stop it first/)

    await deleteObject(workplace, firstMerchants) // for the test below

    const askedMs = performance.now()
    process.kill(-endless.process.pid!, 'SIGINT') // a terminal sends it to the whole group
    expect(await endless.exit, endless.output()).toBe(0)
    expect(performance.now() - askedMs).toBeLessThan(10_000)
    expect(existsSync(join(workplace.directory, 'postgres/data/postmaster.pid'))).toBe(false)
    expect(existsSync(join(workplace.directory, 'endpoints.json'))).toBe(false)
  })

  it('names the offsets that are missing, and exits with 1, when the layers do not reconcile', {
    timeout: 60_000,
  }, async () => {
    const next = start('--transactions', '50', '--json')
    expect(await next.exit, next.output()).toBe(1)
    expect(reportIn(next.output()).problems).toContainEqual(
      expect.stringMatching(/^merchants: merchant_info-0 offsets 0 to \d+ are not in bronze$/),
    )
  })
})

async function deleteObject({ directory }: Workplace, key: string): Promise<void> {
  const { s3 } = JSON.parse(await readFile(join(directory, 'endpoints.json'), 'utf8'))
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const client = new S3Client({ endpoint: s3, region: 'us-east-1', forcePathStyle: true, credentials })
  await client.send(new DeleteObjectCommand({ Bucket: local.lakeBucket, Key: key }))
  client.destroy()
}
