import { createInterface } from 'node:readline/promises'
import { objectCreatedEvent } from '@cupel/core/s3-event'
import { openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import { silverToText } from '@cupel/duckdb/silver-text'
import { s3ObjectStore } from '@cupel/io/object-store'
import { openPostgres } from '@cupel/io/postgres'
import { datasetByBronzeFolder, datasets } from '#datasets/index.ts'
import { makeLoad } from '#functions/gold/load/load.ts'
import { makeRefine } from '#functions/silver/refine/refine.ts'
import { startS3 } from '#localstack/s3/server.ts'

/**
 * What the benchmark measures, from the start of this process: refine and load on the bronze objects of an embedded S3,
 * over HTTP. Bronze is announced by events made here, silver by the S3. As many environments as `lanes` serve both
 * functions, each with a DuckDB of one thread and a connection to PostgreSQL. Prints a line when the tables are done.
 *
 *     node pipeline.mjs <folder of the S3> <URL of PostgreSQL> <lanes> < keys of bronze, JSON
 */
const [directory, databaseUrl, lanes] = process.argv.slice(2)
const bucket = 'lake'
process.env.AWS_ACCESS_KEY_ID = 'benchmark'
process.env.AWS_SECRET_ACCESS_KEY = 'benchmark'
process.env.AWS_REGION = 'us-east-1'

type Task = { readonly key: string; readonly size: number }
const loads: Task[] = []
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const refines = (JSON.parse((await input.next()).value!) as string[]).map((key) => ({ key, size: 0 }))
let left = refines.length * 2 // of each bronze object one refinement and one load
let wake: (() => void)[] = []
const awaken = () => {
  const asleep = wake
  wake = []
  for (const one of asleep) one()
}

const s3 = await startS3({
  directory: directory!,
  onChange: ({ key, size }) => {
    if (!key.startsWith('silver/')) return
    loads.push({ key, size: size ?? 0 })
    awaken()
  },
})
process.env.AWS_ENDPOINT_URL_S3 = s3.endpoint
await Promise.all(Array.from({ length: Number(lanes) }, serve))
process.stdout.write(`${JSON.stringify({ done: true })}\n`)
await input.next() // what it used is counted, then it may end
await s3.close()

/** One environment: takes what is there, loads first, one event after the other. */
async function serve(): Promise<void> {
  const lake = s3ObjectStore(bucket)
  const warehouse = openPostgres(databaseUrl!)
  const engine = await openEngine({ memoryLimit: '256MB', threads: 1 })
  const refine = makeRefine({
    lake,
    datasetOf: datasetByBronzeFolder,
    refineFile: (dataset, files) => refineFile(engine, dataset, files),
  })
  const load = makeLoad({
    lake,
    warehouse,
    datasets,
    silverToText: (dataset, files) => silverToText(engine, dataset, files),
    warn: (line) => console.error(line),
  })
  while (left > 0) {
    const silver = loads.shift()
    const bronze = silver ? undefined : refines.shift()
    if (!silver && !bronze) {
      await new Promise<void>((resolve) => wake.push(resolve))
      continue
    }
    if (silver) await load(objectCreatedEvent(bucket, [{ ...silver, eTag: '' }]))
    else await refine(objectCreatedEvent(bucket, [{ ...bronze!, eTag: '' }]))
    left -= 1
    if (left === 0) awaken()
  }
  engine.close()
  await warehouse.end()
}
