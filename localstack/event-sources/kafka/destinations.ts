import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { appendMessage, keyAt } from '../destination.ts'
import { eventHead, eventJson } from './event.ts'
import { type Destination, failureDocument, failureMessages } from './on-failure.ts'

/**
 * A bucket: one object a failure, under a key like those of Kinesis mappings; AWS documents none for Kafka.
 * https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html
 */
export function bucketDestination(s3: S3Client, bucket: string, mappingId: string): Destination {
  return {
    name: `s3://${bucket}`,
    async deliver(failure) {
      const { at, topic, records } = failure
      const key = keyAt(`aws/lambda/${mappingId}/${topic}-${records[0]?.partition}`, at)
      const body = failureDocument(failure, { withPayload: true })
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }))
    },
  }
}

/**
 * A topic of the same cluster: one message a record. Connects for each failure: they are rare.
 * https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure-destination.html
 */
export function topicDestination(bootstrapServers: string, topic: string): Destination {
  const kafka = new Kafka({
    clientId: 'lambda-on-failure',
    brokers: bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 2, initialRetryTime: 100 },
  })
  return {
    name: `kafka://${topic}`,
    async deliver(failure) {
      const producer = kafka.producer({
        createPartitioner: Partitioners.DefaultPartitioner,
        allowAutoTopicCreation: false,
      })
      const head = eventHead(failure.origin)
      const messages = failureMessages(failure, (record) => eventJson(head, failure.topic, [record]))
      try {
        await producer.connect()
        await producer.send({ topic, messages })
      } finally {
        await producer.disconnect().catch(() => {})
      }
    },
  }
}

/** In the place of a queue or a topic of SNS, which are not emulated: a file with a line for each message. */
export function fileDestination(file: string): Destination {
  return {
    name: file,
    async deliver(failure) {
      await appendMessage(file, failureDocument(failure, { withPayload: false }))
    },
  }
}
