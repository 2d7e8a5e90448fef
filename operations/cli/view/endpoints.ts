import type { Endpoints } from '../local-cloud.ts'
import { local } from '../local-ports.ts'

/** Where everything listens, each line ready to be copied from. */
export const formatEndpoints = ({ kafka, s3, lambda, postgres }: Endpoints): readonly string[] => [
  `  Kafka       ${kafka}`,
  `  S3          ${s3}   buckets ${local.lakeBucket}, ${local.failureBucket}`,
  `  PostgreSQL  psql ${postgres}`,
  `  Lambda      ${lambda}`,
]
