import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { fromOtherSite, listen, loopback } from '../listen.ts'
import { mostRunsInChain, runsInChain } from './lineage.ts'
import type { LambdaRuntime } from './runtime.ts'

export type InvokeEndpointOptions = {
  readonly runtime: Pick<LambdaRuntime, 'find' | 'invoke' | 'arnOf'>
  readonly enqueue: (functionName: string, payload: string, trace?: string) => void // takes asynchronous invocations
  readonly port?: number // 0 takes any free one
  /** Further paths under POST; the body is given as text, a thrown error answers 400. */
  readonly routes?: Readonly<Record<string, (body: string) => void>>
}

export type InvokeEndpoint = { readonly port: number; readonly endpoint: string; close(): Promise<void> }

// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const syncLimitBytes = 6 * 1024 * 1024
const asyncLimitBytes = 1024 * 1024

type Reply = {
  readonly status: number
  readonly body?: string
  readonly errorType?: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Lambda's Invoke operation over HTTP, for `@aws-sdk/client-lambda` and the AWS command line.
 * Signatures are not checked. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export async function startInvokeEndpoint(options: InvokeEndpointOptions): Promise<InvokeEndpoint> {
  const server = createServer((request, response) => {
    const requestId = randomUUID()
    answer(request, requestId, options)
      .catch((error: unknown) => serviceError(500, 'ServiceException', String(error)))
      .then((reply) => write(response, requestId, reply))
  })
  const port = await listen(server, 'Lambda', options.port)
  return {
    port,
    endpoint: `http://${loopback}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(
  request: IncomingMessage,
  requestId: string,
  options: InvokeEndpointOptions,
): Promise<Reply> {
  const body = await readBody(request, syncLimitBytes)
  if (fromOtherSite(request)) {
    return serviceError(403, 'AccessDeniedException', 'Requests from other sites invoke nothing')
  }
  const url = new URL(request.url ?? '/', 'http://localhost')
  const route = options.routes?.[url.pathname]
  if (route && request.method === 'POST') {
    try {
      route(body ?? '')
      return { status: 200 }
    } catch (error) {
      return serviceError(400, 'InvalidRequestContentException', (error as Error).message)
    }
  }
  const [, name] = /^\/2015-03-31\/functions\/([^/]+)\/invocations\/?$/.exec(url.pathname) ?? []
  if (name === undefined || request.method !== 'POST') {
    const known = 'POST /2015-03-31/functions/{name}/invocations is all there is'
    return serviceError(404, 'UnknownOperationException', `${request.method} ${url.pathname}: ${known}`)
  }
  return invoke(request, requestId, functionName(name, url), body, options)
}

async function invoke(
  request: IncomingMessage,
  requestId: string,
  name: string,
  body: string | undefined,
  { runtime, enqueue }: InvokeEndpointOptions,
): Promise<Reply> {
  const settings = runtime.find(name)
  if (!settings) {
    const arn = name.startsWith('arn:') ? name : runtime.arnOf(name)
    const message = { Message: `Function not found: ${arn}`, Type: 'User' }
    return { status: 404, errorType: 'ResourceNotFoundException', body: JSON.stringify(message) }
  }
  const type = request.headers['x-amz-invocation-type'] ?? 'RequestResponse'
  const limit = type === 'Event' ? asyncLimitBytes : syncLimitBytes
  if (body === undefined || Buffer.byteLength(body) > limit) {
    const message = `Request must be smaller than ${limit} bytes for the Invoke operation`
    return serviceError(413, 'RequestTooLargeException', message)
  }
  const payload = body === '' ? '{}' : body
  try {
    JSON.parse(payload)
  } catch (error) {
    const message = `Could not parse request body into json: ${(error as Error).message}`
    return serviceError(400, 'InvalidRequestContentException', message)
  }
  const trace = String(request.headers['x-amzn-trace-id'] ?? '')
  switch (type) {
    case 'DryRun':
      return { status: 204 }
    case 'Event':
      enqueue(settings.name, payload, trace)
      return { status: 202 }
    case 'RequestResponse': {
      if (!settings.mayStartItself && runsInChain(trace, settings.name) >= mostRunsInChain) {
        const message = `${settings.name} ran ${mostRunsInChain} times in one chain of calls and is stopped`
        return serviceError(400, 'RecursiveInvocationException', message)
      }
      const tail = request.headers['x-amz-log-type'] === 'Tail'
      const result = await runtime.invoke(settings.name, payload, { requestId, tail, trace })
      if (result.statusCode === 429) {
        const headers = { 'Retry-After': '1' }
        return { status: 429, errorType: 'TooManyRequestsException', body: result.payload, headers }
      }
      const failed = result.functionError && { 'X-Amz-Function-Error': result.functionError }
      return {
        status: 200,
        body: result.payload,
        headers: {
          'X-Amz-Executed-Version': '$LATEST',
          ...failed,
          ...(result.logTail !== undefined && { 'X-Amz-Log-Result': result.logTail }),
        },
      }
    }
    default:
      return serviceError(400, 'InvalidParameterValueException', `Unknown invocation type: ${type}`)
  }
}

/** The name as the caller wrote it, with the qualifier it may give apart. */
function functionName(encoded: string, url: URL): string {
  const qualifier = url.searchParams.get('Qualifier')
  const name = decodeURIComponent(encoded)
  return qualifier === null || qualifier === '$LATEST' ? name : `${name}:${qualifier}`
}

/** The body as text; undefined when it is longer than the limit. All of it is read either way, so the answer arrives. */
async function readBody(request: IncomingMessage, limitBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length <= limitBytes) chunks.push(chunk)
  }
  return length > limitBytes ? undefined : Buffer.concat(chunks).toString('utf8')
}

function serviceError(status: number, errorType: string, message: string): Reply {
  return { status, errorType, body: JSON.stringify({ Type: status < 500 ? 'User' : 'Service', message }) }
}

function write(
  response: ServerResponse,
  requestId: string,
  { status, body, errorType, headers }: Reply,
): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'x-amzn-RequestId': requestId,
    ...(errorType !== undefined && { 'x-amzn-ErrorType': errorType }),
    ...headers,
  })
  response.end(body)
}
