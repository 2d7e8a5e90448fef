import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { s3ObjectStore } from '@cupel/io/object-store'
import { openPostgres } from '@cupel/io/postgres'
import { build } from 'esbuild'
import { datasets, summaries } from '#datasets/index.ts'
import { startPostgres } from '#localstack/postgres/server.ts'
import { startS3 } from '#localstack/s3/server.ts'
import { migrate } from '#operations/migrate.ts'
import { type Lake, makeLake } from './data.ts'
import { usageOf } from './processes.ts'
import { findSpark, type Spark } from './spark.ts'

/**
 * Bronze to silver to PostgreSQL, from the launch of a process to tables done, beside PySpark on the same files. See
 * README.md beside this file.
 *
 *     npm run bench -- --only refinery [--sizes 10000,200000,1000000] [--objects 20] [--no-spark] [--json]
 *         [--apart]              both stages once more, one after the other in environments that are there already
 *         [--floor]              the same work by a short program in DuckDB, without all that makes ours dependable
 *         [--profile <folder>]   a V8 CPU profile of our process, of each size one
 */
const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10000,200000,1000000' },
    objects: { type: 'string', default: '20' }, // of each dataset; merchants have as many
    'no-spark': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    apart: { type: 'boolean', default: false },
    floor: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})
const sizes = options.sizes.split(',').map(Number)
const objects = Number(options.objects)
const lanes = Math.min(2, availableParallelism()) // as many as Spark has cores
const say = (line: string) => (options.json ? console.error : console.log)(line)

const piped: SpawnOptions = { stdio: ['pipe', 'pipe', 'inherit'] }
const work = await mkdtemp(join(tmpdir(), 'cupel-bench-'))
const postgres = await startPostgres({
  directory: join(work, 'postgres'),
  database: 'refinery',
  settings: { max_wal_size: '4GB', shared_buffers: '256MB' },
})
const warehouse = openPostgres(postgres.url)
const programs = await bundle(join('.build/programs', `refinery-${process.pid}`)) // where packages are found
const program = join(programs, 'pipeline.mjs')
try {
  await migrate(warehouse, { directory: 'warehouse/migrations', datasets, summaries, follow: true })
  const spark = options['no-spark'] ? undefined : await findSpark(say)
  const ours: [number, Measured][] = []
  const theirs: [number, { readonly cold: Measured; readonly warm: Measured }][] = []
  for (const size of sizes) {
    const lake = await makeLake(size, objects)
    const records = Object.values(lake.expected).reduce((sum, one) => sum + one.records, 0)
    say(`\n${records} records in ${lake.keys.length} objects (load average ${loadavg()[0]!.toFixed(1)})`)
    const run = await runOurs(program, lake)
    ours.push([size, run])
    say(show('cupel', run, records))
    if (options.apart)
      for (const [stage, one] of Object.entries(await runApart(program, lake)))
        say(`${show(`  ${stage}`, one, records)}: ${Math.round(records / one.seconds)} rows/s`)
    if (options.floor) say(show('the floor', await runFloor(lake), records))
    if (!spark) continue
    const { cold, warm } = await runSpark(spark, lake)
    theirs.push([size, { cold, warm }])
    say(show(`spark ${spark.version}, from launch`, cold, records))
    say(show(`spark ${spark.version}, warm job`, warm, records))
    const times = (a: number, b: number) => `${(a / b).toFixed(1)} times`
    say(
      `  from launch ${times(cold.seconds, run.seconds)} faster; ${times(warm.cpuSeconds, run.cpuSeconds)} less CPU than the warm job`,
    )
  }
  const by = <T>(entries: readonly (readonly [number, T])[], of: (one: T) => number) =>
    Object.fromEntries(entries.map(([size, one]) => [size, round(of(one))]))
  const report = {
    launchToDone: by(ours, ({ seconds }) => seconds),
    cpu: by(ours, ({ cpuSeconds }) => cpuSeconds),
    postgresCpu: by(ours, ({ postgresCpuSeconds }) => postgresCpuSeconds),
    peakRssMb: Math.round(Math.max(...ours.map(([, { peakRssMb }]) => peakRssMb))),
    spark: spark
      ? {
          version: spark.version,
          launchToDone: by(theirs, ({ cold }) => cold.seconds),
          cpu: by(theirs, ({ cold }) => cold.cpuSeconds),
          warm: by(theirs, ({ warm }) => warm.seconds),
          warmCpu: by(theirs, ({ warm }) => warm.cpuSeconds),
          peakRssMb: Math.round(Math.max(...theirs.map(([, { warm }]) => warm.peakRssMb))),
        }
      : null,
  }
  if (options.json) console.log(JSON.stringify(report))
} finally {
  await warehouse.end()
  await postgres.stop()
  await rm(work, { recursive: true, force: true })
  await rm(programs, { recursive: true, force: true })
}

