import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { FunctionLogLine } from '#localstack/lambda/environment.ts'
import { keepMs, type LambdaRuntime, type RuntimeOptions, startRuntime } from '#localstack/lambda/runtime.ts'
import { isAlive } from '#localstack/processes.ts'
import type { FunctionSettings } from '#localstack/template.ts'

const bootstrap = fileURLToPath(new URL('../../../localstack/lambda/bootstrap.mjs', import.meta.url))
let taskRoot: string
let runtime: LambdaRuntime
let lines: FunctionLogLine[]

beforeAll(async () => {
  taskRoot = await mkdtemp(join(tmpdir(), 'cupel-runtime-'))
})
afterEach(() => runtime.close())
afterAll(() => rm(taskRoot, { recursive: true, force: true }))

async function write(files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(taskRoot, name)), { recursive: true })
    await writeFile(join(taskRoot, name), text)
  }
}

function fn(overrides: Partial<FunctionSettings> = {}): FunctionSettings {
  return {
    name: 'service-dev-f',
    key: 'f',
    handler: 'f.handler',
    timeoutSeconds: 10,
    memoryMb: 256,
    environment: {},
    layers: [],
    ...overrides,
  }
}

/** One function whose handler's file holds `source`. */
async function start(
  source: string,
  overrides: Partial<FunctionSettings> = {},
  extension = 'mjs',
  options: Partial<RuntimeOptions> = {},
) {
  const file = `f${Math.random().toString(36).slice(2)}`
  await write({ [`${file}.${extension}`]: source })
  lines = []
  runtime = startRuntime({
    functions: [fn({ handler: `${file}.handler`, ...overrides })],
    taskRoot,
    bootstrap,
    variables: { FROM_CLOUD: 'cloud', BOTH: 'cloud' },
    region: 'eu-central-1',
    accountId: '123456789012',
    log: (line) => lines.push(line),
    ...options,
  })
  return async (event: unknown = {}) => {
    const json = Buffer.isBuffer(event) ? event : JSON.stringify(event)
    const { payload, ...rest } = await runtime.invoke('f', json, { requestId: 'request-1' })
    return { ...rest, answer: JSON.parse(payload) }
  }
}

describe('temporary folder', () => {
  it("is each environment's own, kept between its invocations, and gone with it", async () => {
    const invoke = await start(`
      import { readdirSync, writeFileSync } from 'node:fs'
      import { tmpdir } from 'node:os'
      export const handler = async () => {
        writeFileSync(tmpdir() + '/' + Math.random(), '')
        return { folder: tmpdir(), files: readdirSync(tmpdir()).length }
      }`)
    const [one, other] = await Promise.all([invoke(), invoke()])
    expect(one.answer.folder).not.toBe(other.answer.folder)
    expect((await invoke()).answer.files).toBe(2)
    await runtime.close()
    expect(existsSync(one.answer.folder)).toBe(false)
    expect(existsSync(other.answer.folder)).toBe(false)
  })
})

it('89. keeps the temporary folder when an environment timed out or crashed, but no module state', async () => {
  const invoke = await start(
    `import { existsSync, writeFileSync } from 'node:fs'
    let n = 0
    const file = process.env.TMPDIR + '/kept'
    export const handler = async ({ act }) => {
      const found = existsSync(file)
      writeFileSync(file, '')
      if (act === 'hang') await new Promise(() => setInterval(() => {}, 1000))
      if (act === 'exit') process.exit(1)
      return { n: ++n, found, folder: process.env.TMPDIR }
    }`,
    { timeoutSeconds: 1 },
  )
  expect((await invoke({ act: 'hang' })).answer.errorType).toBe('Sandbox.Timedout')
  expect((await invoke()).answer).toMatchObject({ n: 1, found: true })
  expect((await invoke({ act: 'exit' })).answer.errorType).toBe('Runtime.ExitError')
  const { n, found, folder } = (await invoke()).answer
  expect({ n, found }).toEqual({ n: 1, found: true })
  await invoke({ act: 'exit' })
  await runtime.close()
  expect(existsSync(folder)).toBe(false)
})

