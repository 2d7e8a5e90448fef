import { existsSync } from 'node:fs'
import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { datasets } from '#datasets/index.ts'
import { isAlive } from '#localstack/processes.ts'
import type { LocalPorts } from '#operations/cli/local-ports.ts'
import { measureProgress } from '#operations/cli/settle.ts'
import { cupel, makeWorkplace, type Run, reportIn, type Workplace } from '../support/cupel.ts'
import { descendantsOf, postgresProcesses, postmasterOf, signal } from '../support/processes.ts'
import { pick, seeded } from '../support/seeded.ts'
import { type Counts, expectBronzeInOrder, expectNoLess, look, portsOf } from './invariants.ts'

// Of each start; a killed one does not go on with its own, so all together are a run of 50,000 and more.
const transactions = Number(process.env.CUPEL_CHAOS_TRANSACTIONS ?? 5_000)
const runs = Number(process.env.CUPEL_CHAOS_RUNS ?? 1) // each with twenty kills in a folder of its own
const firstSeed = Number(process.env.CUPEL_CHAOS_SEED ?? Date.now() % 1_000_000)

/** A run at the moment of a kill, as far as it came. */
type Stage = { readonly run: Run; readonly directory: string; readonly ports: () => Promise<LocalPorts> }
type Moment = {
  readonly name: string
  readonly reached: (stage: Stage, before: number) => Promise<void>
  readonly withinMs: number // the kill comes at random up to so much later
}

const doneOf = async (stage: Stage): Promise<number> =>
  (await (await stage.ports()).kafka.offsets('transactions')).records
const isSettled = async (stage: Stage): Promise<boolean> =>
  (await measureProgress(await stage.ports(), datasets)).every(({ done, of }) => done >= of)

/** Waits until it is so, or the run has ended by itself. */
async function until({ run }: Stage, isSo: () => Promise<boolean>): Promise<void> {
  while (run.process.exitCode === null && !(await isSo().catch(() => false))) await sleep(50)
}

// Twenty in all, in an order that the seed says.
const moments: readonly Moment[] = [
  { name: 'building', reached: ({ run }) => run.until(/Building/), withinMs: 800 },
  { name: 'building', reached: ({ run }) => run.until(/Building/), withinMs: 800 },
  { name: 'services start', reached: ({ run }) => run.until(/Starting Kafka/), withinMs: 1_500 },
  { name: 'services start', reached: ({ run }) => run.until(/Starting Kafka/), withinMs: 3_000 },
  { name: 'services start', reached: ({ run }) => run.until(/Starting Kafka/), withinMs: 5_000 },
  { name: 'migrating', reached: (stage) => until(stage, () => isMigrating(stage)), withinMs: 300 },
  { name: 'migrating', reached: (stage) => until(stage, () => isMigrating(stage)), withinMs: 1_000 },
  { name: 'all runs', reached: ({ run }) => run.until(/Generating/), withinMs: 200 },
  { name: 'first batches', reached: ({ run }) => run.until(/Generating/), withinMs: 1_500 },
  { name: 'first batches', reached: ({ run }) => run.until(/Generating/), withinMs: 1_500 },
  { name: 'first batches', reached: ({ run }) => run.until(/ALERT/), withinMs: 500 },
  ...[0.1, 0.3, 0.5, 0.8].map((part) => ({
    name: 'mid-run',
    reached: (stage: Stage, before: number) =>
      until(stage, async () => (await doneOf(stage)) >= before + part * transactions),
    withinMs: 500,
  })),
  ...[300, 1_000, 2_000].map((withinMs) => ({
    name: 'settling',
    reached: (stage: Stage, before: number) =>
      until(stage, async () => (await doneOf(stage)) >= before + transactions),
    withinMs,
  })),
  ...[300, 1_000].map((withinMs) => ({
    name: 'taking stock',
    reached: (stage: Stage, before: number) =>
      until(stage, async () => (await doneOf(stage)) >= before + transactions && (await isSettled(stage))),
    withinMs,
  })),
]

const isMigrating = async ({ run }: Stage): Promise<boolean> =>
  /Generating/.test(run.output()) || (await descendantsOf(run.process.pid!, 'migrate')).length > 0

/** What is killed, by its own name; often all of it, as a machine that loses its power does. */
const targets = {
  'everything and PostgreSQL': async ({ run, directory }: Stage) => {
    const postgres = await postgresProcesses(directory)
    run.killGroup()
    signal(postgres, 'SIGKILL')
  },
  'everything but PostgreSQL': async ({ run }: Stage) => run.killGroup(),
  'the command': async ({ run }: Stage) => signal([run.process.pid!], 'SIGKILL'),
  'serverless offline': async ({ run }: Stage) => {
    signal(await descendantsOf(run.process.pid!, 'serverless.js'), 'SIGKILL')
    signal([run.process.pid!], 'SIGKILL')
  },
  'PostgreSQL, and everything soon after': async ({ run, directory }: Stage) => {
    signal([(await postmasterOf(directory)) ?? 0].filter(Boolean), 'SIGKILL')
    await sleep(700)
    run.killGroup()
  },
  'every function, and everything soon after': async ({ run }: Stage) => {
    signal(await descendantsOf(run.process.pid!, 'bootstrap.mjs'), 'SIGKILL')
    await sleep(700)
    run.killGroup()
  },
}
type Target = keyof typeof targets
const choice: readonly Target[] = [
  ...(Object.keys(targets) as Target[]),
  'everything and PostgreSQL',
  'everything and PostgreSQL',
  'everything but PostgreSQL',
]