type Measured = {
  readonly seconds: number
  readonly cpuSeconds: number // without PostgreSQL's
  readonly postgresCpuSeconds: number
  readonly peakRssMb: number
}

/** Both stages in a process of their own, on bronze that stands in its S3 before it starts. */
async function runOurs(program: string, lake: Lake): Promise<Measured> {
  const profiled = options.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', options.profile]
  return withPipeline(lake, [...profiled, program], [], (_, done) => done())
}

async function runApart(program: string, lake: Lake): Promise<Record<'silver' | 'gold', Measured>> {
  return withPipeline(lake, [program], ['apart'], async (child, done) => {
    const go = () => child.stdin!.write('\n')
    await done()
    return { silver: await done(go), gold: await done(go) }
  })
}

async function withPipeline<T>(
  lake: Lake,
  program: readonly string[],
  more: readonly string[],
  watch: (child: ChildProcess, done: Done) => Promise<T>,
): Promise<T> {
  const directory = join(work, 's3')
  await rm(directory, { recursive: true, force: true })
  await upload(lake, directory)
  await emptyTables()
  const measured = await onKeys(lake, [...program, directory, postgres.url, String(lanes), ...more], watch)
  await check(lake, true)
  return measured
}

async function runFloor(lake: Lake): Promise<Measured> {
  await emptyTables()
  const program = [join(programs, 'floor.mjs'), lake.folder, postgres.url, String(lanes)]
  const measured = await onKeys(lake, program, (_, done) => done())
  await check(lake, false)
  return measured
}

/** A program of Node that is told the keys of bronze, and ends with its input. */
async function onKeys<T>(
  lake: Lake,
  program: readonly string[],
  watch: (child: ChildProcess, done: Done) => Promise<T>,
): Promise<T> {
  const start = () => {
    const child = spawn(process.execPath, program, piped)
    child.stdin!.write(`${JSON.stringify(lake.keys)}\n`)
    return child
  }
  return measure(start, async (child, done) => {
    const run = await watch(child, done)
    child.stdin!.end()
    await once(child, 'exit')
    return run
  })
}

type Done = (go?: () => void) => Promise<Measured>

/** The job as a whole, then once more in the same session. */
async function runSpark(
  spark: Spark,
  lake: Lake,
): Promise<{ readonly cold: Measured; readonly warm: Measured }> {
  await emptyTables()
  const url = new URL(postgres.url)
  const jdbc = `jdbc:postgresql://${url.host}${url.pathname}?user=${url.username}&password=${url.password}`
  const silver = join(work, 'spark')
  return measure(
    () => {
      const args = [spark.job, join(lake.folder, 'bronze'), silver, jdbc, spark.jar, String(lanes)]
      const child = spawn(spark.python, args, piped)
      child.stdin!.write('\n')
      return child
    },
    async (child, done) => {
      const cold = await done()
      await check(lake, false)
      await emptyTables()
      const warm = await done(() => child.stdin!.write('\n'))
      await check(lake, false)
      child.stdin!.end()
      await once(child, 'exit')
      return { cold, warm }
    },
  )
}

