import type { Socket } from 'node:net'
import { messageOf } from '../errors.ts'
import { API_VERSIONS_KEY, type Api, type Broker } from './apis/api.ts'
import { unsupportedApiVersions } from './apis/cluster.ts'
import { int16, int32, MalformedRequestError, nullableString, Reader, type Writer } from './wire.ts'

/** Kafka's socket.request.max.bytes: a length beyond it is another protocol, or nonsense. */
const MAX_REQUEST_BYTES = 100 * 1024 * 1024
/** Above this many bytes of requests that wait their turn, nothing more is read from the socket. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024
const CLOSE_WITHIN_MS = 1000

/**
 * One client connection. Requests are answered one after the other in the order of their arrival, as Kafka does, and
 * the next one only when the client takes what was written. Bytes that are not a request end the connection with one
 * log line; they never reach further.
 */
export class Connection {
  readonly #socket: Socket
  readonly #broker: Broker
  readonly #apis: ReadonlyMap<number, Api>
  readonly #frames = new Frames()
  readonly #queue: Buffer[] = []
  readonly #closing = new AbortController()
  readonly #host: string
  #queuedBytes = 0
  #serving: Promise<void> | undefined
  #client = ''

  constructor(socket: Socket, broker: Broker, apis: ReadonlyMap<number, Api>) {
    this.#socket = socket
    this.#broker = broker
    this.#apis = apis
    this.#host = `/${socket.remoteAddress ?? 'unknown'}`
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('error', () => socket.destroy()) // a client that went away is no news
    socket.on('close', () => this.#closing.abort())
  }

  /** Answer what was received, read nothing more, and end; a client that does not take its answers is cut off. */
  async close(): Promise<void> {
    if (this.#socket.destroyed) return
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()))
    const impatient = setTimeout(() => this.#socket.destroy(), CLOSE_WITHIN_MS)
    this.#socket.pause()
    this.#closing.abort()
    await this.#serving
    this.#socket.end(() => this.#socket.destroy())
    await closed
    clearTimeout(impatient)
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) {
        this.#queue.push(frame)
        this.#queuedBytes += frame.length
      }
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.#socket.pause()
    this.#serving ??= this.#serve().finally(() => {
      this.#serving = undefined
    })
  }

  async #serve(): Promise<void> {
    try {
      for (let frame = this.#queue.shift(); frame; frame = this.#queue.shift()) {
        this.#queuedBytes -= frame.length
        const taken = await this.#answer(frame)
        if (this.#socket.destroyed) return
        if (!taken) await this.#drained()
        if (this.#queuedBytes <= MAX_QUEUED_BYTES && !this.#closing.signal.aborted) this.#socket.resume()
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Whether the socket took the answer without having to keep it for a slow client. */
  async #answer(frame: Buffer): Promise<boolean> {
    // header => api_key (int16) api_version (int16) correlation_id (int32) client_id (nullable string) [tags]
    const header = new Reader(frame)
    const key = int16.read(header)
    const version = int16.read(header)
    const correlationId = int32.read(header)
    const clientId = nullableString.read(header) ?? ''
    this.#client = clientId
    const { api, answeredIn } = this.#apiFor(key, version)
    const answer = await api.answer(frame, header.position, {
      broker: this.#broker,
      version: answeredIn,
      clientId,
      clientHost: this.#host,
      signal: this.#closing.signal,
    })
    return answer === undefined || this.#send(correlationId, answer)
  }

  #apiFor(key: number, version: number): { api: Api; answeredIn: number } {
    const api = this.#apis.get(key)
    if (!api) throw new MalformedRequestError(`request kind ${key} is not served`)
    const [first, last] = api.versions
    if (version >= first && version <= last) return { api, answeredIn: version }
    if (key === API_VERSIONS_KEY)
      return { api: unsupportedApiVersions([...this.#apis.values()]), answeredIn: 0 }
    throw new MalformedRequestError(`${api.name} is served in versions ${first} to ${last}, not ${version}`)
  }

  #send(correlationId: number, answer: Writer): boolean {
    if (this.#socket.destroyed) return true
    const head = Buffer.allocUnsafe(8)
    head.writeInt32BE(answer.length + 4, 0)
    head.writeInt32BE(correlationId, 4)
    this.#socket.cork()
    let taken = this.#socket.write(head)
    for (const chunk of answer.finish()) taken = this.#socket.write(chunk)
    this.#socket.uncork()
    return taken
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#socket.off('drain', done)
        this.#socket.off('close', done)
        resolve()
      }
      this.#socket.on('drain', done)
      this.#socket.on('close', done)
    })
  }

  #fail(error: unknown): void {
    if (!this.#socket.destroyed) {
      const client = JSON.stringify(this.#client.slice(0, 100))
      this.#broker.log(`kafka: closed the connection of client ${client}: ${messageOf(error)}`)
    }
    this.#queue.length = 0
    this.#socket.destroy()
  }
}

/** Cuts a stream into requests: each is its length (int32), then that many bytes. */
class Frames {
  #chunks: Buffer[] = []
  #bytes = 0
  #wanted = 4 // bytes needed before anything can be cut off

  /** The requests that `chunk` completes. Views where it can, so a request must be used up before it is kept. */
  push(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = []
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < this.#wanted) return frames
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    this.#wanted = 4
    while (rest.length >= 4) {
      const size = rest.readInt32BE(0)
      if (size < 8 || size > MAX_REQUEST_BYTES) {
        throw new MalformedRequestError(`a request of ${size} bytes is announced`)
      }
      if (rest.length < size + 4) {
        this.#wanted = size + 4
        break
      }
      frames.push(rest.subarray(4, size + 4))
      rest = rest.subarray(size + 4)
    }
    this.#chunks = rest.length > 0 ? [rest] : []
    this.#bytes = rest.length
    return frames
  }
}
