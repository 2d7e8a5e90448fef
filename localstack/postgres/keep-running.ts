import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../errors.ts'
import { isAlive } from '../processes.ts'
import { type Postgres, type PostgresOptions, startPostgres } from './server.ts'

const lookEveryMs = 500
const tryEveryMs = 2_000

/**
 * Starts PostgreSQL, and starts it again at the same port when it ends by itself: killed for its memory, or by a full
 * disk. What was committed is there again. One line says that it ended, one that it runs again, and one what keeps it
 * from starting; it is tried until `stop`.
 *
 * Rejects as `startPostgres` does, at the first start only.
 */
export async function keepPostgresRunning(options: PostgresOptions): Promise<Postgres> {
  const { log = () => {} } = options
  const first = await startPostgres(options)
  const stopping = new AbortController()
  let server = first
  const watching = watch()
  return {
    ...first,
    async stop() {
      stopping.abort()
      await watching
      await server.stop()
    },
  }

  async function watch(): Promise<void> {
    while (await pause(lookEveryMs)) {
      if (isAlive(server.pid)) continue
      log(`warning: PostgreSQL (process ${server.pid}) ended by itself and is started again`)
      if (await startAgain()) log(`warning: PostgreSQL runs again (process ${server.pid})`)
    }
  }

  /** False when it was stopped meanwhile. */
  async function startAgain(): Promise<boolean> {
    let said = ''
    do {
      try {
        server = await startPostgres({ ...options, port: first.port })
        return true
      } catch (error) {
        if (messageOf(error) !== said) log(`warning: ${messageOf(error)}; it is tried again`)
        said = messageOf(error)
      }
    } while (await pause(tryEveryMs))
    return false
  }

  /** False when it is stopped. */
  function pause(ms: number): Promise<boolean> {
    return sleep(ms, true, { signal: stopping.signal, ref: false }).catch(() => false)
  }
}
