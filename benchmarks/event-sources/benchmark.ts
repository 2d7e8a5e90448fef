import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Consumer, Kafka, logLevel, type Producer } from 'kafkajs'
import { eventHead, eventJson, type SourceRecord } from '#localstack/event-sources/kafka/event.ts'
import { type KafkaEventSource, startKafkaEventSource } from '#localstack/event-sources/kafka/source.ts'
import { startBroker } from '#localstack/kafka/broker.ts'
import type { Invoke } from '#localstack/lambda/invoke.ts'
import { startRuntime } from '#localstack/lambda/runtime.ts'
import type { KafkaMapping } from '#localstack/template.ts'

/**
 * The Kafka event source as the local cloud runs it: embedded broker, source and Lambda runtime in this process, the
 * handler in its own. Prints what was measured beside what is promised, and fails where a promise does not hold.
 *
 *     npm run bench -- --only event-sources                  1,000,000 records
 *     npm run bench -- --only event-sources --json 200000
 */
const args = process.argv.slice(2)
const count = Number(args.find((each) => /^\d+$/.test(each)) ?? 1_000_000)
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
  const backlog = await newTopic('backlog', partitions)
  await produceBacklog(producer, backlog)
  rows.push(...(await throughput(backlog)), await memory(backlog), ...(await latency()))
} finally {
  await Promise.all([producer.disconnect(), admin.disconnect()])
  await runtime.close()
  await broker.close()
  await rm(directory, { recursive: true, force: true })
}
print(rows)
process.exitCode = rows.every(({ holds }) => holds) ? 0 : 1

/** A backlog, from the first invocation to the commit of the last record. */
async function throughput(topic: string): Promise<Row[]> {
  // Before the first source, which lets all of kafkajs in this process read quicker.
  const floor = 1 / ((await readOnly(topic)) / count + jsonOnly())
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
    invocations++
    return counted >= count
  })
  await done
  while (source.status().some(({ partitions: all }) => Object.values(all).some(({ lag }) => lag !== 0)))
    await sleep(1)
  const seconds = (performance.now() - startedMs!) / 1000
  const { user, system } = process.cpuUsage(cpu)
  await source.close()
  const perSecond = Math.round(count / seconds)
  return [
    {
      what: `records of ${valueBytes} bytes, batches of ${batchSize.toLocaleString('en')}`,
      promised: '≥ 100,000 records/s',
      measured: `${perSecond.toLocaleString('en')} records/s`,
      holds: perSecond >= 100_000,
    },
    {
      what: '… and by a bare kafkajs consumer, then written and parsed as JSON: the floor',
      promised: '',
      measured: `${Math.round(floor).toLocaleString('en')} records/s, × ${(floor / perSecond).toFixed(1)}`,
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
  ]
}

/** What stays when garbage is collected, with the records that wait and are under way, over the whole backlog. */
async function memory(topic: string): Promise<Row> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const live: number[] = []
  let counted = 0
  const { source, done } = await run(
    'count',
    { topic, batchSize, consumerGroupId: 'bench-memory' },
    async (invoke) => {
      counted += JSON.parse((await invoke()).payload).records
      collect()
      collect() // buffers that the first one freed are counted until the next
      const { heapUsed, external } = process.memoryUsage()
      live.push((heapUsed + external) / 2 ** 20)
      return counted >= count
    },
  )
  await done
  await source.close()
  const half = live.length >> 1
  const [early, late] = [Math.max(...live.slice(0, half)), Math.max(...live.slice(half))]
  return {
    what: `memory in use over ${count.toLocaleString('en')} records, most in both halves`,
    promised: 'flat: + 5 % at most',
    measured: `${early.toFixed(1)} MB, then ${late.toFixed(1)} MB`,
    holds: late <= early * 1.05,
  }
}

