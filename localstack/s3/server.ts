import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { takeDirectory, unusableDirectory } from '../directory-lock.ts'
import { StartError, systemCode } from '../errors.ts'
import { fromOtherSite, listen, loopback } from '../listen.ts'
import { type WriteWatch, watchWrites } from '../write-watch.ts'
import { S3Error } from './errors.ts'
import type { ObjectChange } from './object-change.ts'
import type { Answer, Call } from './operations/call.ts'
import { findOperation, readTarget } from './routing.ts'
import { Store } from './storage.ts'
import { xmlDocument } from './xml.ts'

export type { ObjectChange } from './object-change.ts'

export type S3Options = {
  readonly directory: string // kept between runs; one server at a time
  readonly port?: number // 0 or absent: any free one
  readonly region?: string // default us-east-1
  readonly onChange?: (change: ObjectChange) => void // after the answer; what it throws is logged
  readonly log?: (line: string) => void // default: standard error
}

export type S3Server = { readonly port: number; readonly endpoint: string; close(): Promise<void> }

const closingMs = 2000 // that requests under way get to end
const longestKey = 1024 // bytes of UTF-8

/**
 * An S3 for one developer's machine: objects as files, strong consistency, conditional writes, multipart uploads and the
 * SDK's checksums, for clients with path-style addresses (`forcePathStyle: true`).
 *
 * Whoever reaches the port may do everything: credentials may be any, or none, signatures are not checked, and presigned
 * URLs do not expire. ACLs, storage classes and encryption with S3's keys are accepted and change nothing; versions, tags,
 * object lock and everything else that is missing is refused with `NotImplemented`.
 *
 * Delivery: `onChange` is called once for each change of this run, after the change is on disk and the client has its
 * answer. A crash in between loses the call, never the object.
 *
 * Throws `StartError` when the port is taken or the directory can't be used.
 */
export async function startS3(options: S3Options): Promise<S3Server> {
  const { region = 'us-east-1', onChange = () => {} } = options
  const log = options.log ?? ((line: string) => console.error(line))
  const directory = resolve(options.directory)
  const unlock = takeDirectory(directory, 'S3')
  try {
    const store = await Store.open(directory, log)
    const writes = watchWrites('S3', directory, log)
    const context = { store, region, onChange, log, writes }
    const handling = new Set<Promise<void>>()
    const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, (request, response) => {
      const handled = handle(request, response, context).finally(() => handling.delete(handled))
      handling.add(handled)
    })
    server.on('clientError', (_error, socket) => {
      if (socket.writable)
        socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
    })
    const port = await listen(server, 'S3', options.port)
    let closed: Promise<void> | undefined
    const close = async () => {
      const ended = new Promise((done) => server.close(done))
      const timer = setTimeout(() => server.closeAllConnections(), closingMs)
      await Promise.all(handling)
      server.closeAllConnections()
      await ended
      await Promise.all(handling) // of requests that came on a connection that was still open
      clearTimeout(timer)
      unlock()
    }
    return {
      port,
      endpoint: `http://${loopback}:${port}`,
      close: () => {
        closed ??= close()
        return closed
      },
    }
  } catch (error) {
    unlock()
    throw error instanceof StartError ? error : unusableDirectory(directory, 'S3', error)
  }
}

type Context = Pick<Call, 'store' | 'region'> & {
  readonly onChange: (change: ObjectChange) => void
  readonly log: (line: string) => void
  readonly writes: WriteWatch
}

