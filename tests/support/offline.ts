import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { buildAll } from '#operations/build.ts'
import type { Endpoints } from '#operations/cli/local-cloud.ts'
import { type LocalPorts, openLocalPorts } from '#operations/cli/local-ports.ts'
import { type Run, root, run, type Workplace } from './cupel.ts'

/** A local cloud that runs `serverless offline` in a workplace: no generator, only what a test sends. */
export type Offline = {
  readonly run: Run
  readonly endpoints: Endpoints
  readonly ports: LocalPorts
  /** Ctrl-C; the exit code. */
  readonly stop: () => Promise<number | null>
}

export async function startOffline({ directory, environment }: Workplace): Promise<Offline> {
  await buildAll(root)
  const serverless = createRequire(join(root, 'package.json')).resolve('serverless/bin/serverless.js')
  const started = run([serverless, 'offline'], environment)
  await started.until(/PostgreSQL {2}/) // the last of the endpoints
  const endpoints: Endpoints = JSON.parse(await readFile(join(directory, 'endpoints.json'), 'utf8'))
  const ports = openLocalPorts(endpoints)
  return {
    run: started,
    endpoints,
    ports,
    async stop() {
      await ports.close()
      if (existsSync(join(directory, 'endpoints.json'))) process.kill(started.process.pid!, 'SIGINT')
      return started.exit
    },
  }
}