/** Starts a process; `done` waits for its next line and says what was used since the start, or since the last line. */
async function measure<T>(
  start: () => ChildProcess,
  watch: (child: ChildProcess, done: Done) => Promise<T>,
): Promise<T> {
  let [startMs, cpu, postgresCpu] = [performance.now(), 0, (await usageOf(postgres.pid)).cpuSeconds]
  const child = start()
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  return watch(child, async (go) => {
    if (go) {
      ;[cpu, postgresCpu] = [(await usageOf(child.pid!)).cpuSeconds, (await usageOf(postgres.pid)).cpuSeconds]
      startMs = performance.now()
      go()
    }
    if ((await lines.next()).done) throw new Error(`${child.spawnargs.join(' ')} ended early`)
    const seconds = (performance.now() - startMs) / 1_000
    const [own, its] = [await usageOf(child.pid!), await usageOf(postgres.pid)]
    return {
      seconds,
      cpuSeconds: own.cpuSeconds - cpu,
      postgresCpuSeconds: its.cpuSeconds - postgresCpu,
      peakRssMb: own.peakRssMb,
    }
  })
}

async function upload(lake: Lake, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  const server = await startS3({ directory })
  const credentials = { accessKeyId: 'benchmark', secretAccessKey: 'benchmark' }
  const client = new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials,
    forcePathStyle: true,
  })
  await client.send(new CreateBucketCommand({ Bucket: 'lake' }))
  const store = s3ObjectStore('lake', client)
  for (const key of lake.keys) await store.put(key, await readFile(join(lake.folder, key)))
  client.destroy()
  await server.close()
}

async function emptyTables(): Promise<void> {
  await warehouse.query('TRUNCATE users, accounts, merchants, ledger CASCADE')
}

/** Both must have made the same tables: as many rows, and sums over the newest versions. */
async function check({ expected }: Lake, hasLedger: boolean): Promise<void> {
  const sums = {
    users:
      'sum(extract(year FROM birth_date) * 10000 + extract(month FROM birth_date) * 100 + extract(day FROM birth_date))',
    accounts: 'sum(balance) * 100',
    merchants: "sum(split_part(name, ' ', 3)::bigint)",
  }
  for (const [name, sum] of Object.entries(sums)) {
    const [found] = await warehouse.query(
      `SELECT count(*)::int AS rows, (${sum})::bigint::float8 AS sum FROM ${name}`,
    )
    const { rows, sum: total, quarantined } = expected[name]!
    const ledger = hasLedger
      ? await warehouse.query('SELECT sum(quarantined)::int AS quarantined FROM ledger WHERE dataset = $1', [
          name,
        ])
      : [{ quarantined }]
    const [is, shouldBe] = [
      { ...found, ...ledger[0] },
      { rows, sum: total, quarantined },
    ].map((one) => JSON.stringify(one))
    if (is !== shouldBe) throw new Error(`${name} should hold ${shouldBe} and holds ${is}`)
  }
}

async function bundle(outdir: string): Promise<string> {
  await build({
    entryPoints: [
      'benchmarks/refinery/pipeline.ts',
      'benchmarks/refinery/environment.ts',
      'benchmarks/refinery/floor.ts',
    ],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outdir,
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
    external: ['@duckdb/node-bindings*', 'pg-native'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
    },
  })
  return outdir
}

function show(
  who: string,
  { seconds, cpuSeconds, postgresCpuSeconds, peakRssMb }: Measured,
  records: number,
): string {
  const perRecord = ((cpuSeconds / records) * 1e6).toFixed(1)
  return `  ${who}: ${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} CPU-s (${perRecord} µs a record), PostgreSQL ${postgresCpuSeconds.toFixed(2)} CPU-s, peak ${peakRssMb.toFixed(0)} MB`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