/** Answers one request. Never throws: what goes wrong becomes an error document, or the end of this connection. */
async function handle(request: IncomingMessage, response: ServerResponse, context: Context): Promise<void> {
  const { onChange, log, writes } = context
  const requestId = randomBytes(8).toString('hex').toUpperCase()
  const id2 = randomBytes(48).toString('base64')
  const sourceIp = request.socket.remoteAddress ?? '127.0.0.1'
  const trace = request.headers['x-amzn-trace-id']
  const changes: ObjectChange[] = []
  let answer: Answer
  try {
    answer = await perform(request, context, (eventName, bucket, { key, size, eTag, sequencer, timeMs }) => {
      const eventTime = new Date(timeMs).toISOString()
      const about = { eventName, bucket, key, size, eTag, sequencer, eventTime, requestId, id2, sourceIp }
      changes.push({ ...about, ...(trace !== undefined && { trace: String(trace) }) })
    })
  } catch (error) {
    answer = errorAnswer(error, request, requestId, id2, context)
  }
  try {
    response.setHeader('x-amz-request-id', requestId)
    response.setHeader('x-amz-id-2', id2)
    await send(answer, request, response)
  } catch (error) {
    if (!request.destroyed) log(`S3 could not send an answer: ${error}`)
    response.destroy()
  }
  if (changes.length === 0) return
  writes.worked()
  await new Promise(setImmediate) // the answer is on its way before anybody acts on the change
  for (const change of changes) {
    try {
      onChange(change)
    } catch (error) {
      log(`S3 told of ${change.eventName} and the listener failed: ${error}`)
    }
  }
}

async function perform(
  request: IncomingMessage,
  { store, region }: Context,
  changed: (
    eventName: ObjectChange['eventName'],
    bucket: string,
    change: Parameters<Call['changed']>[1],
  ) => void,
): Promise<Answer> {
  const { headers, method = '', url = '' } = request
  const target = readTarget(url)
  if (!target) throw new S3Error('InvalidURI', "Couldn't parse the specified URI.")
  const { bucket, key, query } = target
  if (Buffer.byteLength(key) > longestKey) {
    throw new S3Error('KeyTooLongError', 'Your key is too long', {
      Size: Buffer.byteLength(key),
      MaxSizeAllowed: longestKey,
    })
  }
  if (fromOtherSite(request))
    throw new S3Error('AccessDenied', 'Requests from other sites cannot change objects')
  const { run, name } = findOperation(method, target, query)
  if (!run && name) throw new S3Error('NotImplemented', `${name} is not emulated`, { Operation: name })
  if (!run)
    throw new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.')
  return run({
    ...{ request, headers, query, bucket, key, store, region },
    changed: (eventName, change) => changed(eventName, bucket, change),
  })
}

function errorAnswer(
  error: unknown,
  { method, url = '', headers, destroyed }: IncomingMessage,
  requestId: string,
  id2: string,
  { log, writes }: Context,
): Answer {
  const known = error instanceof S3Error ? error : systemError(error)
  if (known.code === 'InsufficientStorage') writes.failed(error)
  else if (!(error instanceof S3Error) && !destroyed) log(`S3 ${method} failed: ${error}`)
  return {
    status: known.status,
    headers: {
      'content-type': 'application/xml',
      ...(known.code === 'InvalidRange' && headers.range
        ? { 'content-range': `bytes */${known.details.ActualObjectSize}` }
        : {}),
    },
    document: xmlDocument('Error', {
      Code: known.code,
      Message: known.message,
      ...known.details,
      Resource: url.replace(/\?.*/s, ''),
      RequestId: requestId,
      HostId: id2,
    }),
  }
}

function systemError(error: unknown): S3Error {
  const code = systemCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new S3Error(
      'InsufficientStorage',
      'The disk is full: nothing was stored. Free some space and try again',
    )
  }
  return new S3Error(
    'InternalError',
    `We encountered an internal error (${code ?? 'unexpected'}). Please try again.`,
  )
}

async function send(answer: Answer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, headers = {}, document, content } = answer
  try {
    response.statusCode = status
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    if (document !== undefined) response.setHeader('content-length', Buffer.byteLength(document))
    if (content && content.length > 0)
      await pipeline(content.object.read(content.start, content.length), response)
    else response.end(request.method === 'HEAD' ? undefined : document)
  } finally {
    await content?.object.close()
    request.resume() // what is left of a body that nobody wanted; the connection goes on after it
  }
}
