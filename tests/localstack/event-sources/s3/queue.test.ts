import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { readNotification } from '#localstack/event-sources/s3/notification.ts'
import { readS3EventQueue } from '#localstack/event-sources/s3/queue.ts'
import { startFakeSqs } from './fake-sqs.ts'

const captured = await readFile(join(import.meta.dirname, '../../fixtures/minio-notification.json'), 'utf8')
const upload = (key: string): string => captured.replace(/in%2F[^"]*/, encodeURIComponent(key))
let sqs: Awaited<ReturnType<typeof startFakeSqs>>
beforeEach(async () => {
  sqs = await startFakeSqs()
})
afterEach(() => sqs.stop())

function read(announce?: (text: string) => void) {
  const keys: string[] = []
  const lines: string[] = []
  const reader = readS3EventQueue({
    queueUrl: sqs.queueUrl,
    endpoint: sqs.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'me', secretAccessKey: 'secret' },
    announce: (text) => {
      announce?.(text)
      keys.push(...readNotification(text).map(({ key }) => key))
    },
    log: (line) => void lines.push(line),
  })
  return { keys, lines, ...reader }
}

it('70. hands over each change once, those too that came while nothing polled, and deletes what it handed over', async () => {
  sqs.send('{"Service":"Amazon S3","Event":"s3:TestEvent"}', ...['a', 'ü b', 'c'].map(upload))
  const first = read()
  await vi.waitFor(() => expect(sqs.left()).toEqual([]))
  expect(first.keys).toEqual(['a', 'ü b', 'c'])
  sqs.send(upload('while it waits'))
  await vi.waitFor(() => expect(first.keys).toContain('while it waits'))
  await vi.waitFor(() => expect(sqs.polls()).toBe(1))
  await first.close()
  await vi.waitFor(() => expect(sqs.polls()).toBe(0))

  const meanwhile = Array.from({ length: 25 }, (_, n) => `meanwhile/${n}`)
  sqs.send(...meanwhile.map(upload))
  const second = read()
  await vi.waitFor(() => expect(sqs.left()).toEqual([]))
  expect(second.keys).toEqual(meanwhile)
  await second.close()
  expect([...first.lines, ...second.lines]).toEqual([])
  // Ten at a time, and the server holds an empty answer back for as long as it may.
  expect(sqs.calls).toContainEqual(
    expect.objectContaining({
      operation: 'ReceiveMessage',
      WaitTimeSeconds: 20,
      MaxNumberOfMessages: 10,
    }),
  )
})

it('leaves in the queue what is no notification, says so once, and takes the rest', async () => {
  sqs.send('not JSON', upload('a'), '{"source":"aws.s3","detail-type":"Object Created"}')
  const { keys, lines, close } = read()
  const left = ['not JSON', '{"source":"aws.s3","detail-type":"Object Created"}']
  await vi.waitFor(() => expect(sqs.left()).toEqual(left))
  sqs.showAgain()
  sqs.send(upload('b'))
  await vi.waitFor(() => expect(keys).toEqual(['a', 'b']))
  await close()
  expect(sqs.left()).toEqual(left)
  expect(lines).toEqual([
    expect.stringMatching(/uploads: message message-\S+ is left there: the notification is not JSON$/),
    expect.stringMatching(/is left there: it is an event of EventBridge \(Object Created\): have the bucket/),
  ])
})

it('deletes no message whose events nobody took', async () => {
  sqs.send(upload('a'))
  const { lines, close } = read(() => {
    throw new Error('the queue of the functions is full')
  })
  await vi.waitFor(() => expect(lines).toHaveLength(1))
  await close()
  expect(sqs.left()).toEqual([upload('a')])
  expect(sqs.calls.map(({ operation }) => operation)).not.toContain('DeleteMessageBatch')
})

it('says that the queue is not usable, and goes on when it is', async () => {
  sqs.refuse(true)
  const { keys, lines, close } = read()
  await vi.waitFor(() =>
    expect(lines).toEqual([expect.stringMatching(/not usable \(not yours\); trying again/)]),
  )
  sqs.refuse(false)
  sqs.send(upload('a'))
  await vi.waitFor(() => expect(keys).toEqual(['a']))
  await close()
  expect(lines.at(-1)).toMatch(/uploads: reading again$/)
})
