import { createInterface } from 'node:readline/promises'
import { Worker } from 'node:worker_threads'
import { startS3 } from '#localstack/s3/server.ts'
import type { Task } from './environment.ts'

/**
 * What the benchmark measures, from the start of this process: refine and load on the bronze objects of an embedded S3,
 * over HTTP. Bronze is announced by events made here, silver by the S3. As many environments as `lanes` serve both
 * functions, each a thread of its own (`environment.ts`). Prints a line when the tables are done.
 *
 *     node pipeline.mjs <folder of the S3> <URL of PostgreSQL> <lanes> < keys of bronze, JSON
 */
const [directory, databaseUrl, lanes] = process.argv.slice(2)
Object.assign(process.env, {
  AWS_ACCESS_KEY_ID: 'benchmark',
  AWS_SECRET_ACCESS_KEY: 'benchmark',
  AWS_REGION: 'us-east-1',
})
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const keys = JSON.parse((await input.next()).value!) as string[]
const refines: Task[] = keys.map((key) => ({ stage: 'refine', key, size: 0 }))
const loads: Task[] = []
let left = keys.length * 2 // of each bronze object one refinement and one load
const idle: Worker[] = []
const give = () => {
  while (idle.length > 0 && loads.length + refines.length > 0)
    idle.pop()!.postMessage(loads.shift() ?? refines.shift())
}
const s3 = await startS3({
  directory: directory!,
  onChange: ({ key, size }) => {
    if (!key.startsWith('silver/')) return
    loads.push({ stage: 'load', key, size: size ?? 0 })
    give()
  },
})
process.env.AWS_ENDPOINT_URL_S3 = s3.endpoint
const workers = Array.from(
  { length: Number(lanes) },
  () => new Worker(new URL('environment.mjs', import.meta.url), { workerData: databaseUrl }),
)
await new Promise<void>((done, fail) => {
  for (const worker of workers)
    worker.on('error', fail).on('message', (message: 'ready' | 'done') => {
      if (message === 'done') left -= 1
      if (left === 0) return done()
      idle.push(worker)
      give()
    })
})
process.stdout.write(`${JSON.stringify({ done: true })}\n`)
await input.next() // what it used is counted, then it may end
await Promise.all(workers.map((worker) => worker.terminate()))
await s3.close()