describe('the tail of the log', () => {
  const logged = async (event: object) => {
    const result = await runtime.invoke('f', JSON.stringify(event), { requestId: 'request-1', tail: true })
    return Buffer.from(result.logTail ?? '', 'base64').toString()
  }

  it('86. has the function’s lines between START, END and REPORT, and the start of a new environment', async () => {
    const invoke = await start(
      'console.log("loading"); export const handler = async () => { console.log("one"); console.error("two") }',
    )
    expect(await logged({})).toMatch(
      /^START RequestId: request-1 Version: \$LATEST\n(one\ntwo|two\none)\nEND RequestId: request-1\nREPORT RequestId: request-1\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\tMax Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\n$/,
    )
    expect(await logged({})).not.toContain('Init Duration')
    expect(await invoke()).not.toHaveProperty('logTail')
    expect(lines.map(({ text }) => text)).not.toContain('END RequestId: request-1')
  })

  it('86. is 4 KB at most, and those are the last', async () => {
    await start(
      'export const handler = async () => { for (let n = 0; n < 3000; n++) console.log("line " + n + " é") }',
    )
    const text = await logged({})
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096 + 2) // a character cut in two reads as U+FFFD
    expect(Buffer.byteLength(text)).toBeGreaterThan(4000)
    expect(text).toMatch(/line 2998 é\nline 2999 é\nEND RequestId: request-1\nREPORT /)
  })

  it.each([
    [
      'await new Promise(() => setInterval(() => {}, 1000))',
      /Task timed out after 1\.00 seconds\nEND .*\n.*Status: timeout\n$/,
    ],
    ['process.exit(3)', /exit status 3\nEND .*\n.*Status: error\tError Type: Runtime\.ExitError\n$/],
  ])('86. says how an environment ended: %s', async (body, ending) => {
    await start(`export const handler = async () => { ${body} }`, { timeoutSeconds: 1 })
    expect(await logged({})).toMatch(ending)
  })
})

