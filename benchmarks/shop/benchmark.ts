import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Report } from '#operations/cli/report.ts'

/**
 * The shop's files from the folder to the table, as `cupel start --pipeline shop` runs them: all at once, for files and
 * rows a second, and one file a second, for how long a row takes from its upload to PostgreSQL. Each run reconciles, or
 * this one fails.
 *
 *     npm run bench -- --only shop                 50,000 rows at once, then 15,000 paced
 *     npm run bench -- --only shop 10000 5000
 */
const [atOnce = 50_000, paced = 15_000] = process.argv.slice(2).map(Number).filter(Number.isFinite)
const rowsInFile = 500

console.log(`Node ${process.versions.node}, load ${loadavg()[0]!.toFixed(1)}`)
const fast = await run('--records', String(atOnce))
const even = await run('--records', String(paced), '--rate', String(rowsInFile))
const perSecond = (count: number) => Number((count / fast.seconds).toPrecision(3))
const latency = (report: Report) => report.latencyMs.gold!
console.table({
  [`${atOnce} rows at once`]: {
    'files/s': perSecond(Math.ceil(atOnce / rowsInFile)),
    'rows/s': perSecond(atOnce),
    'p50 ms': latency(fast).p50,
    'p99 ms': latency(fast).p99,
  },
  [`${paced} rows, a file a second`]: {
    'files/s': 1,
    'rows/s': rowsInFile,
    'p50 ms': latency(even).p50,
    'p99 ms': latency(even).p99,
  },
})

/** In a folder of its own, at free ports; the report of a run that reconciles. */
async function run(...options: readonly string[]): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-shop-'))
  const command = ['operations/cli/cupel.mjs', 'start', '--pipeline', 'shop', '--json', ...options]
  const ports = ['KAFKA', 'S3', 'POSTGRES', 'LAMBDA'].map((name) => [`CUPEL_PORT_${name}`, '0'])
  const child = spawn(process.execPath, command, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...Object.fromEntries(ports), CUPEL_DIRECTORY: directory },
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [code] = await once(child, 'close')
  await rm(directory, { recursive: true, force: true })
  const last = output
    .trim()
    .split('\n')
    .findLast((line) => line.includes('"latencyMs"'))
  if (code !== 0 || last === undefined) throw new Error(`the run failed:\n${output.slice(-2_000)}`)
  const document = JSON.parse(last)
  return document.report ?? document
}
