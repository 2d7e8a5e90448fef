import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { type KafkaEventSource, startKafkaEventSource } from '#localstack/event-sources/kafka/source.ts'
import { startBroker } from '#localstack/kafka/broker.ts'
import type { Invoke } from '#localstack/lambda/invoke.ts'
import { startRuntime } from '#localstack/lambda/runtime.ts'
import type { KafkaMapping } from '#localstack/template.ts'

/**
 * The Kafka event source as the local cloud runs it: embedded broker, source and Lambda runtime in this process, the
 * handler in its own. Prints what was measured beside what is promised, and fails where a promise does not hold.
 *
 *     npm run bench:event-sources            1,000,000 records
 *     npm run bench:event-sources -- 200000
 */
const count = Number(process.argv[2] ?? 1_000_000)
const partitions = 4
const valueBytes = 250
const batchSize = 10_000
const samples = 2_000

const directory = await mkdtemp(join(tmpdir(), 'bench-event-sources-'))
const taskRoot = join(directory, 'task')
await mkdir(taskRoot)
await writeFile(
  join(taskRoot, 'functions.mjs'),
  `export const count = async (event) => {
     let records = 0
     for (const list of Object.values(event.records)) records += list.length
     const { user, system } = process.cpuUsage()
     return { records, cpuMs: (user + system) / 1000 }
   }
   export const now = async () => String(process.hrtime.bigint())`,
)
const functionOf = (name: string) => ({
  name,
  key: name,
  handler: `functions.${name}`,
  timeoutSeconds: 60,
  memoryMb: 512,
  environment: {},
  layers: [],
})
const log = (line: string) => console.error(line)
const broker = await startBroker({ directory: join(directory, 'kafka'), log })
const runtime = startRuntime({
  functions: [functionOf('count'), functionOf('now')],
  taskRoot,
  bootstrap: resolve('localstack/lambda/bootstrap.mjs'),
  variables: {},
  region: 'us-east-1',
  accountId: '123456789012',
  log: ({ text }) => log(text),
})
const kafka = new Kafka({ brokers: [broker.bootstrapServers], logLevel: logLevel.NOTHING })
const producer = kafka.producer({ createPartitioner: () => (one) => one.message.partition ?? 0 })
const admin = kafka.admin()
await Promise.all([producer.connect(), admin.connect()])

const rows: Row[] = []
try {
  rows.push(...(await throughput()), ...(await latency()))
} finally {
  await Promise.all([producer.disconnect(), admin.disconnect()])
  await runtime.close()
  await broker.close()
  await rm(directory, { recursive: true, force: true })
}
print(rows)
process.exitCode = rows.every(({ holds }) => holds) ? 0 : 1

/** A backlog, from the first invocation to the commit of the last record. */
async function throughput(): Promise<Row[]> {
  const topic = await newTopic('backlog', partitions)
  await produceBacklog(producer, topic)
  const memory: number[] = []
  let counted = 0
  let inFunctionMs = 0
  let invocations = 0
  let functionCpuMs = 0
  let cpu: NodeJS.CpuUsage | undefined
  let startedMs: number | undefined
  const { source, done } = await run('count', { topic, batchSize }, async (invoke) => {
    const before = performance.now()
    startedMs ??= before
    const result = await invoke()
    inFunctionMs += performance.now() - before
    const answer = JSON.parse(result.payload) as { records: number; cpuMs: number }
    counted += answer.records
    functionCpuMs = answer.cpuMs
    cpu ??= process.cpuUsage()
    if (++invocations % 5 === 0) memory.push(process.memoryUsage().rss / 2 ** 20)
    return counted >= count
  })
  await done
  while (source.status().some(({ partitions: all }) => Object.values(all).some(({ lag }) => lag !== 0)))
    await sleep(1)
  const seconds = (performance.now() - startedMs!) / 1000
  const { user, system } = process.cpuUsage(cpu)
  await source.close()
  const perSecond = Math.round(count / seconds)
  const floor = Math.round(count / (await readOnly(topic)))
  const half = Math.floor(memory.length / 2)
  const [early, late] = [Math.max(...memory.slice(0, half)), Math.max(...memory.slice(half))]
  return [
    {
      what: `records of ${valueBytes} bytes, batches of ${batchSize.toLocaleString('en')}`,
      promised: '≥ 100,000 records/s',
      measured: `${perSecond.toLocaleString('en')} records/s`,
      holds: perSecond >= 100_000,
    },
    {
      what: '… and by a bare kafkajs consumer that drops them: the floor',
      promised: '',
      measured: `${floor.toLocaleString('en')} records/s, × ${(floor / perSecond).toFixed(1)}`,
      holds: true,
    },
    {
      what: `… of which within Invoke, ${invocations} invocations`,
      promised: 'each record once',
      measured: `${Math.round(inFunctionMs / 10 / seconds)} % of the time`,
      holds: counted === count,
    },
    {
      what: '… processor time a record, here and in the function',
      promised: '',
      measured: `${((user + system) / count).toFixed(1)} µs, ${((functionCpuMs * 1000) / count).toFixed(1)} µs`,
      holds: true,
    },
    {
      what: `memory over ${count.toLocaleString('en')} records, both halves`,
      promised: 'flat: + 20 % at most',
      measured: `${early.toFixed(0)} MB, then ${late.toFixed(0)} MB`,
      holds: late <= early * 1.2,
    },
  ]
}

