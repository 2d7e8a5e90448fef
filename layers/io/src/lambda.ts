import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { CupelError } from '@cupel/core/errors'

/** Hand events to a function asynchronously: returns when Lambda has queued the event, and Lambda retries failures. */
export function lambdaSender(functionName: string, client = new LambdaClient()) {
  return async (event: object): Promise<void> => {
    await client.send(
      new InvokeCommand({
        FunctionName: functionName,
        InvocationType: 'Event',
        Payload: Buffer.from(JSON.stringify(event)),
      }),
    )
  }
}

/**
 * Hand an event to a function and wait for its answer. When it is busy it is asked again, some 20 times within 5 minutes.
 *
 * @throws {CupelError} when it fails.
 */
export function lambdaCaller(functionName: string, client = new LambdaClient({ maxAttempts: 20 })) {
  return async (event: object): Promise<unknown> => {
    const { Payload, FunctionError } = await client.send(
      new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(event)) }),
    )
    const answer = JSON.parse(Payload?.transformToString() || 'null')
    if (FunctionError !== undefined)
      throw new CupelError('CALL', `${functionName} failed: ${answer?.errorMessage}`, { retryable: true })
    return answer
  }
}
