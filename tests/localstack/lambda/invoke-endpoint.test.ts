import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type InvokeEndpoint, startInvokeEndpoint } from '#localstack/lambda/invoke-endpoint.ts'
import { runsInChain, traceOfInvocation } from '#localstack/lambda/lineage.ts'
import { startRuntime } from '#localstack/lambda/runtime.ts'

const functions = [
  {
    name: 'service-dev-hello',
    key: 'hello',
    handler: 'x.y',
    timeoutSeconds: 3,
    memoryMb: 128,
    environment: {},
    layers: [],
  },
]
// `find` and `arnOf` are the real ones; no environment is ever started.
const naming = startRuntime({
  functions,
  taskRoot: '/nowhere',
  bootstrap: '/nowhere',
  variables: {},
  region: 'us-east-1',
  accountId: '123456789012',
  log: () => {},
})
let endpoint: InvokeEndpoint
let client: LambdaClient
let queued: [string, string][]
let posted: string[]
let traces: (string | undefined)[]

beforeAll(async () => {
  endpoint = await startInvokeEndpoint({
    runtime: {
      ...naming,
      invoke: async (_name, json, { tail } = {}) => {
        const payload = json.toString()
        const { fail, throttle } = JSON.parse(payload) as { fail?: boolean; throttle?: boolean }
        if (throttle)
          return { statusCode: 429, payload: '{"Reason":"x","Type":"User","message":"Rate Exceeded."}' }
        if (fail) return { statusCode: 200, functionError: 'Unhandled', payload: '{"errorType":"TypeError"}' }
        return { statusCode: 200, payload, ...(tail && { logTail: 'VEFJTA==' }) }
      },
    },
    enqueue: (name, payload, trace) => {
      queued.push([name, payload])
      traces.push(trace)
    },
    routes: {
      '/_localstack/events': (body) => {
        if (body === 'bad') throw new Error('not an event')
        posted.push(body)
      },
    },
  })
  client = new LambdaClient({
    endpoint: endpoint.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
    maxAttempts: 1,
  })
})
beforeEach(() => {
  queued = []
  posted = []
  traces = []
})
afterAll(async () => {
  client.destroy()
  await endpoint.close()
})

const invoke = (input: Partial<ConstructorParameters<typeof InvokeCommand>[0]> = {}) =>
  client.send(new InvokeCommand({ FunctionName: 'service-dev-hello', ...input }))

