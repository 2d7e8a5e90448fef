// Runs inside an execution environment: one child process, one function, one invocation at a time.
// Plain JavaScript, because the child runs it as it is.
//
//   parent → here   { requestId, payload | file, timeoutMs, functionArn, trace, tail? } | { reload: n }
//   here → parent   { ready: true } | { result: text } | { error: text, fatal? }   text is JSON; with tail, maxMemoryMb too
//
// Handler resolution, error texts and exit codes follow the runtime interface client of AWS's Node.js runtimes:
// https://github.com/aws/aws-lambda-nodejs-runtime-interface-client
import { existsSync, readFileSync, rmSync } from 'node:fs'
import inspector from 'node:inspector'
import Module, { createRequire, register } from 'node:module'
import { join, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { isBare, layerOf } from './layer-resolution.mjs'

const send = process.send.bind(process)
process.send = undefined // a handler on AWS has no channel to a parent either
process.on('disconnect', () => {
  rmSync(process.env.TMPDIR, { recursive: true, force: true }) // who would have removed it was killed
  process.exit(1)
})
// Ctrl-C reaches the whole process group; the local cloud decides when an environment ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})

const taskRoot = process.env.LAMBDA_TASK_ROOT
const layers = (process.env.NODE_PATH ?? '').split(':').filter(Boolean)
preferLayers()

process.on('uncaughtException', (error) => die(describe(error), 129))
process.on('unhandledRejection', (reason) => {
  const { errorMessage, trace } = describe(reason)
  die({ errorType: 'Runtime.UnhandledPromiseRejection', errorMessage, trace }, 128)
})

if (process.argv[2] !== undefined) await openInspector(Number(process.argv[2]))

let handler
loadHandler(process.env._HANDLER).then(
  (loaded) => {
    handler = loaded
    process.on('message', (message) => ('reload' in message ? reload(message.reload) : invoke(message)))
    send({ ready: true })
  },
  (error) => die(describe(error), 1),
)

/** The handler's file again, for it alone was edited; all that it imports stays as it is. */
async function reload(count) {
  try {
    handler = await loadHandler(process.env._HANDLER, `?reload=${count}`)
    send({ ready: true })
  } catch (error) {
    die(describe(error), 1)
  }
}

async function invoke(invocation) {
  process.env._X_AMZN_TRACE_ID = invocation.trace
  let answer
  try {
    answer = { result: toJson(await call(handler, JSON.parse(payloadOf(invocation)), contextOf(invocation))) }
  } catch (error) {
    const body = describe(error)
    console.error('Invoke Error\t%s', JSON.stringify(body))
    answer = { error: JSON.stringify(body) }
  }
  await Promise.all([written(process.stdout), written(process.stderr)])
  if (invocation.tail) answer.maxMemoryMb = Math.ceil(process.resourceUsage().maxRSS / 1024)
  send(answer)
}

/** A file is read once, and gone when the handler looks at its temporary folder. */
function payloadOf({ payload, file }) {
  if (file === undefined) return payload
  const text = readFileSync(file, 'utf8')
  rmSync(file)
  return text
}

/** Resolves when the system has all that a handler wrote: Node.js keeps what the parent is too slow for. */
const written = (stream) =>
  stream.writableLength === 0 ? undefined : new Promise((resolve) => stream.write('', resolve))

/** On loopback. The environment before this one may need a moment to give the port back. */
async function openInspector(port) {
  for (let tries = 1; tries <= 50; tries++) {
    inspector.open(port, '127.0.0.1')
    if (inspector.url() !== undefined) return
    await sleep(100)
  }
}

/** The handler's answer, whether it returns a promise, calls back, or lets the event loop run empty. */
function call(handler, event, context) {
  return new Promise((resolve, reject) => {
    const settle = (act) => (value) => {
      process.removeListener('beforeExit', onEmpty)
      process.channel.ref()
      act(value)
    }
    let value = null
    const onEmpty = settle(() => resolve(value))
    const succeed = settle(resolve)
    const fail = settle(reject)
    const callback = (error, answer) => {
      if (error) fail(error)
      else if (context.callbackWaitsForEmptyEventLoop) value = answer
      else succeed(answer)
    }
    Object.assign(context, { succeed, fail, done: callback })
    const returned = handler(event, context, callback)
    if (typeof returned?.then === 'function') {
      returned.then(succeed, fail)
    } else {
      process.once('beforeExit', onEmpty)
      process.channel.unref()
    }
  })
}

function contextOf({ requestId, timeoutMs, functionArn }) {
  const env = process.env
  const deadlineMs = performance.now() + timeoutMs // the wall clock may be set meanwhile
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: functionArn,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    awsRequestId: requestId,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    identity: undefined,
    clientContext: undefined,
    getRemainingTimeInMillis: () => Math.max(0, Math.round(deadlineMs - performance.now())),
  }
}

