import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'

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
