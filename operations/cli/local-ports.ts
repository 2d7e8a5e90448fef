import { LambdaClient } from '@aws-sdk/client-lambda'
import { lambdaSender } from '@cupel/io/lambda'
import { awsClient, type DataPorts, local, openDataPorts, s3Client } from './data-ports.ts'
import type { Endpoints } from './local-cloud.ts'
import { makeUploader, type Uploader } from './watch-folder/upload.ts'

export { local } from './data-ports.ts'

/** The services of a running local cloud, as the command line uses them. */
export type LocalPorts = DataPorts & {
  readonly sweep: (event: { graceMs: number }) => Promise<void>
  readonly summarize: (event: object) => Promise<void>
  readonly upload: Uploader // files, under landing/
}

export function openLocalPorts(endpoints: Endpoints): LocalPorts {
  const data = openDataPorts(endpoints)
  const s3 = s3Client(endpoints)
  const lambda = new LambdaClient({ endpoint: endpoints.lambda, ...awsClient(endpoints.s3Credentials) })
  return {
    ...data,
    sweep: lambdaSender(local.sweepFunction, lambda),
    summarize: lambdaSender(local.summarizeFunction, lambda),
    upload: makeUploader(s3, local.lakeBucket),
    async close() {
      s3.destroy()
      lambda.destroy()
      await data.close()
    },
  }
}
