import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Dataset } from '@cupel/core/dataset'
import type { Request } from '#functions/silver/replay/request.ts'
import { listen, loopback } from '#localstack/listen.ts'
import { Failure } from '../cli/failure.ts'
import type { Quarantine } from '../cli/quarantine/ask.ts'

export type ConsolePorts = {
  readonly quarantine: Quarantine
  readonly datasets: readonly Pick<Dataset, 'name' | 'description' | 'version'>[]
  readonly by: string // who replays, unless the page says otherwise
  readonly pages: string // the folder of page.html
}
export type Console = { readonly url: string; readonly close: () => Promise<void> }

const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '': ['page.html', 'text/html'],
  'page.js': ['page.js', 'text/javascript'],
  'page.css': ['page.css', 'text/css'],
}
// Nothing but what stands in the three files runs, loads or frames; the address, which holds the secret, goes to nobody.
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
}
const longestBody = 8_000_000

/**
 * A page on loopback for who has its address: all of it stands below a random token. What it asks must come from itself, so
 * that no other site that is open in the browser can ask in its name, also not under a name that resolves to loopback.
 */
export async function startConsole(ports: ConsolePorts): Promise<Console> {
  const token = randomBytes(24).toString('base64url')
  let origin = ''
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      reply(response, error instanceof Failure ? 400 : 500, { problem: (error as Error).message })
    })
  })
  const port = await listen(server, 'console')
  origin = `http://${loopback}:${port}`
  return {
    url: `${origin}/${token}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, given = '', path, ...more] = (request.url ?? '').split('/')
    const { host, 'content-type': type = '' } = request.headers
    if (!isSame(given, token) || path === undefined || more.length > 0 || `http://${host}` !== origin)
      return reply(response, 404, { problem: 'nothing is here' })
    const [file, fileType] = files[path] ?? []
    if (request.method === 'GET' && file !== undefined) {
      response.writeHead(200, { ...headers, 'content-type': `${fileType}; charset=utf-8` })
      response.end(await readFile(join(ports.pages, file)))
      return
    }
    if (request.method !== 'POST' || path !== 'ask')
      return reply(response, 404, { problem: 'nothing is here' })
    if (request.headers.origin !== origin || !type.startsWith('application/json'))
      return reply(response, 403, { problem: 'only the page itself may ask' })
    reply(response, 200, await ask(await readJson(request)))
  }

  async function ask({ action, ...asked }: Request): Promise<unknown> {
    const { quarantine, datasets, by } = ports
    if (String(action) === 'datasets')
      return { by, datasets: datasets.map(({ name, description }) => ({ name, description })) }
    if (action === 'list') return quarantine.list(asked.dataset)
    if (action === 'show') return quarantine.show(asked)
    // Who tries signs nothing, and a request without a signature is a trial.
    const signed = { ...asked, by: action === 'replay' ? asked.by || by : undefined }
    return asked.edit === undefined ? quarantine.replay(signed) : quarantine.edit(signed)
  }
}

const isSame = (a: string, b: string): boolean =>
  timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'))

function reply(response: ServerResponse, status: number, answer: unknown): void {
  response.writeHead(status, { ...headers, 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(answer))
}

async function readJson(request: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > longestBody) throw new Failure('the request is too long')
    chunks.push(chunk)
  }
  try {
    const json = JSON.parse(Buffer.concat(chunks).toString())
    return { ...json } // what it asks is checked by whom it asks
  } catch {
    throw new Failure('the request is no JSON')
  }
}
