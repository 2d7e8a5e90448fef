import { LambdaClient } from '@aws-sdk/client-lambda'
import { lambdaSender } from '@cupel/io/lambda'
import { awsClient, type DataPorts, local, openDataPorts } from './data-ports.ts'
import type { Endpoints } from './local-cloud.ts'

export { local } from './data-ports.ts'

/** The services of a running local cloud, as the command line uses them. */
export type LocalPorts = DataPorts & {
  readonly sweep: (event: { graceMs: number }) => Promise<void>
  readonly summarize: (event: object) => Promise<void>
}

export function openLocalPorts(endpoints: Endpoints): LocalPorts {
  const data = openDataPorts(endpoints)
  const lambda = new LambdaClient({ endpoint: endpoints.lambda, ...awsClient(endpoints.s3Credentials) })
  return {
    ...data,
    sweep: lambdaSender(local.sweepFunction, lambda),
    summarize: lambdaSender(local.summarizeFunction, lambda),
    async close() {
      lambda.destroy()
      await data.close()
    },
  }
}