async function loadHandler(name, query = '') {
  // Folders may contain dots; the export's path starts at the first dot of the last component.
  const [, folder, file, path] = /^(.*\/)?([^./]*)\.([^/]+)$/.exec(name) ?? []
  if (path === undefined) throw runtimeError('Runtime.MalformedHandlerName', 'Bad handler')
  const base = join(taskRoot, folder ?? '', file)
  const module = ['.js', '.mjs', '.cjs'].map((extension) => base + extension).find((path) => existsSync(path))
  if (!module) throw runtimeError('Runtime.ImportModuleError', `Error: Cannot find module '${base}'`)
  delete Module._cache[module]
  const namespace = await import(pathToFileURL(module).href + query).catch((error) => {
    if (/^(ERR_)?MODULE_NOT_FOUND$/.test(error?.code)) {
      throw runtimeError('Runtime.ImportModuleError', `Error: ${error.message}`, error)
    }
    if (error instanceof SyntaxError) {
      throw runtimeError('Runtime.UserCodeSyntaxError', `SyntaxError: ${error.message}`, error)
    }
    throw error
  })
  const find = (from) => path.split('.').reduce((found, key) => found?.[key], from)
  const handler = find(namespace) ?? find(namespace.default)
  if (handler === undefined) {
    throw runtimeError('Runtime.HandlerNotFound', `${name} is undefined or not exported`)
  }
  if (typeof handler !== 'function') {
    throw runtimeError('Runtime.HandlerNotFound', `${name} is not a function`)
  }
  return handler
}

/** A bare specifier that a layer holds resolves there, for import and for require. */
function preferLayers() {
  register('./layer-resolution.mjs', import.meta.url, { data: { layers, taskRoot, parent: process.ppid } })
  const resolve = Module._resolveFilename
  Module._resolveFilename = function (request, parent, ...rest) {
    const layer = isBare(request) ? layerOf(request, layers) : undefined
    const from =
      layer === undefined || parent?.filename?.startsWith(layer + sep) ? undefined : join(layer, '_')
    if (from === undefined) return resolve.call(this, request, parent, ...rest)
    return createRequire(from).resolve(request)
  }
}

function describe(error) {
  if (!(error instanceof Error) && Object.prototype.toString.call(error) !== '[object Error]') {
    const errorMessage = typeof error === 'object' ? inspect(error) : String(error)
    return { errorType: typeof error, errorMessage, trace: [] }
  }
  return {
    errorType: error.name || 'Error',
    errorMessage: error.message,
    trace: (error.stack ?? '').split('\n'),
  }
}

function runtimeError(name, message, cause) {
  const error = new Error(message, { cause })
  error.name = name
  if (cause?.stack) error.stack = `${name}: ${message}\n${cause.stack}`
  return error
}

function toJson(value) {
  try {
    return JSON.stringify(value) ?? 'null'
  } catch (cause) {
    throw new Error('Unable to stringify response body', { cause })
  }
}

function die(body, code) {
  console.error('%s\t%s', code === 1 ? 'Init Error' : 'Invoke Error', JSON.stringify(body))
  send({ error: JSON.stringify(body), fatal: true }, () => process.exit(code))
}
