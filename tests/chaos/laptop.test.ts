import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LocalPorts } from '#operations/cli/local-ports.ts'
import { cupel, makeWorkplace, type Run, reportIn, type Workplace } from '../support/cupel.ts'
import { descendantsOf, postgresProcesses, signal } from '../support/processes.ts'
import { type Counts, expectBronzeInOrder, expectNoLess, look, portsOf } from './invariants.ts'

const sleepMs = 60_000
const hourMs = 3_600_000

describe('what people do to laptops while it runs', () => {
  let workplace: Workplace
  let running: Run
  let ports: LocalPorts
  let clock: string
  const setClock = (offsetMs: number) => writeFile(clock, String(offsetMs))
  beforeAll(async () => {
    workplace = await makeWorkplace()
    clock = join(workplace.directory, 'clock')
    await setClock(0)
    const preload = `--require ${JSON.stringify(join(import.meta.dirname, 'clock.cjs'))}`
    running = cupel(['start', '--rate', '100'], {
      ...workplace.environment,
      NODE_OPTIONS: preload,
      CUPEL_CHAOS_CLOCK: clock,
    })
    await running.until(/ALERT/)
    ports = (await portsOf(workplace.directory))!
  })
  afterAll(async () => {
    await ports?.close()
    await workplace.remove()
  })

  /** Waits until every stage moved on by so many records. */
  async function movesOn(before: Counts): Promise<void> {
    await expect
      .poll(
        async () => {
          const now = await look(ports)
          const moved = (name: string) => now[name]! - before[name]!
          return moved('decided offsets') > 500 && moved('ledger entries') > 3 && moved('alerts sent') > 0
        },
        { timeout: 120_000, interval: 250 },
      )
      .toBe(true)
    expectNoLess(await look(ports), before)
  }
  const rejoins = async () =>
    (await readFile(join(workplace.directory, 'cupel.log'), 'utf8')).match(/is not usable/g)?.length ?? 0

  it('a minute of sleep: all goes on', { timeout: 240_000 }, async () => {
    const before = await look(ports)
    const all = [
      running.process.pid!,
      ...(await descendantsOf(running.process.pid!)),
      ...(await postgresProcesses(workplace.directory)),
    ]
    signal(all, 'SIGSTOP')
    await sleep(sleepMs)
    signal(all, 'SIGCONT')
    await movesOn(before)
  })

  it.each([
    ['forwards an hour', hourMs],
    ['back two hours', -hourMs],
  ])('the clock jumps %s: all goes on', { timeout: 180_000 }, async (_, offsetMs) => {
    const before = await look(ports)
    await setClock(offsetMs)
    await movesOn(before)
  })

  it('with the clock behind, no event source is thrown out of its group', { timeout: 180_000 }, async () => {
    const [before, counts] = [await rejoins(), await look(ports)]
    await sleep(15_000) // more than the session of a member that sends no heartbeats
    expect(await rejoins()).toBe(before)
    await movesOn(counts)
  })

  it('then Ctrl-C and a start at the right time: each alert was recorded once and sent, and the layers reconcile', {
    timeout: 240_000,
  }, async () => {
    await expectBronzeInOrder(ports)
    await ports.close()
    process.kill(running.process.pid!, 'SIGINT')
    expect(await running.exit, running.output()).toBe(0)

    const next = cupel(['start', '--transactions', '500', '--json'], workplace.environment)
    let alerts: { transaction_id: string; version: number; sent: boolean }[] = []
    const watching = (async () => {
      let open: LocalPorts | undefined
      while (next.process.exitCode === null && !open) {
        open = await portsOf(workplace.directory)
        await sleep(100)
      }
      alerts =
        (await open?.warehouse.query(
          'SELECT transaction_id, version, sent_at IS NOT NULL AS sent FROM alerts WHERE created_at < now()',
        )) ?? []
      await open?.close()
    })()
    expect(await next.exit, next.output()).toBe(0)
    await watching
    expect(reportIn(next.output()).problems).toEqual([])
    expect(new Set(alerts.map((alert) => `${alert.transaction_id} ${alert.version}`)).size).toBe(
      alerts.length,
    )
    for (const { transaction_id } of alerts.slice(0, 50)) expect(running.output()).toContain(transaction_id)
  })
})

describe('who watches goes away', () => {
  let workplace: Workplace
  beforeAll(async () => {
    workplace = await makeWorkplace()
  })
  afterAll(() => workplace.remove())

  it.each([
    ['the terminal is closed', (pid: number) => process.kill(-pid, 'SIGHUP')],
    ['the reader has seen enough, as head has', () => {}],
  ])('%s: everything ends in order', { timeout: 120_000 }, async (_, act) => {
    const { process: started, until, exit, output } = cupel(['start', '--json'], workplace.environment)
    await until(/"type":"alert"/)
    for (const stream of [started.stdout!, started.stderr!]) stream.destroy()
    act(started.pid!)
    expect(await exit, output()).toBe(0)
    expect(await postgresProcesses(workplace.directory)).toEqual([])
    expect(existsSync(join(workplace.directory, 'lock'))).toBe(false)
  })
})
