import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cupel, makeWorkplace, type Run, reportIn, type Workplace } from '../support/cupel.ts'
import { descendantsOf, postmasterOf, signal } from '../support/processes.ts'
import { fill, mountSmallDisk, unmount } from '../support/small-disk.ts'

const sizeMb = 256 // PostgreSQL alone takes 60

const times = (text: string, pattern: RegExp) =>
  text.match(new RegExp(pattern, `${pattern.flags}g`))?.length ?? 0

describe('a broken world', () => {
  let workplace: Workplace
  let mounted: boolean
  let running: Run
  beforeAll(async () => {
    workplace = await makeWorkplace()
    mounted = mountSmallDisk(workplace.directory, sizeMb)
  })
  afterAll(async () => {
    await rm(join(workplace.directory, 'filler'), { force: true })
    if (mounted) {
      await workplace.remove().catch(() => {}) // the mount point itself cannot be removed yet
      unmount(workplace.directory)
    }
    await workplace.remove()
  })
  const start = (...args: string[]) => cupel(['start', ...args], workplace.environment)
  const log = () => readFile(join(workplace.directory, 'cupel.log'), 'utf8')

  it('of a start that is killed half-way, and locks of the dead: two starts at once, and one of them goes on', {
    timeout: 60_000,
  }, async () => {
    const killed = start('--rate', '100')
    await expect
      .poll(() => existsSync(join(workplace.directory, 'postgres')), { timeout: 20_000, interval: 20 })
      .toBe(true)
    killed.killGroup()
    await killed.exit
    for (const part of ['kafka', 's3']) {
      await mkdir(join(workplace.directory, part), { recursive: true })
      await writeFile(join(workplace.directory, part, 'lock'), '4194303\n')
    }

    const both = [start('--rate', '300'), start('--rate', '300')]
    const loser = await Promise.race(both.map((each) => each.exit.then(() => each)))
    running = both.find((each) => each !== loser)!
    expect(await loser.exit).toBe(1)
    expect(loser.output()).toMatch(/^cupel: another local cloud already runs in .*: stop it first/m)
    await running.until(/until Ctrl-C/)
    await running.until(/ALERT/)
    expect(await log()).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z PostgreSQL {2}/m)
  })

  it('in which PostgreSQL is killed: it is started again, and all waits for it', {
    timeout: 30_000,
  }, async () => {
    const lock = await readFile(join(workplace.directory, 'postgres/data/postmaster.pid'), 'utf8')
    process.kill(Number.parseInt(lock, 10), 'SIGKILL')
    await running.until(/warning: PostgreSQL \(process \d+\) ended by itself and is started again/)
    await running.until(/warning: PostgreSQL runs again/)
    const alerts = times(running.output(), /ALERT/)
    await expect.poll(() => times(running.output(), /ALERT/), { timeout: 15_000 }).toBeGreaterThan(alerts)
  })

  it('in which one of PostgreSQL’s own processes is killed: it recovers by itself, and all waits for it', {
    timeout: 30_000,
  }, async () => {
    const postmaster = (await postmasterOf(workplace.directory))!
    const backends = await descendantsOf(postmaster, ' cupel 127.0.0.1')
    expect(backends.length).toBeGreaterThan(0)
    signal(backends.slice(0, 1), 'SIGKILL')
    await expect
      .poll(() => readFile(join(workplace.directory, 'postgres/server.log'), 'utf8'), { timeout: 10_000 })
      .toMatch(/terminated by signal 9[\s\S]*ready to accept connections/)
    const alerts = times(running.output(), /ALERT/)
    await expect.poll(() => times(running.output(), /ALERT/), { timeout: 15_000 }).toBeGreaterThan(alerts)
    expect(await postmasterOf(workplace.directory)).toBe(postmaster)
  })

  it('in which functions are killed in mid-batch', {
    timeout: 30_000,
  }, async () => {
    const { pid } = JSON.parse(await readFile(join(workplace.directory, 'endpoints.json'), 'utf8'))
    const before = times(await log(), /Runtime exited with error: signal: killed/)
    for (let i = 0; i < 3; i++) {
      signal(await descendantsOf(pid, 'bootstrap.mjs'), 'SIGKILL')
      await sleep(300)
    }
    await expect
      .poll(async () => times(await log(), /signal: killed/), { timeout: 10_000 })
      .toBeGreaterThan(before)
    const alerts = times(running.output(), /ALERT/)
    await expect.poll(() => times(running.output(), /ALERT/), { timeout: 15_000 }).toBeGreaterThan(alerts)
  })

  it('in which the disk is full: one line of each says so, and all goes on when there is space', {
    timeout: 60_000,
  }, async ({ skip }) => {
    if (!mounted) skip()
    const filler = join(workplace.directory, 'filler')
    await fill(filler)
    await running.until(/warning: Kafka cannot write to .*: the disk is full \(ENOSPC\), free some space/)
    await running.until(/warning: S3 cannot write to .*: the disk is full \(ENOSPC\), free some space/)
    expect(times(running.output(), /^warning: .*disk is full/m)).toBeLessThan(5) // PostgreSQL may say so, too

    await rm(filler)
    await running.until(/warning: S3: writes to .* work again/)
    const alerts = times(running.output(), /ALERT/)
    await expect.poll(() => times(running.output(), /ALERT/), { timeout: 15_000 }).toBeGreaterThan(alerts)
    expect(await log()).toMatch(/S3: writes to .* work again/)
  })

  it('stops in order at Ctrl-C, within 10 s', { timeout: 30_000 }, async () => {
    const askedMs = performance.now()
    process.kill(-running.process.pid!, 'SIGINT') // a terminal sends it to the whole group
    expect(await running.exit, running.output()).toBe(0)
    expect(performance.now() - askedMs).toBeLessThan(10_000)
    expect(existsSync(join(workplace.directory, 'postgres/data/postmaster.pid'))).toBe(false)
    expect(existsSync(join(workplace.directory, 'endpoints.json'))).toBe(false)
  })

  it('is whole again at the end: every layer agrees', { timeout: 60_000 }, async () => {
    const next = start('--transactions', '50', '--json')
    expect(await next.exit, next.output()).toBe(0)
    const report = reportIn(next.output())
    expect(report.problems).toEqual([])
    expect(report.datasets.map(({ kafka, bronze }) => kafka - bronze)).toEqual([0, 0, 0, 0])
  })
})
