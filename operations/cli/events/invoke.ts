import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { runningEndpoints } from '#localstack/endpoints-file.ts'
import { awsClient } from '../data-ports.ts'
import { Failure } from '../failure.ts'
import { dataDirectory, type Endpoints } from '../local-cloud.ts'

/** `cupel invoke`: hands a function of the running local cloud an event from a file or from stdin (`-`). */
export async function runInvoke(
  root: string,
  functionName: string,
  options: { readonly event?: string },
): Promise<number> {
  const endpoints = endpointsOf(root)
  const { event: file } = options
  const event = file === undefined ? '{}' : await (file === '-' ? text(process.stdin) : readEvent(file))
  try {
    JSON.parse(event)
  } catch (error) {
    throw new Failure(`the event is no JSON: ${(error as Error).message}`, 2)
  }
  return invoke(endpoints, functionName, event)
}

/** Where the local cloud of this project listens. @throws {Failure} when none runs. */
export function endpointsOf(root: string): Endpoints {
  const directory = dataDirectory(root)
  const endpoints = runningEndpoints(directory)
  if (!endpoints) throw new Failure(`nothing runs in ${directory} that could run a function: npm start does`)
  return endpoints
}

/** Waits for the function, and prints what it answered. Exit code 1 when it failed. */
export async function invoke(endpoints: Endpoints, functionName: string, event: string): Promise<number> {
  const lambda = new LambdaClient({ endpoint: endpoints.lambda, ...awsClient(endpoints.s3Credentials) })
  try {
    const { Payload, FunctionError } = await lambda.send(
      new InvokeCommand({ FunctionName: functionName, Payload: event }),
    )
    console.log(JSON.stringify(JSON.parse(Payload?.transformToString() || 'null'), null, 2))
    return FunctionError === undefined ? 0 : 1
  } catch (error) {
    throw new Failure((error as Error).message)
  } finally {
    lambda.destroy()
  }
}

const readEvent = (file: string) =>
  readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Failure(`cannot read ${file} (${error.code})`, 2)
  })
