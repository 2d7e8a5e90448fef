import { createInterface } from 'node:readline/promises'
import { Worker } from 'node:worker_threads'
import { startS3 } from '#localstack/s3/server.ts'
import type { Task } from './environment.ts'

/**
 * What the benchmark measures, from the start of this process: refine and load on the bronze objects of an embedded S3,
 * over HTTP. Bronze is announced by events made here, silver by the S3. As many environments as `lanes` serve both
 * functions, each a thread of its own (`environment.ts`). Prints a line when the tables are done.
 *
 * With `apart` it prints a line when the environments are there, one when all is refined and one when all is loaded, and
 * waits for a line before each stage.
 *
 *     node pipeline.mjs <folder of the S3> <URL of PostgreSQL> <lanes> [apart] < keys of bronze, JSON
 */
const [directory, databaseUrl, lanes, apart] = process.argv.slice(2)
Object.assign(process.env, {
  AWS_ACCESS_KEY_ID: 'benchmark',
  AWS_SECRET_ACCESS_KEY: 'benchmark',
  AWS_REGION: 'us-east-1',
})
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const say = (what: string) => process.stdout.write(`${what}\n`)
const keys = JSON.parse((await input.next()).value!) as string[]
const refines: Task[] = keys.map((key) => ({ stage: 'refine', key, size: 0 }))
const loads: Task[] = []
const idle: Worker[] = []
let left: Record<Task['stage'], number> = { refine: keys.length, load: keys.length } // one each of a bronze object
let isHeld = apart !== undefined

function give(): void {
  while (idle.length > 0 && !isHeld) {
    const task = (apart && left.refine > 0 ? undefined : loads.shift()) ?? refines.shift()
    if (!task) return
    idle.pop()!.postMessage(task)
  }
}
async function hold(what: string): Promise<void> {
  isHeld = true
  say(what)
  await input.next()
  isHeld = false
  give()
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
  () =>
    new Worker(new URL('environment.mjs', import.meta.url), {
      workerData: databaseUrl,
      resourceLimits: { maxYoungGenerationSizeMb: 8 }, // `npm start` gives its environments no more
    }),
)
await new Promise<void>((done, fail) => {
  for (const worker of workers)
    worker.on('error', fail).on('message', (message: 'ready' | Task['stage']) => {
      idle.push(worker)
      if (message !== 'ready') left = { ...left, [message]: left[message] - 1 }
      if (left.load === 0) return done()
      const isStage = message === 'ready' ? idle.length === workers.length : left.refine === 0
      if (apart && isStage && message !== 'load') void hold(message)
      else give()
    })
})
say('done')
await input.next() // what it used is counted, then it may end
await Promise.all(workers.map((worker) => worker.terminate()))
await s3.close()
