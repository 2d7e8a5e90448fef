import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import {
  CreateBucketCommand,
  type Event,
  PutBucketNotificationConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { Kafka, logLevel } from 'kafkajs'
import { defaultPartitions, type LocalConfig } from './config.ts'
import type { BucketNotification } from './template.ts'

/** Creates the topics that the settings name and others that are needed, where they do not exist. */
export async function createTopics(
  bootstrapServers: string,
  needed: readonly string[],
  { topics, real }: LocalConfig,
  log: (line: string) => void,
): Promise<void> {
  const wanted = [...new Set([...Object.keys(topics), ...needed])]
  if (wanted.length === 0) return
  const admin = new Kafka({
    clientId: 'localstack',
    brokers: bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 3 },
  }).admin()
  try {
    await admin.connect()
    const existing = new Set(await admin.listTopics())
    const missing = wanted.filter((topic) => !existing.has(topic))
    const created = missing.map((topic) => ({
      topic,
      numPartitions: topics[topic]?.partitions ?? defaultPartitions,
      replicationFactor: -1, // the broker's default
    }))
    if (created.length > 0) await admin.createTopics({ topics: created })
    const { topics: found } = await admin.fetchTopicMetadata({ topics: wanted })
    for (const { name, partitions } of found) {
      const count = topics[name]?.partitions
      if (count === undefined || count === partitions.length) continue
      log(
        `topic ${name} has ${partitions.length} partitions, not ${count}: it keeps those it was created with`,
      )
    }
  } catch (error) {
    const whose = real.kafkaBrokers === undefined ? '' : ': start it, or unset KAFKA_BROKERS'
    throw new Error(`cannot create topics at ${bootstrapServers} (${(error as Error).message})${whose}`, {
      cause: error,
    })
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

/** A client for path-style addresses; the embedded S3 takes any credentials. */
export function openS3(endpoint: string, real: LocalConfig['real']['s3'], region: string): S3Client {
  return new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: real ?? { accessKeyId: 'local', secretAccessKey: 'local-secret' },
  })
}

export async function createBuckets(
  s3: S3Client,
  buckets: readonly string[],
  endpoint: string,
  region: string,
): Promise<void> {
  // us-east-1 is the one region that must not be named.
  // https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
  const place =
    region === 'us-east-1' ? {} : { CreateBucketConfiguration: { LocationConstraint: region as never } }
  for (const bucket of buckets) {
    try {
      await s3.send(new CreateBucketCommand({ Bucket: bucket, ...place }))
    } catch (error) {
      const { name, message } = error as Error
      if (/^BucketAlready(OwnedByYou|Exists)$/.test(name)) continue
      throw new Error(`cannot create the bucket ${bucket} at ${endpoint}: ${message || name}`, {
        cause: error,
      })
    }
  }
}

/**
 * Has an S3 of one's own announce what the template's notifications ask for to `target`, in place of what its buckets
 * announced before. Prefixes and suffixes are applied there, and again where the events arrive.
 */
export async function announceChanges(
  s3: S3Client,
  notifications: readonly BucketNotification[],
  target: string,
): Promise<void> {
  for (const bucket of new Set(notifications.map((each) => each.bucket))) {
    const queues = notifications
      .filter((each) => each.bucket === bucket)
      .map(({ id, events, prefix, suffix }) => {
        const rules = [
          ...(prefix === undefined ? [] : [{ Name: 'prefix' as const, Value: prefix }]),
          ...(suffix === undefined ? [] : [{ Name: 'suffix' as const, Value: suffix }]),
        ]
        return {
          Id: id,
          QueueArn: target,
          Events: events as Event[],
          ...(rules.length > 0 && { Filter: { Key: { FilterRules: rules } } }),
        }
      })
    const configuration = { Bucket: bucket, NotificationConfiguration: { QueueConfigurations: queues } }
    try {
      await s3.send(new PutBucketNotificationConfigurationCommand(configuration))
    } catch (error) {
      const { name, message } = error as Error
      throw new Error(
        `the bucket ${bucket} cannot announce its changes to ${target} (${message || name}): ` +
          'name a target that the S3 was started with in S3_EVENTS_TARGET, or unset it',
        { cause: error },
      )
    }
  }
}

/** Runs the project's prepare command in a shell; throws when it fails, with the last line that it wrote. */
export function runPrepare(
  command: string,
  directory: string,
  variables: Readonly<Record<string, string>>,
  log: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, {
      shell: true,
      cwd: directory,
      env: { ...process.env, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal && { signal }),
    })
    let last = ''
    for (const output of [child.stdout, child.stderr]) {
      createInterface({ input: output }).on('line', (line) => {
        if (line.trim()) last = line.trim()
        log(line)
      })
    }
    child.once('error', reject)
    child.once('close', (code, killed) => {
      if (code === 0) return resolve()
      const how = code === null ? `was ended by ${killed}` : `failed with exit status ${code}`
      reject(new Error(`the prepare command \`${command}\` ${how}${last && `: ${last}`}`))
    })
  })
}
