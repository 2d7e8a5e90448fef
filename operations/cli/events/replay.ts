import { randomUUID } from 'node:crypto'
import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { openKafka } from '@cupel/io/kafka'
import { toRecord } from '#localstack/event-sources/kafka/consumer.ts'
import { eventHead, eventJson } from '#localstack/event-sources/kafka/event.ts'
import { s3Event } from '#localstack/event-sources/s3/event.ts'
import { awsClient, local } from '../data-ports.ts'
import { Failure } from '../failure.ts'
import type { Endpoints } from '../local-cloud.ts'
import { type EventAddress, readAddress } from './address.ts'
import { endpointsOf, invoke } from './invoke.ts'

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
  const kafka = openKafka(bootstrapServers)
  try {
    const { partitions } = await kafka.offsets(topic)
    const found = partitions.find((each) => each.partition === partition)
    if (!found) throw new Failure(`there is no partition ${topic}-${partition}`)
    if (from < found.start || to >= found.end)
      throw new Failure(`${topic}-${partition} has the offsets from ${found.start} to ${found.end - 1}`)
    const messages = await kafka.read(address)
    const head = eventHead({ kind: 'msk', eventSourceArn: local.clusterArn, bootstrapServers })
    return eventJson(
      head,
      topic,
      messages.map((message) => toRecord(topic, partition, message)),
    )
  } finally {
    await kafka.close()
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