function shuffled<T>(random: () => number, items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

describe('kill -9 at twenty moments of a run', () => {
  let workplace: Workplace | undefined
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail' && workplace && process.env.CUPEL_CHAOS_KEEP)
      await copyFile(join(workplace.directory, 'cupel.log'), process.env.CUPEL_CHAOS_KEEP)
    await workplace?.remove()
  })

  it.each(Array.from({ length: runs }, (_, run) => firstSeed + run))(
    'seed %i: each start goes on, and the last one settles and reconciles',
    {
      timeout: 15 * 60_000,
    },
    async (seed) => {
      const random = seeded(seed)
      const here = await makeWorkplace()
      workplace = here
      const { directory, environment } = here
      let seen: Counts = {}
      let sent = 0 // transactions that Kafka holds, as far as seen

      const start = async (count: number, ...args: string[]): Promise<Run> => {
        await released(directory)
        return cupel(['start', '--transactions', String(count), ...args], environment)
      }

      for (const [index, moment] of shuffled(random, moments).entries()) {
        const target = pick(random, choice)
        const delayMs = Math.round(random() * moment.withinMs)
        const run = await start(transactions)
        let open: LocalPorts | undefined
        const stage: Stage = {
          run,
          directory,
          async ports() {
            open ??= await ofThis(run, directory)
            if (!open) throw new Error('nothing runs yet')
            return open
          },
        }
        try {
          const checked = checkRestart(stage)
          checked.catch(() => {}) // awaited below
          await moment.reached(stage, sent)
          await sleep(delayMs)
          await checkedSoFar(checked)
          if (open) {
            seen = { ...seen, ...(await look(open).catch(() => ({}))) }
            sent = await doneOf(stage).catch(() => sent)
          }
          if (run.process.exitCode !== null) console.log('it was faster than the next kill')
          console.log(
            `kill ${index + 1}: ${moment.name} + ${delayMs} ms: ${target}; ${sent} transactions sent`,
          )
          await targets[target](stage)
          await run.exit
        } finally {
          await open?.close()
        }
      }

      console.log('the last start')
      const remaining = Math.max(transactions, 10 * transactions - sent)
      const last = await start(remaining, '--json')
      expect(await last.exit, last.output()).toBe(0)
      const report = reportIn(last.output())
      expect(report.problems).toEqual([])
      expect(report.notes).toEqual([])
      for (const { kafka, bronze, silver, quarantined, duplicates } of report.datasets) {
        expect(bronze).toBe(kafka)
        expect(silver + quarantined + duplicates).toBe(bronze)
      }
      const { kafka, gold } = report.datasets.find(({ dataset }) => dataset === 'transactions')!
      expect(kafka).toBeGreaterThanOrEqual(sent + remaining)
      expect(report.decisions!.fraud + report.decisions!.genuine).toBe(gold)
      console.log(`${kafka} transactions reconcile after 20 kills`)

      /** Once all runs: what was acknowledged before the kill is there, and bronze holds each offset once. */
      async function checkRestart(stage: Stage): Promise<void> {
        let now: Counts | undefined
        await until(stage, async () => {
          now = await look(await stage.ports())
          return true
        })
        if (!now) return
        expectNoLess(now, seen)
        await expectBronzeInOrder(await stage.ports())
      }
    },
  )
})

/** The ports of this very run: a file that a killed one left names another process. */
async function ofThis(run: Run, directory: string): Promise<LocalPorts | undefined> {
  const file = join(directory, 'endpoints.json')
  if (!existsSync(file)) return undefined
  const { pid } = JSON.parse(await readFile(file, 'utf8'))
  return (await descendantsOf(run.process.pid!)).includes(pid) ? portsOf(directory) : undefined
}

/** Waits until what was left of a killed start has ended by itself, as it does within 10 s. */
async function released(directory: string): Promise<void> {
  const holder = async () =>
    JSON.parse(await readFile(join(directory, 'lock'), 'utf8').catch(() => '{"pid":0}'))
  await expect.poll(async () => isAlive((await holder()).pid), { timeout: 15_000 }).toBe(false)
}

/** Throws what it found wrong. What is still under way is not waited for: the kill comes now. */
async function checkedSoFar(checked: Promise<void>): Promise<void> {
  await Promise.race([checked, sleep(0)])
}