/** Seconds in which a consumer of the same library reads the same records and does nothing with them. */
async function readOnly(topic: string): Promise<number> {
  const consumer = kafka.consumer({ groupId: 'bench-floor', maxBytes: 4 * 1024 * 1024 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let read = 0
  let startedMs: number | undefined
  const seconds = await new Promise<number>((resolve) => {
    void consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: partitions,
      eachBatch: async ({ batch }) => {
        startedMs ??= performance.now()
        read += batch.messages.length
        if (read === count) resolve((performance.now() - startedMs) / 1000)
      },
    })
  })
  await consumer.disconnect()
  return seconds
}

/** From the moment before a record is produced to the first line of the handler. */
async function latency(): Promise<Row[]> {
  const topic = await newTopic('latency', 1)
  const entered: ((atNs: bigint) => void)[] = []
  const { source } = await run('now', { topic, batchSize: 1 }, async (invoke) => {
    const { payload } = await invoke()
    entered.shift()?.(BigInt(JSON.parse(payload)))
    return false
  })
  await source.ready
  const delaysMs: number[] = []
  for (let n = 0; n < samples; n++) {
    const arrival = new Promise<bigint>((onEntered) => entered.push(onEntered))
    const sentNs = process.hrtime.bigint()
    await producer.send({ topic, messages: [{ value: 'x'.repeat(valueBytes) }] })
    delaysMs.push(Number((await arrival) - sentNs) / 1e6)
  }
  await source.close()
  const sorted = delaysMs.slice(samples / 10).sort((a, b) => a - b) // without the warming up
  const [median, p99] = [sorted[Math.floor(sorted.length / 2)]!, sorted[Math.floor(sorted.length * 0.99)]!]
  return [
    {
      what: 'record produced → handler entered, window 0, batch size 1',
      promised: 'p99 < 10 ms',
      measured: `p50 ${median.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
      holds: p99 < 10,
    },
  ]
}

type Row = {
  readonly what: string
  readonly promised: string
  readonly measured: string
  readonly holds: boolean
}

async function newTopic(topic: string, numPartitions: number): Promise<string> {
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions }] })
  return topic
}

async function produceBacklog(producer: Producer, topic: string): Promise<void> {
  const value = Buffer.alloc(valueBytes, 'x')
  const chunk = 2_000
  for (let sent = 0; sent < count; sent += chunk) {
    const partition = (sent / chunk) % partitions
    const messages = Array.from({ length: Math.min(chunk, count - sent) }, (_, n) => ({
      key: String(sent + n),
      value,
      partition,
    }))
    await producer.send({ topic, messages })
  }
}

/** Starts a mapping with window 0. `each` sees every invocation, and says when it has seen enough. */
async function run(
  functionName: string,
  over: Pick<KafkaMapping, 'topic' | 'batchSize'>,
  each: (invoke: () => ReturnType<Invoke>) => Promise<boolean>,
): Promise<{ source: KafkaEventSource; done: Promise<void> }> {
  let enough = () => {}
  const done = new Promise<void>((onDone) => {
    enough = onDone
  })
  const invoke: Invoke = async (...call) => {
    let result: Awaited<ReturnType<Invoke>> | undefined
    const isEnough = await each(async () => {
      result = await runtime.invoke(...call)
      if (result.functionError) throw new Error(result.payload)
      return result
    })
    if (isEnough) enough()
    return result!
  }
  const source = await startKafkaEventSource({
    mapping: {
      id: functionName,
      functionName,
      kind: 'self-managed',
      windowMs: 0,
      startingPosition: 'TRIM_HORIZON',
      consumerGroupId: `bench-${functionName}`,
      enabled: true,
      pollers: 1,
      filters: [],
      bisect: false,
      reportsItemFailures: false,
      ...over,
    },
    bootstrapServers: broker.bootstrapServers,
    invoke,
    log,
  })
  return { source, done }
}

function print(rows: readonly Row[]): void {
  const load = loadavg()[0]!.toFixed(1)
  console.log(`Node ${process.versions.node}, ${availableParallelism()} processors, load ${load}`)
  const width = Math.max(...rows.map(({ what }) => what.length))
  for (const { what, promised, measured, holds } of rows)
    console.log(
      `${holds ? ' ' : '✗'} ${what.padEnd(width)}  ${measured.padEnd(28)}${promised && `promised ${promised}`}`,
    )
}