describe('handlers', () => {
  it('runs an ESM handler with the event, and gives its answer as JSON', async () => {
    const invoke = await start('export const handler = async (event) => ({ twice: event.n * 2 })')
    expect(await invoke({ n: 21 })).toEqual({ statusCode: 200, answer: { twice: 42 } })
  })

  it('runs a CommonJS handler', async () => {
    const invoke = await start('exports.handler = async (event) => event.n + 1', {}, 'cjs')
    expect((await invoke({ n: 1 })).answer).toBe(2)
  })

  it('finds a handler in folders with dots, and an export of an export', async () => {
    await write({ '.build/functions/x/handler.mjs': 'export const api = { run: async () => "found" }' })
    const invoke = await start('', { handler: '.build/functions/x/handler.api.run' })
    expect((await invoke()).answer).toBe('found')
  })

  it('82. answers null when the handler returns nothing', async () => {
    const invoke = await start('export const handler = async () => {}')
    expect((await invoke()).answer).toBeNull()
  })

  it('takes the answer of a callback, after the event loop ran empty', async () => {
    const source =
      'export function handler(event, context, callback) { callback(null, 1); setTimeout(() => {}, 20) }'
    expect((await (await start(source))()).answer).toBe(1)
  })

  it('answers null when neither a promise nor a callback answers and nothing is left to do', async () => {
    const invoke = await start('export function handler() { setTimeout(() => {}, 20) }')
    expect((await invoke()).answer).toBeNull()
    expect((await invoke()).answer).toBeNull()
  })

  it('90. gives AWS’s context', async () => {
    const invoke = await start(
      'export const handler = async (event, context) => ({ ...context, left: context.getRemainingTimeInMillis() })',
    )
    const { answer } = await invoke()
    expect(answer).toMatchObject({
      functionName: 'service-dev-f',
      functionVersion: '$LATEST',
      invokedFunctionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:service-dev-f',
      memoryLimitInMB: '256',
      awsRequestId: 'request-1',
      logGroupName: '/aws/lambda/service-dev-f',
      callbackWaitsForEmptyEventLoop: true,
    })
    expect(answer.left).toBeGreaterThan(5_000)
    expect(answer.left).toBeLessThanOrEqual(10_000)
  })

  it('90. shows times in UTC, whatever the machine’s zone', async () => {
    const zone = process.env.TZ
    process.env.TZ = 'America/New_York'
    try {
      const invoke = await start(
        'export const handler = async () => [new Date(0).getHours(), new Date().getTimezoneOffset(), process.env.TZ]',
      )
      expect((await invoke()).answer).toEqual([0, 0, ':UTC'])
    } finally {
      if (zone === undefined) delete process.env.TZ
      else process.env.TZ = zone
    }
  })

  it('90. counts the time that is left down', async () => {
    const invoke = await start(
      `export const handler = async (event, context) => {
        const before = context.getRemainingTimeInMillis()
        while (context.getRemainingTimeInMillis() === before);
        return [before, context.getRemainingTimeInMillis()]
      }`,
    )
    const [before, after] = (await invoke()).answer
    expect(after).toBeLessThan(before)
  })

  it('counts the time that is left alike when the clock is set', async () => {
    const invoke = await start(
      'export const handler = async (event, context) => { Date.now = () => event.now; return context.getRemainingTimeInMillis() }',
    )
    for (const now of [0, Date.now() + 3_600_000]) {
      const { answer } = await invoke({ now })
      expect(answer).toBeGreaterThan(5_000)
      expect(answer).toBeLessThanOrEqual(10_000)
    }
  })

  it('passes an event of 6 MB on, however it gets there, and leaves nothing of it', async () => {
    const invoke = await start(`
      import { mkdirSync, readdirSync } from 'node:fs'
      export const handler = async ({ text, block }) => {
        const { TMPDIR } = process.env
        const files = readdirSync(TMPDIR)
        if (block) mkdirSync(TMPDIR + '/.event') // nobody can write a file of that name any more
        return [text.length, text.slice(-3), files]
      }`)
    const text = '"é\\'.repeat(1_000_000)
    for (const block of [true, false]) {
      const { answer } = await invoke({ text, block })
      expect(answer).toEqual([text.length, '"é\\', block ? [] : ['.event']])
    }
  })

  it('takes an event as text or as its UTF-8, small and large', async () => {
    const invoke = await start('export const handler = async ({ text }) => [text.length, text.slice(-3)]')
    for (const text of ['"é\\', '"é\\'.repeat(100_000)])
      for (const event of [{ text }, Buffer.from(JSON.stringify({ text }))])
        expect((await invoke(event)).answer).toEqual([text.length, '"é\\'])
  })
})

describe('environment variables', () => {
  it('shows AWS’s, the function’s own, and the local cloud’s over them, but not the developer’s', async () => {
    process.env.SECRET_OF_THE_DEVELOPER = 'x'
    const invoke = await start('export const handler = async () => process.env', {
      environment: { OWN: 'own', BOTH: 'own' },
    })
    const { answer } = await invoke()
    delete process.env.SECRET_OF_THE_DEVELOPER
    expect(answer).toMatchObject({
      OWN: 'own',
      BOTH: 'cloud',
      FROM_CLOUD: 'cloud',
      AWS_REGION: 'eu-central-1',
      AWS_LAMBDA_FUNCTION_NAME: 'service-dev-f',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      TZ: ':UTC',
      LAMBDA_TASK_ROOT: taskRoot,
    })
    expect(answer.AWS_ACCESS_KEY_ID).toBeTruthy()
    expect(answer._X_AMZN_TRACE_ID).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};/)
    expect(answer).not.toHaveProperty('SECRET_OF_THE_DEVELOPER')
    expect(answer).not.toHaveProperty('VITEST')
  })
})

