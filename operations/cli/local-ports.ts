import { LambdaClient } from '@aws-sdk/client-lambda'
import { S3Client } from '@aws-sdk/client-s3'
import { type KafkaPort, openKafka } from '@cupel/io/kafka'
import { lambdaSender } from '@cupel/io/lambda'
import { type ObjectStore, s3ObjectStore } from '@cupel/io/object-store'
import { openPostgres, type Postgres } from '@cupel/io/postgres'
import type { Endpoints } from './local-cloud.ts'

/** Names that serverless.yml gives in the stage `local`. */
export const local = {
  lakeBucket: 'cupel-lake-local',
  failureBucket: 'cupel-on-failure-local',
  sweepFunction: 'cupel-local-sweep',
} as const

/** The services of a running local cloud, as the command line uses them. */
export type LocalPorts = {
  readonly kafka: KafkaPort
  readonly lake: ObjectStore
  readonly failures: ObjectStore
  readonly warehouse: Postgres
  readonly sweep: (event: { graceMs: number }) => Promise<void>
  readonly close: () => Promise<void>
}

export function openLocalPorts(endpoints: Endpoints): LocalPorts {
  const credentials = {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? 'local',
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? 'local',
  }
  const region = 'us-east-1'
  const s3 = new S3Client({ endpoint: endpoints.s3, region, credentials, forcePathStyle: true })
  const lambda = new LambdaClient({ endpoint: endpoints.lambda, region, credentials })
  const kafka = openKafka(endpoints.kafka)
  const warehouse = openPostgres(endpoints.postgres, { max: 2 })
  return {
    kafka,
    lake: s3ObjectStore(local.lakeBucket, s3),
    failures: s3ObjectStore(local.failureBucket, s3),
    warehouse,
    sweep: lambdaSender(local.sweepFunction, lambda),
    async close() {
      s3.destroy()
      lambda.destroy()
      await Promise.allSettled([kafka.close(), warehouse.end()])
    },
  }
}
