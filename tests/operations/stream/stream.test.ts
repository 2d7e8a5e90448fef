import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openKafka } from '@cupel/io/kafka'
import fc from 'fast-check'
import type { KafkaMessage } from 'kafkajs'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { type StreamOptions, streamRows } from '#operations/cli/stream/stream.ts'
import { runBroker } from '../../localstack/kafka/harness.ts'

let directory: string
let file: string
const notes: string[] = []
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stream-'))
  file = join(directory, 'things.csv')
})
afterAll(() => rm(directory, { recursive: true }))

const write = (rows: readonly unknown[]) => writeFile(file, ['n', ...rows, ''].join('\n'))
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
const options = (more: Partial<StreamOptions> = {}): StreamOptions => ({
  ...{ file, topic: 't', delayMs: 0, signal: new AbortController().signal },
  note: (line) => notes.push(line),
  ...more,
})

/** A topic of one partition in memory; `refuse` says of each batch whether it is lost, or its acknowledgement. */
function topic(refuse: () => 'lost' | 'unacknowledged' | undefined = () => undefined) {
  const log: KafkaMessage[] = []
  const kafka: Parameters<typeof streamRows>[0] = {
    async produce(records) {
      const failure = refuse()
      if (failure !== 'lost')
        for (const { key, value } of records)
          log.push({ key: Buffer.from(key!), value, offset: `${log.length}` } as KafkaMessage)
      if (failure) throw new Error('killed')
    },
    offsets: async () => ({ records: 0, partitions: [{ partition: 0, start: 0, end: log.length }] }),
    read: async ({ from, to }) => log.slice(from, to + 1),
  }
  return { kafka, log, sent: () => log.map(({ value }) => JSON.parse(String(value))) }
}

it('loses no row and repeats none, wherever it is killed and however often', async () => {
  const failure = fc.constantFrom('lost', 'unacknowledged', undefined)
  await write(numbers(40))
  await fc.assert(
    fc.asyncProperty(fc.array(failure, { maxLength: 20 }), fc.nat(1), async (failures, others) => {
      const left = [...failures]
      const { kafka, log, sent } = topic(() => left.shift())
      for (let done = false; !done; ) {
        done = await streamRows(kafka, options({ most: 7 })).then(
          (count) => count === 0,
          () => false,
        )
        for (let n = 0; n < others * 1_500; n++)
          log.push({ key: null, value: Buffer.from('0') } as KafkaMessage) // of somebody else, many
      }
      const ours = sent().filter((value) => value !== 0)
      expect(ours.map(({ n }) => Number(n))).toEqual(numbers(40))
    }),
    { numRuns: 15 },
  )
})

it('sends all anew with --restart, and goes on in that', async () => {
  await write(numbers(5))
  const { kafka, sent } = topic()
  await streamRows(kafka, options())
  expect(await streamRows(kafka, options())).toBe(0)
  expect(notes.at(-1)).toBe(
    'All 5 rows of things.csv are in t already; cupel stream --restart sends them anew.',
  )
  await streamRows(kafka, options({ restart: true, most: 2 }))
  expect(await streamRows(kafka, options())).toBe(3)
  expect(sent().map(({ row }) => row)).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5])
  await write(numbers(6)) // it has grown: only what is new is sent
  expect(await streamRows(kafka, options())).toBe(1)
})

it.each([
  ['a row that was sent reads differently', ['0', 'x', '2']],
  ['it is shorter', ['0']],
])('refuses a file of which %s', async (_, rows) => {
  await write(numbers(3))
  const { kafka } = topic()
  await streamRows(kafka, options({ most: 2 }))
  await write(rows)
  await expect(streamRows(kafka, options())).rejects.toThrow(
    /things\.csv has changed since its first 2 rows were sent into t: --restart sends all of it/,
  )
})

it('sends a row after the other with a delay, until it is told to stop', async () => {
  await write(numbers(100))
  const { kafka, sent } = topic()
  const stop = new AbortController()
  const onSent = () => sent().length === 3 && stop.abort()
  expect(await streamRows(kafka, options({ delayMs: 5, signal: stop.signal, onSent }))).toBe(3)
  expect(sent().map(({ row }) => row)).toEqual([1, 2, 3])
})

it('keeps its place in a topic of Kafka itself, beside other files', async () => {
  const { bootstrapServers } = await runBroker({ defaultPartitions: 3 })
  const kafka = openKafka(bootstrapServers)
  onTestFinished(() => kafka.close())
  await write(numbers(2_500))
  const other = join(directory, 'others.csv')
  await writeFile(other, 'm\n1\n')
  expect(await streamRows(kafka, options({ most: 1_200 }))).toBe(1_200)
  expect(await streamRows(kafka, options({ file: other }))).toBe(1)
  expect(await streamRows(kafka, options())).toBe(1_300)
  expect(await streamRows(kafka, options())).toBe(0)
  expect((await kafka.offsets('t')).records).toBe(2_501)
})
