/** Against a local cloud that runs: what the function was given by its event sources, and what a replay gives it. */
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { awsClient, local } from '#operations/cli/data-ports.ts'
import { runReplay } from '#operations/cli/events/replay.ts'
import { mapping } from '../../localstack/event-sources/fakes.ts'
import { startTestCloud } from '../../localstack/start-test-cloud.ts'

let cloud: Awaited<ReturnType<typeof startTestCloud>>
beforeAll(async () => {
  cloud = await startTestCloud({
    kafkaMappings: [
      mapping({
        ...{
          functionName: 'show',
          topic: 'orders',
          consumerGroupId: 'orders',
          eventSourceArn: local.clusterArn,
        },
        windowMs: 1_000,
      }),
    ],
    buckets: ['uploads'],
    bucketNotifications: [
      { id: 'replay', bucket: 'uploads', events: ['s3:ObjectCreated:*'], functionName: 'show' },
    ],
  })
  vi.stubEnv('CUPEL_DIRECTORY', cloud.directory)
  vi.spyOn(console, 'log').mockReturnValue()
})
afterAll(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await cloud.stop()
})

/** Runs it, and waits for the events that the function gets. */
async function eventsOf(run: () => Promise<unknown>) {
  const before = cloud.events.length
  await run()
  await vi.waitFor(() => expect(cloud.events.length).toBeGreaterThan(before), 15_000)
  return cloud.events.slice(before).map((text) => JSON.parse(text))
}
const replay = (address: string) => runReplay('/nowhere', address, { function: 'show' })

it('records reach the function again as the mapping gave them, just those of the address', async () => {
  const kafka = new Kafka({ brokers: [cloud.endpoints.kafka], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }]
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: 'orders', configEntries }],
  })
  const producer = kafka.producer()
  await producer.connect()
  const messages = [0, 1, 2, 3, 4].map((n) => ({
    ...{ partition: 2, key: n === 1 ? null : `key ${n}`, value: n === 2 ? null : `{"n":${n}}` },
    headers: { h: [Buffer.from('ë'), 'a'] },
  }))
  const [first] = await eventsOf(() => producer.send({ topic: 'orders', messages }))
  await producer.disconnect()
  const given = first.records['orders-2']
  expect(given.map(({ offset }: { offset: number }) => offset)).toEqual([0, 1, 2, 3, 4])
  expect(given[0].timestampType).toBe('LOG_APPEND_TIME')

  const committed = () => admin.fetchOffsets({ groupId: 'orders', topics: ['orders'] })
  const before = await committed()
  const [again] = await eventsOf(async () => expect(await replay('orders-2@1-3')).toBe(0))
  expect(again).toEqual({ ...first, records: { 'orders-2': given.slice(1, 4) } })
  expect(await committed()).toEqual(before)
  expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toEqual(['orders'])
  await admin.disconnect()

  await expect(replay('orders-2@3-5')).rejects.toThrow('orders-2 has the offsets from 0 to 4')
  await expect(replay('orders-9@0')).rejects.toThrow('there is no partition orders-9')
})

it('the event of an object reaches the function again as the bucket gave it', async () => {
  const client = new S3Client({ endpoint: cloud.endpoints.s3, ...awsClient(), forcePathStyle: true })
  const put = new PutObjectCommand({ Bucket: 'uploads', Key: 'in/red flower@1.jpg', Body: 'seven b' })
  const [first] = await eventsOf(() => client.send(put))
  client.destroy()
  const [again] = await eventsOf(async () => expect(await replay('s3://uploads/in/red flower@1.jpg')).toBe(0))
  // What S3 does not keep of an upload: when to the millisecond, in which order, for which request.
  const kept = ({ Records: [record] }: typeof first) => ({
    ...record,
    eventTime: record.eventTime.slice(0, 17),
    responseElements: Object.keys(record.responseElements),
    s3: { ...record.s3, object: { ...record.s3.object, sequencer: expect.any(String) } },
  })
  expect(kept(again)).toEqual(kept(first))
  expect(again.Records[0].s3.object).toMatchObject({ key: 'in/red+flower%401.jpg', size: 7 })
  await expect(replay('s3://uploads/in/none')).rejects.toThrow('there is no object s3://uploads/in/none')
})
