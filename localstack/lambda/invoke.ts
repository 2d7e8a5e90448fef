/** What a synchronous invocation gave back. A function's own failure is a value here, never an exception. */
export type InvokeResult = {
  readonly statusCode: number // 200, or 429 when the function is at its concurrency limit
  readonly functionError?: 'Unhandled' // set when the handler threw, timed out, or its process died
  readonly payload: string // JSON text: the handler's answer, or {errorType, errorMessage, trace}
  readonly logTail?: string // base64, when it was asked for and the function ran
}

export type InvokeOptions = {
  readonly requestId?: string
  readonly waits?: boolean
  readonly tail?: boolean
  readonly trace?: string // header of what led to this invocation; default: a new chain
}

/**
 * Invokes a function and waits for its answer (AWS: InvocationType RequestResponse).
 *
 * `payload` is the event as JSON text, or its UTF-8. `functionName` is the deployed name, the key in serverless.yml,
 * or an ARN. Throws only when no such function exists or the runtime is closed; retrying a 429 or a functionError is
 * up to the caller, as it is up to the event sources in AWS. With `waits` a call over the concurrency limit waits for
 * its turn instead of a 429. With `tail` the result has the end of the log.
 */
export type Invoke = (
  functionName: string,
  payload: string | Buffer,
  options?: InvokeOptions,
) => Promise<InvokeResult>
