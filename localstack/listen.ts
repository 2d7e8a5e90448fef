import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { StartError } from './errors.ts'

/** The environment variable that sets a part's port. */
const portVariable = (whose: string): string =>
  `CUPEL_PORT_${whose === 'PostgreSQL' ? 'POSTGRES' : whose.toUpperCase()}`

/** Nothing here is for other machines. */
export const loopback = '127.0.0.1'

/** Make a server listen on loopback; gives its port, any free one for `wanted` 0. Throws `StartError`. */
export function listen(server: Server, whose: string, wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const inUse = cause.code === 'EADDRINUSE'
      const what = inUse
        ? `is in use, perhaps by another local cloud or by a ${whose} of yours: stop what uses it`
        : `cannot be used (${cause.code}): make it usable`
      const message = `${whose}'s port ${wanted} ${what}, or choose another port with ${portVariable(whose)} (0: any free one)`
      reject(new StartError(inUse ? 'PORT_IN_USE' : 'CANNOT_LISTEN', message, cause))
    })
    server.listen(wanted, loopback, () => {
      server.on('error', () => {}) // a connection that could not be accepted is its client's to notice
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/** Whether a page of another site, open in a browser on this machine, sent a request that may change something. */
export const fromOtherSite = ({ method, headers }: IncomingMessage): boolean =>
  headers['sec-fetch-site'] === 'cross-site' && method !== 'GET' && method !== 'HEAD'
