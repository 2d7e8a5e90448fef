import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { clientOf, connectProducer, readMessages, runBroker, temporaryDirectory } from './harness.ts'

let script: string
beforeAll(async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cupel-broker-script-'))
  script = path.join(directory, 'broker.mjs')
  await build({
    stdin: {
      contents: `
        import { startBroker } from './broker.ts'
        const { bootstrapServers } = await startBroker({ directory: process.argv[2] })
        console.log(bootstrapServers)`,
      resolveDir: path.join(import.meta.dirname, '../../../localstack/kafka'),
      loader: 'ts',
    },
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', outfile: script },
  })
  return () => fs.rmSync(directory, { recursive: true, force: true })
})

/** A broker in a process of its own. */
async function spawnBroker(directory: string): Promise<{ child: ChildProcess; bootstrapServers: string }> {
  const child = spawn(process.execPath, [script, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout!.once('data', (data) => resolve(`${data}`.trim()))
    child.once('exit', (code) => reject(new Error(`the broker ended with ${code}`)))
  })
  return { child, bootstrapServers: line }
}

const kill = (child: ChildProcess) =>
  new Promise((resolve) => {
    child.once('exit', resolve)
    child.kill('SIGKILL')
  })

it('has every acknowledged record in order after kill -9 in the middle of producing', async () => {
  const directory = await temporaryDirectory()
  const { child, bootstrapServers } = await spawnBroker(directory)
  const producer = await connectProducer(clientOf(bootstrapServers), { retry: { retries: 0 } })
  let acknowledged = 0
  const produce = async () => {
    for (let next = 0; ; next += 10) {
      const messages = Array.from({ length: 10 }, (_, i) => ({ value: `${next + i}`.padEnd(500, '.') }))
      await producer.send({ topic: 'crash', messages })
      acknowledged = next + 10
      if (acknowledged === 1000) void kill(child)
    }
  }
  await expect(produce()).rejects.toThrow()
  await producer.disconnect()
  expect(acknowledged).toBeGreaterThanOrEqual(1000)

  const { kafka } = await runBroker({ directory })
  const admin = kafka.admin()
  await admin.connect()
  const end = Number((await admin.fetchTopicOffsets('crash'))[0]!.high)
  await admin.disconnect()
  expect(end).toBeGreaterThanOrEqual(acknowledged)
  const messages = await readMessages(kafka, 'crash', end)
  expect(messages.map(({ value }) => Number.parseInt(`${value}`, 10))).toEqual(
    Array.from({ length: end }, (_, i) => i),
  )
})

it('has the last acknowledged commit after kill -9', async () => {
  const directory = await temporaryDirectory()
  const { child, bootstrapServers } = await spawnBroker(directory)
  const kafka = clientOf(bootstrapServers)
  const producer = await connectProducer(kafka)
  await producer.send({ topic: 'commits', messages: [{ value: '0' }, { value: '1' }, { value: '2' }] })
  await readMessages(kafka, 'commits', 3, 'group')
  await producer.disconnect()
  await kill(child)

  const again = await runBroker({ directory })
  const admin = again.kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchOffsets({ groupId: 'group', topics: ['commits'] })
  await admin.disconnect()
  expect(offsets).toMatchObject([{ partitions: [{ offset: '3' }] }])
})

it.each([
  ['half a batch', (last: Buffer) => last.subarray(0, last.length / 2)],
  ['a few bytes of a header', (last: Buffer) => last.subarray(0, 20)],
  ['a batch with a changed byte', (last: Buffer) => Buffer.concat([last.subarray(0, -1), Buffer.from('!')])],
  ['zeros', () => Buffer.alloc(4096)],
])('cuts off a torn tail: %s', async (_, torn) => {
  const directory = await temporaryDirectory()
  const first = await runBroker({ directory })
  const producer = await connectProducer(first.kafka)
  const log = () => {
    const topic = fs.readdirSync(path.join(directory, 'topics'))[0]!
    return path.join(directory, 'topics', topic, '0', '00000000000000000000.log')
  }
  await producer.send({ topic: 'torn', messages: [{ value: 'whole' }] })
  const whole = fs.readFileSync(log())
  await producer.send({ topic: 'torn', messages: [{ value: 'last' }] })
  const last = fs.readFileSync(log()).subarray(whole.length)
  await producer.disconnect()
  await first.close()
  fs.writeFileSync(log(), Buffer.concat([whole, torn(last)]))

  const { kafka, lines } = await runBroker({ directory })
  expect(lines).toEqual([expect.stringContaining('cut off a torn tail')])
  expect(fs.readFileSync(log()).equals(whole)).toBe(true)
  const later = await connectProducer(kafka)
  await later.send({ topic: 'torn', messages: [{ value: 'next' }] })
  const messages = await readMessages(kafka, 'torn', 2)
  expect(messages.map(({ offset, value }) => [offset, `${value}`])).toEqual([
    ['0', 'whole'],
    ['1', 'next'],
  ])
})