describe('layers', () => {
  const packageOf = (name: string, module: string) => ({
    [`${name}/package.json`]: JSON.stringify({
      name: 'greeting',
      exports: { '.': './index.cjs', './esm': './esm.mjs' },
    }),
    [`${name}/index.cjs`]: `module.exports = ${JSON.stringify(module)}`,
    [`${name}/esm.mjs`]: `export default ${JSON.stringify(module)}`,
  })

  it('wins over the project’s own node_modules, for import and for require', async () => {
    await write({
      ...packageOf('node_modules/greeting', 'project'),
      ...packageOf('layer/nodejs/node_modules/greeting', 'layer'),
    })
    const layers = [join(taskRoot, 'layer')]
    const esm = await start(
      'import a from "greeting"; import b from "greeting/esm"; export const handler = async () => [a, b]',
      { layers },
    )
    expect((await esm()).answer).toEqual(['layer', 'layer'])
    await runtime.close()
    const cjs = await start('exports.handler = async () => require("greeting")', { layers }, 'cjs')
    expect((await cjs()).answer).toBe('layer')
  })

  it('takes the later of two that hold the same package, as it would have been unpacked over the other', async () => {
    await write({
      ...packageOf('first/nodejs/node_modules/greeting', 'first'),
      ...packageOf('second/nodejs/node_modules/greeting', 'second'),
    })
    const invoke = await start('import a from "greeting"; export const handler = async () => a', {
      layers: [join(taskRoot, 'first'), join(taskRoot, 'second')],
    })
    expect((await invoke()).answer).toBe('second')
  })

  it('leaves what no layer holds to the project', async () => {
    await write(packageOf('node_modules/only-here', 'project'))
    const invoke = await start('import a from "only-here"; export const handler = async () => a', {
      layers: [join(taskRoot, 'layer')],
    })
    expect((await invoke()).answer).toBe('project')
  })

  it('lets a layer outside of the project use what the project provides', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'cupel-layer-'))
    try {
      await write(packageOf('node_modules/provided', 'project'))
      await mkdir(join(outside, 'nodejs/node_modules/user'), { recursive: true })
      await writeFile(join(outside, 'nodejs/node_modules/user/package.json'), '{"exports":"./index.mjs"}')
      await writeFile(
        join(outside, 'nodejs/node_modules/user/index.mjs'),
        'export { default } from "provided"',
      )
      const invoke = await start('import a from "user"; export const handler = async () => a', {
        layers: [outside],
      })
      expect((await invoke()).answer).toBe('project')
    } finally {
      await rm(outside, { recursive: true })
    }
  })
})