describe('the Invoke operation for the AWS SDK', () => {
  it('79. answers a synchronous call with the function’s answer', async () => {
    const { StatusCode, Payload, FunctionError, ExecutedVersion } = await invoke({ Payload: '{"n":1}' })
    expect({ StatusCode, FunctionError, ExecutedVersion }).toEqual({
      StatusCode: 200,
      ExecutedVersion: '$LATEST',
    })
    expect(Payload?.transformToString()).toBe('{"n":1}')
  })

  it.each([
    'hello',
    'service-dev-hello',
    'service-dev-hello:$LATEST',
    '123456789012:function:service-dev-hello',
    'arn:aws:lambda:us-east-1:123456789012:function:service-dev-hello',
  ])('knows the function as %s', async (FunctionName) => {
    expect((await invoke({ FunctionName })).StatusCode).toBe(200)
  })

  it('gives an empty object for no payload', async () => {
    expect((await invoke()).Payload?.transformToString()).toBe('{}')
  })

  it('80. answers 200 with an error header when the function failed', async () => {
    const { StatusCode, FunctionError, Payload } = await invoke({ Payload: '{"fail":true}' })
    expect([StatusCode, FunctionError, Payload?.transformToString()]).toEqual([
      200,
      'Unhandled',
      '{"errorType":"TypeError"}',
    ])
  })

  it('86. gives the tail of the log to who asks for it', async () => {
    expect((await invoke({ LogType: 'Tail' })).LogResult).toBe('VEFJTA==')
    expect((await invoke({ LogType: 'None' })).LogResult).toBeUndefined()
  })

  it('79. queues an asynchronous call and answers 202 without a body', async () => {
    const { StatusCode, Payload } = await invoke({ InvocationType: 'Event', Payload: '{"n":2}' })
    expect([StatusCode, Payload?.length ?? 0]).toEqual([202, 0])
    expect(queued).toEqual([['service-dev-hello', '{"n":2}']])
  })

  it('79. answers a dry run with 204 and runs nothing', async () => {
    expect((await invoke({ InvocationType: 'DryRun' })).StatusCode).toBe(204)
    expect(queued).toEqual([])
  })

  it.each([
    ['85. an unknown function is refused', { FunctionName: 'nobody' }, 'ResourceNotFoundException', 404],
    ['an unknown qualifier is refused', { Qualifier: 'live' }, 'ResourceNotFoundException', 404],
    ['85. a payload that is not JSON is refused', { Payload: '{' }, 'InvalidRequestContentException', 400],
    [
      '83. more than 6 MB is refused',
      { Payload: `"${'x'.repeat(6 * 1024 * 1024)}"` },
      'RequestTooLargeException',
      413,
    ],
    [
      '83. more than 1 MB for later is refused',
      { InvocationType: 'Event', Payload: `"${'x'.repeat(1024 * 1024)}"` } as const,
      'RequestTooLargeException',
      413,
    ],
    ['a throttled call is refused', { Payload: '{"throttle":true}' }, 'TooManyRequestsException', 429],
  ])('%s as AWS does', async (_, input, name, httpStatusCode) => {
    await expect(invoke(input)).rejects.toMatchObject({ name, $metadata: { httpStatusCode } })
  })
})

describe('a function that calls itself', () => {
  const call = (runs: number, type: string) => {
    const trace = Array.from({ length: runs }, () => 'service-dev-hello')
    return fetch(`${endpoint.endpoint}/2015-03-31/functions/hello/invocations`, {
      method: 'POST',
      body: '{}',
      headers: {
        'x-amz-invocation-type': type,
        'x-amzn-trace-id': trace.reduce<string>(traceOfInvocation, ''),
      },
    })
  }

  it('72. is refused when it ran 16 times in one chain', async () => {
    expect((await call(15, 'RequestResponse')).status).toBe(200)
    const refused = await call(16, 'RequestResponse')
    expect([refused.status, refused.headers.get('x-amzn-errortype')]).toEqual([
      400,
      'RecursiveInvocationException',
    ])
    expect((await call(16, 'Event')).status).toBe(202) // and the queue gives it up
    expect(traces.map((trace) => runsInChain(trace, 'service-dev-hello'))).toEqual([16])
  })
})

describe('other paths', () => {
  it('says what there is', async () => {
    const response = await fetch(`${endpoint.endpoint}/2015-03-31/functions`)
    expect(response.status).toBe(404)
    expect(await response.text()).toContain('/2015-03-31/functions/{name}/invocations')
  })

  it('hands the body of a registered path over, and says when it is refused', async () => {
    const post = (body: string) => fetch(`${endpoint.endpoint}/_localstack/events`, { method: 'POST', body })
    expect((await post('good')).status).toBe(200)
    const refused = await post('bad')
    expect([refused.status, await refused.json()]).toEqual([400, { Type: 'User', message: 'not an event' }])
    expect(posted).toEqual(['good'])
  })

  it('invokes nothing for a page of another site', async () => {
    const path = `${endpoint.endpoint}/2015-03-31/functions/f/invocations`
    const answer = await fetch(path, { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } })
    expect([answer.status, answer.headers.get('x-amzn-errortype')]).toEqual([403, 'AccessDeniedException'])
  })

  it('says when its port is taken', async () => {
    const again = startInvokeEndpoint({ runtime: naming, enqueue: () => {}, port: endpoint.port })
    await expect(again).rejects.toThrow(`Lambda's port ${endpoint.port} is in use`)
  })
})