/** Seconds a record to write a batch as an event and to parse it, and nothing else. */
function jsonOnly(): number {
  const head = eventHead({ kind: 'self-managed', bootstrapServers: broker.bootstrapServers })
  const records = Array.from(
    { length: batchSize },
    (_, offset): SourceRecord => ({
      ...{ topic: 'backlog', partition: offset % partitions, offset, headers: [] },
      ...{ timestampMs: Date.now(), timestampType: 'CREATE_TIME' },
      ...{ key: Buffer.from(String(offset)), value: Buffer.alloc(valueBytes, 'x') },
    }),
  )
  const times = 20
  const startedMs = performance.now()
  for (let n = 0; n < times; n++) JSON.parse(eventJson(head, 'backlog', records))
  return (performance.now() - startedMs) / 1000 / times / batchSize
}

/** Seconds in which a consumer of the same library reads the same records and does nothing with them. */
async function readOnly(topic: string): Promise<number> {
  let read = 0
  let startedMs: number | undefined
  let done = (_seconds: number) => {}
  const seconds = new Promise<number>((resolve) => {
    done = resolve
  })
  const consumer = await consume(topic, (records) => {
    startedMs ??= performance.now()
    read += records
    if (read === count) done((performance.now() - startedMs) / 1000)
  })
  return seconds.finally(() => consumer.disconnect())
}

async function consume(topic: string, onBatch: (records: number) => void): Promise<Consumer> {
  const consumer = kafka.consumer({ groupId: `bare-${topic}`, maxBytes: 4 * 1024 * 1024 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: partitions,
    eachBatch: async ({ batch }) => onBatch(batch.messages.length),
  })
  return consumer
}

/** From the moment before a record is produced to the first line of the handler, and of a bare consumer. */
async function latency(): Promise<Row[]> {
  const topic = await newTopic('latency', 1)
  let entered = (_atNs: bigint) => {}
  const delays = async (topic: string) => {
    const delaysMs: number[] = []
    for (let n = 0; n < samples; n++) {
      const arrival = new Promise<bigint>((resolve) => {
        entered = resolve
      })
      const sentNs = process.hrtime.bigint()
      await producer.send({ topic, messages: [{ value: 'x'.repeat(valueBytes) }] })
      delaysMs.push(Number((await arrival) - sentNs) / 1e6)
    }
    const sorted = delaysMs.slice(samples / 10).sort((a, b) => a - b) // without the warming up
    const at = (share: number) => sorted[Math.floor(sorted.length * share)]!
    return { p99: at(0.99), text: `p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms` }
  }
  const { source } = await run('now', { topic, batchSize: 1 }, async (invoke) => {
    entered(BigInt(JSON.parse((await invoke()).payload)))
    return false
  })
  await source.ready
  const measured = await delays(topic)
  await source.close()
  const bareTopic = await newTopic('latency-bare', 1)
  const consumer = await consume(bareTopic, () => entered(process.hrtime.bigint()))
  const floor = await delays(bareTopic)
  await consumer.disconnect()
  return [
    {
      what: 'record produced → handler entered, window 0, batch size 1',
      promised: 'p99 < 10 ms',
      measured: measured.text,
      holds: measured.p99 < 10,
    },
    {
      what: '… → a bare kafkajs consumer has it: the floor',
      promised: '',
      measured: floor.text,
      holds: true,
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
  over: Pick<KafkaMapping, 'topic' | 'batchSize'> & Partial<KafkaMapping>,
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
  if (args.includes('--json')) {
    const machine = { node: process.versions.node, processors: availableParallelism(), load: Number(load) }
    console.log(JSON.stringify({ suite: 'event-sources', ...machine, rows }))
    return
  }
  console.log(`Node ${process.versions.node}, ${availableParallelism()} processors, load ${load}`)
  const width = Math.max(...rows.map(({ what }) => what.length))
  for (const { what, promised, measured, holds } of rows)
    console.log(
      `${holds ? ' ' : '✗'} ${what.padEnd(width)}  ${measured.padEnd(28)}${promised && `promised ${promised}`}`,
    )
}