describe('failures', () => {
  it('80. names the error’s own type', async () => {
    const invoke = await start('export const handler = async () => { throw new TypeError("no such thing") }')
    const { functionError, answer } = await invoke()
    expect(functionError).toBe('Unhandled')
    expect(answer).toMatchObject({ errorType: 'TypeError', errorMessage: 'no such thing' })
    expect(answer.trace[0]).toBe('TypeError: no such thing')
    expect(lines.some((line) => line.text.startsWith('Invoke Error') && line.requestId === 'request-1')).toBe(
      true,
    )
  })

  it('describes what is thrown and no error', async () => {
    const invoke = await start('export const handler = async () => { throw "text" }')
    expect((await invoke()).answer).toEqual({ errorType: 'string', errorMessage: 'text', trace: [] })
  })

  it('keeps the environment after a thrown error', async () => {
    const invoke = await start(
      'let n = 0; export const handler = async () => { if (++n === 1) throw new Error("first"); return n }',
    )
    await invoke()
    expect((await invoke()).answer).toBe(2)
  })

  it('81. ends an environment that takes too long, and the next call gets a fresh one', async () => {
    const invoke = await start(
      'let n = 0; export const handler = async (event) => { n++; if (event.hang) await new Promise((r) => setTimeout(r, 60_000)); return n }',
      { timeoutSeconds: 1 },
    )
    await invoke()
    const { functionError, answer } = await invoke({ hang: true })
    expect(functionError).toBe('Unhandled')
    expect(answer).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: 'RequestId: request-1 Error: Task timed out after 1.00 seconds',
    })
    expect((await invoke()).answer).toBe(1)
  })

  it('ends one that blocks its thread', async () => {
    const invoke = await start('export const handler = async () => { for (;;); }', { timeoutSeconds: 1 })
    expect((await invoke()).answer.errorType).toBe('Sandbox.Timedout')
  })

  it('reports an exit of the process with its status', async () => {
    const invoke = await start('export const handler = async ({ code }) => process.exit(code)')
    expect((await invoke({ code: 3 })).answer).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: 'RequestId: request-1 Error: Runtime exited with error: exit status 3',
    })
    expect((await invoke({ code: 0 })).answer.errorMessage).toMatch(
      /Runtime exited without providing a reason$/,
    )
  })

  it('reports an error that nobody caught, and does not use that environment again', async () => {
    const invoke = await start(`let n = 0
      export const handler = async (event) => {
        n++
        if (event.leak) { setTimeout(() => { throw new RangeError('leaked') }); await new Promise(() => {}) }
        if (event.reject) { Promise.reject(new Error('lost')); await new Promise(() => {}) }
        return n
      }`)
    expect((await invoke({ leak: true })).answer).toMatchObject({
      errorType: 'RangeError',
      errorMessage: 'leaked',
    })
    expect((await invoke()).answer).toBe(1)
    expect((await invoke({ reject: true })).answer.errorType).toBe('Runtime.UnhandledPromiseRejection')
    expect((await invoke()).answer).toBe(1)
  })

  it.each([
    ['a module that throws', 'throw new RangeError("at start")', 'RangeError', 'at start'],
    ['a missing export', 'export const other = 1', 'Runtime.HandlerNotFound', 'is undefined or not exported'],
    [
      'a missing package',
      'import "not-there"',
      'Runtime.ImportModuleError',
      "Cannot find package 'not-there'",
    ],
    ['a syntax error', 'export const = 1', 'Runtime.UserCodeSyntaxError', 'SyntaxError'],
  ])('reports %s at every call', async (_, source, errorType, message) => {
    const invoke = await start(source)
    for (let call = 0; call < 2; call++) {
      const { functionError, answer } = await invoke()
      expect({ functionError, errorType: answer.errorType }).toEqual({
        functionError: 'Unhandled',
        errorType,
      })
      expect(answer.errorMessage).toContain(message)
    }
  })

  it('84. refuses an answer above 6 MB', async () => {
    const invoke = await start('export const handler = async ({ size }) => "x".repeat(size - 2)')
    expect((await invoke({ size: 6_291_556 })).functionError).toBeUndefined()
    expect((await invoke({ size: 6_291_557 })).answer).toEqual({
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
    })
  })

  it('names the function that does not exist', async () => {
    await start('')
    await expect(runtime.invoke('nobody', '{}')).rejects.toThrow(
      'Function not found: arn:aws:lambda:eu-central-1:123456789012:function:nobody',
    )
  })
})

