import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { get } from 'node:http'
import type { Duplex } from 'node:stream'

export type Inspector = {
  readonly send: (method: string, params?: object) => Promise<unknown>
  /** The parameters of the next event of this name. */
  readonly next: <T>(event: string) => Promise<T>
  readonly close: () => void
}

/** The id of what can be inspected at a port of this machine; undefined while nothing listens. */
export const inspectedAt = (port: number): Promise<string | undefined> =>
  fetch(`http://127.0.0.1:${port}/json/list`).then(
    async (answer) => ((await answer.json()) as { id: string }[])[0]?.id,
    () => undefined,
  )

/** A debugger: the inspector's protocol over a WebSocket, which Node 20 has no client for. */
export async function attachTo(port: number, id: string): Promise<Inspector> {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
  }
  const [, socket] = (await once(get({ port, path: `/${id}`, headers }), 'upgrade')) as [unknown, Duplex]
  const events = new EventEmitter()
  let received = Buffer.alloc(0)
  socket.on('error', () => {}) // what is inspected may be killed
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    for (let frame = takeFrame(); frame; frame = takeFrame()) {
      const { id, method, params, result } = JSON.parse(frame)
      events.emit(method ?? `answer ${id}`, method ? params : result)
    }
  })
  let sent = 0
  return {
    async send(method, params = {}) {
      const id = ++sent
      const answer = once(events, `answer ${id}`)
      socket.write(toFrame(JSON.stringify({ id, method, params })))
      return (await answer)[0]
    },
    next: async (event) => (await once(events, event))[0],
    close: () => socket.destroy(),
  }

  /** https://www.rfc-editor.org/rfc/rfc6455#section-5.2 */
  function takeFrame(): string | undefined {
    const short = (received[1] ?? 0) & 127
    const start = short === 127 ? 10 : short === 126 ? 4 : 2
    if (received.length < start) return undefined
    const length =
      short === 127 ? Number(received.readBigUInt64BE(2)) : short === 126 ? received.readUInt16BE(2) : short
    if (received.length < start + length) return undefined
    const text = received.toString('utf8', start, start + length)
    received = received.subarray(start + length)
    return text
  }
}

/** A text of less than 64 kB, masked, as what a client sends has to be. */
function toFrame(text: string): Buffer {
  const body = Buffer.from(text)
  const head = Buffer.from([0x81, 0x80 | 126, body.length >> 8, body.length & 255, 0, 0, 0, 0])
  return Buffer.concat([head, body]) // masked with zeros
}
