import { S3Client } from '@aws-sdk/client-s3'
import { type KafkaPort, openKafka } from '@cupel/io/kafka'
import { type ObjectStore, s3ObjectStore } from '@cupel/io/object-store'
import { openPostgres, type Postgres } from '@cupel/io/postgres'
import { idleKafkajs } from '#localstack/event-sources/kafka/idle-kafkajs.ts'
import type { Endpoints } from './local-cloud.ts'

/** Names that serverless.yml gives in the stage `local`. */
export const local = {
  lakeBucket: 'cupel-lake-local',
  failureBucket: 'cupel-on-failure-local',
  sweepFunction: 'cupel-local-sweep',
  summarizeFunction: 'cupel-local-summarize',
  replayFunction: 'cupel-local-replay',
  clusterArn: 'arn:aws:kafka:us-east-1:123456789012:cluster/cupel/00000000-0000-0000-0000-000000000000-1',
} as const

/** For an S3 whose credentials are not known, those that the environment names; the embedded one takes any. */
export const awsClient = (credentials?: Endpoints['s3Credentials']) => ({
  region: 'us-east-1',
  credentials: credentials ?? {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID || 'local',
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY || 'local',
  },
})

/** A client of a local cloud's S3. */
export const s3Client = ({ s3, s3Credentials }: Pick<Endpoints, 's3' | 's3Credentials'>): S3Client =>
  new S3Client({ endpoint: s3, ...awsClient(s3Credentials), forcePathStyle: true })

/** Where the data are: Kafka, the buckets and the warehouse, as the command line uses them. */
export type DataPorts = {
  readonly kafka: KafkaPort
  readonly lake: ObjectStore
  readonly failures: ObjectStore
  readonly warehouse: Postgres
  readonly close: () => Promise<void>
}

/** Nothing connects before it is used. */
export function openDataPorts(
  endpoints: Pick<Endpoints, 'kafka' | 's3' | 's3Credentials' | 'postgres'>,
): DataPorts {
  const s3 = s3Client(endpoints)
  idleKafkajs()
  const kafka = openKafka(endpoints.kafka)
  const warehouse = openPostgres(endpoints.postgres, { max: 2 })
  return {
    kafka,
    lake: s3ObjectStore(local.lakeBucket, s3),
    failures: s3ObjectStore(local.failureBucket, s3),
    warehouse,
    async close() {
      s3.destroy()
      await Promise.allSettled([kafka.close(), warehouse.end()])
    },
  }
}