describe('environments', () => {
  const slow =
    'let n = 0, busy = 0, most = 0; export const handler = async () => { n++; most = Math.max(most, ++busy); await new Promise((r) => setTimeout(r, 100)); busy--; return { n, most, pid: process.pid } }'

  it('89. reuses module state while warm', async () => {
    const invoke = await start(slow)
    expect((await invoke()).answer.n).toBe(1)
    expect((await invoke()).answer.n).toBe(2)
  })

  it('88. never runs two invocations in one environment', async () => {
    const invoke = await start(slow)
    const results = await Promise.all([invoke(), invoke(), invoke()])
    expect(results.map(({ answer }) => answer.most)).toEqual([1, 1, 1])
    expect(new Set(results.map(({ answer }) => answer.pid)).size).toBe(3)
  })

  it('87. throttles calls over the reserved concurrency, then goes on', async () => {
    const invoke = await start(slow, { reservedConcurrency: 1 })
    const [first, second] = await Promise.all([invoke(), invoke()])
    expect(first?.statusCode).toBe(200)
    expect(second).toEqual({
      statusCode: 429,
      answer: {
        Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
        Type: 'User',
        message: 'Rate Exceeded.',
      },
    })
    expect((await invoke()).statusCode).toBe(200)
  })

  const waiting = async (event: object = {}) =>
    JSON.parse((await runtime.invoke('f', JSON.stringify(event), { waits: true })).payload)

  it('serves calls that wait one after the other, first come first served', async () => {
    await start(slow, { reservedConcurrency: 1 })
    const results = await Promise.all([waiting(), waiting(), waiting(), waiting()])
    expect(results.map(({ n }) => n)).toEqual([1, 2, 3, 4])
    expect(new Set(results.map(({ pid }) => pid)).size).toBe(1)
  })

  it('starts a further environment when a call has waited for long, and ends it when nobody uses it', async () => {
    const holding =
      'import { existsSync } from "node:fs"; export const handler = async ({ until }) => { while (until && !existsSync(until)) await new Promise((r) => setTimeout(r, 20)); return process.pid }'
    const invoke = await start(holding, {}, 'mjs', { idleMs: 300 })
    const until = join(taskRoot, 'released')
    const held = waiting({ until })
    const late = await waiting() // held has not answered
    await write({ released: '' })
    const pids = [late, await held]
    expect(new Set(pids).size).toBe(2)
    await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([])
    expect((await invoke()).statusCode).toBe(200)
  })

  it.each([
    ['for the shortest time', 1, 15_000],
    ['for as long as it lived', 40_000, 40_000],
    ['for no longer than asked', 600_000, 60_000],
  ])('keeps an idle environment %s', (_, livedMs, kept) => {
    expect(keepMs(livedMs, 60_000)).toBe(kept)
  })

  it('refuses the calls that wait when it is closed', async () => {
    await start(slow, { reservedConcurrency: 1 })
    const calls = Promise.allSettled([waiting(), waiting()])
    await runtime.close()
    expect((await calls)[1]).toMatchObject({ reason: { message: 'the local Lambda service is stopped' } })
  })

  it('starts anew after a reload, and lets running invocations finish', async () => {
    const invoke = await start(slow)
    const running = invoke()
    runtime.reload()
    expect((await running).answer.n).toBe(1)
    expect((await invoke()).answer.n).toBe(1)
  })

  it('reloads only the functions named, and has a fresh environment ready before the next invocation', async () => {
    await write({ 'a.mjs': 'export const handler = async () => process.pid' })
    await start('', {}, 'mjs', {
      functions: ['a', 'b'].map((key) => fn({ key, name: key, handler: 'a.handler' })),
    })
    const pid = async (name: string) => JSON.parse((await runtime.invoke(name, '{}')).payload)
    const before = { a: await pid('a'), b: await pid('b') }
    await write({ 'a.mjs': 'console.log("loaded"); export const handler = async () => process.pid' })
    runtime.reload(['a'])
    await expect.poll(() => lines.map(({ text }) => text), { timeout: 10_000 }).toEqual(['loaded'])
    expect(await pid('b')).toBe(before.b)
    expect(await pid('a')).not.toBe(before.a)
    await expect.poll(() => isAlive(before.a), { timeout: 10_000 }).toBe(false)
  })

  it.each(['mjs', 'cjs'])(
    'goes on with an edited handler (%s) in the same process, until a fresh one is ready',
    async (kind) => {
      const code = (text: string) =>
        `${kind === 'mjs' ? 'export const handler' : 'exports.handler'} = async () => ({ pid: process.pid, text: '${text}' })`
      await write({ [`a.${kind}`]: code('old') })
      await start('', {}, 'mjs', { functions: [fn({ key: 'a', name: 'a', handler: 'a.handler' })] })
      const call = async () => JSON.parse((await runtime.invoke('a', '{}', { waits: true })).payload)
      const before = await call()
      await write({ [`a.${kind}`]: code('new') })
      runtime.reload(['a'], ['a'])
      expect(await call()).toEqual({ pid: before.pid, text: 'new' })
      await expect.poll(async () => (await call()).pid, { timeout: 10_000 }).not.toBe(before.pid)
      expect((await call()).text).toBe('new')
      await expect.poll(() => isAlive(before.pid), { timeout: 10_000 }).toBe(false)
    },
  )

  it('lets a running invocation finish with the code it began with, and the next one run the edited handler', async () => {
    const code = (text: string) =>
      `export const handler = async () => { await new Promise((r) => setTimeout(r, 200)); return '${text}' }`
    await write({ 'a.mjs': code('old') })
    await start('', {}, 'mjs', { functions: [fn({ key: 'a', name: 'a', handler: 'a.handler' })] })
    const call = async () => JSON.parse((await runtime.invoke('a', '{}', { waits: true })).payload)
    await call()
    const running = call()
    await write({ 'a.mjs': code('new') })
    runtime.reload(['a'], ['a'])
    expect(await running).toBe('old')
    expect(await call()).toBe('new')
  })

  it('fails as a fresh environment would when the edited handler cannot be loaded, and works when it can again', async () => {
    await write({ 'a.mjs': 'export const handler = async () => 1' })
    await start('', {}, 'mjs', { functions: [fn({ key: 'a', name: 'a', handler: 'a.handler' })] })
    const call = () => runtime.invoke('a', '{}', { waits: true })
    await call()
    await write({ 'a.mjs': 'export const handler = async () => {' })
    runtime.reload(['a'], ['a'])
    expect(JSON.parse((await call()).payload)).toMatchObject({ errorType: 'Runtime.UserCodeSyntaxError' })
    await write({ 'a.mjs': 'export const handler = async () => 2' })
    runtime.reload(['a'], ['a'])
    expect((await call()).payload).toBe('2')
  })

  it('tells each line of output with function and request', async () => {
    const invoke = await start(
      'export const handler = async () => { console.log("a\\nb"); console.error("c") }',
    )
    await invoke()
    await expect.poll(() => lines.length).toBe(3)
    const about = { functionName: 'service-dev-f', requestId: 'request-1' }
    expect(lines).toContainEqual({ ...about, stream: 'stdout', text: 'b' })
    expect(lines).toContainEqual({ ...about, stream: 'stderr', text: 'c' })
  })

  it('has told every line of an invocation when it answers, and never under the next one', async () => {
    await start(
      'export const handler = async (_, { awsRequestId }) => console.error(awsRequestId.repeat(5000))',
    )
    for (let n = 0; n < 100; n++) {
      const requestId = `request-${n}`
      await runtime.invoke('f', '{}', { requestId })
      expect(lines.at(-1)).toMatchObject({ requestId, text: requestId.repeat(5000) })
    }
    expect(lines).toHaveLength(100)
  })

  it.each([
    ['idle', ''],
    ['busy', 'for (;;) {}'],
  ])('ends when what started it is killed while it is %s', async (_, body) => {
    await start(`export const handler = async () => { ${body} }`)
    const parent = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { fork } from 'node:child_process'
         const child = fork(process.env.BOOTSTRAP, { execArgv: [], stdio: 'ignore' })
         child.once('message', () => child.send({ payload: '{}' }, () => console.log(child.pid)))`,
      ],
      {
        env: {
          ...process.env,
          BOOTSTRAP: bootstrap,
          LAMBDA_TASK_ROOT: taskRoot,
          _HANDLER: runtime.functions[0]?.handler,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const pid = Number(await once(parent.stdout!, 'data'))
    expect(isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false)
  })

  it('is gone after close, and refuses further calls', async () => {
    const invoke = await start(slow)
    const { pid } = (await invoke()).answer
    await runtime.close()
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    await expect(invoke()).rejects.toThrow('stopped')
  })
})
