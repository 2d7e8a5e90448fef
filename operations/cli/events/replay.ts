import { randomUUID } from 'node:crypto'
import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Kafka, logLevel } from 'kafkajs'
import { toRecord } from '#localstack/event-sources/kafka/consumer.ts'
import { eventHead, eventJson, type SourceRecord } from '#localstack/event-sources/kafka/event.ts'
import { s3Event } from '#localstack/event-sources/s3/event.ts'
import { awsClient, local } from '../data-ports.ts'
import { Failure } from '../failure.ts'
import type { Endpoints } from '../local-cloud.ts'
import { type EventAddress, readAddress } from './address.ts'
import { endpointsOf, invoke } from './invoke.ts'

const readMs = 20_000

/**
 * `cupel events replay`: gives a function records that Kafka still has, or the event of an object that is still there,
 * once more, as its event source would. Consumer groups and the past event's answer stay as they are.
 */
export async function runReplay(
  root: string,
  address: string,
  options: { readonly function: string; readonly print?: boolean },
): Promise<number> {
  const read = readAddress(address)
  const endpoints = endpointsOf(root)
  const event = await (read.kind === 'kafka' ? kafkaEvent(endpoints, read) : objectEvent(endpoints, read))
  if (!options.print) return invoke(endpoints, options.function, event)
  console.log(event)
  return 0
}

async function kafkaEvent(
  { kafka: bootstrapServers }: Endpoints,
  address: EventAddress & { kind: 'kafka' },
): Promise<string> {
  const { topic, partition, from, to } = address
  const kafka = new Kafka({ brokers: bootstrapServers.split(','), logLevel: logLevel.NOTHING })
  const groupId = `replay-${randomUUID()}`
  const admin = kafka.admin()
  const consumer = kafka.consumer({ groupId })
  await admin.connect()
  try {
    const offsets = await admin.fetchTopicOffsets(topic).catch(() => [])
    const found = offsets.find((each) => each.partition === partition)
    if (!found) throw new Failure(`there is no partition ${topic}-${partition}`)
    if (from < Number(found.low) || to >= Number(found.high))
      throw new Failure(
        `${topic}-${partition} has the offsets from ${found.low} to ${Number(found.high) - 1}`,
      )

    await consumer.connect()
    await consumer.subscribe({ topic })
    const records: SourceRecord[] = []
    const { promise, resolve, reject } = deferred()
    const late = setTimeout(
      () => reject(new Failure(`Kafka gave no records within ${readMs / 1000} s: try again`)),
      readMs,
    )
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      async eachBatch({ batch }) {
        if (batch.partition !== partition) return
        for (const message of batch.messages) {
          const offset = Number(message.offset)
          const next = (records.at(-1)?.offset ?? from - 1) + 1 // what kafkajs gave before it sought comes again
          if (offset >= next && offset <= to) records.push(toRecord(topic, partition, message))
        }
        if (Number(batch.lastOffset()) >= to) resolve()
      },
    })
    for (const { partition: each, high } of offsets)
      consumer.seek({ topic, partition: each, offset: each === partition ? String(from) : high })
    await promise.finally(() => clearTimeout(late))
    const head = eventHead({ kind: 'msk', eventSourceArn: local.clusterArn, bootstrapServers })
    return eventJson(head, topic, records)
  } finally {
    await consumer.disconnect()
    await admin.deleteGroups([groupId]).catch(() => {}) // it had no time to come about
    await admin.disconnect()
  }
}

async function objectEvent(endpoints: Endpoints, address: EventAddress & { kind: 's3' }): Promise<string> {
  const { bucket, key } = address
  const access = awsClient(endpoints.s3Credentials)
  const s3 = new S3Client({ endpoint: endpoints.s3, ...access, forcePathStyle: true })
  try {
    const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
    const modified = head.LastModified ?? new Date(0)
    const change = {
      eventName: 'ObjectCreated:Put' as const,
      bucket,
      key,
      size: head.ContentLength ?? 0,
      eTag: (head.ETag ?? '').replaceAll('"', ''),
      sequencer: modified.getTime().toString(16).toUpperCase().padStart(16, '0'),
      eventTime: modified.toISOString(),
      requestId: randomUUID(),
      id2: randomUUID(),
      sourceIp: '127.0.0.1',
    }
    const notification = { id: 'replay', bucket, events: ['s3:ObjectCreated:*'], functionName: '' }
    return s3Event(change, notification, access.region)
  } catch (error) {
    throw new Failure(`there is no object s3://${bucket}/${key} (${(error as Error).name})`)
  } finally {
    s3.destroy()
  }
}

function deferred() {
  let resolve = () => {}
  let reject = (_: Error) => {}
  const promise = new Promise<void>((done, failed) => {
    resolve = done
    reject = failed
  })
  return { promise, resolve: () => resolve(), reject: (error: Error) => reject(error) }
}
