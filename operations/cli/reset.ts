import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { stopLeftoverPostgres } from '#localstack/postgres/server.ts'
import { Failure } from './failure.ts'
import { dataDirectory, runningEndpoints } from './local-cloud.ts'

export async function runReset(root: string): Promise<number> {
  const directory = dataDirectory(root)
  const running = await runningEndpoints(root)
  if (running) throw new Failure(`process ${running.pid} is using ${directory}: stop it with Ctrl-C first`)
  if (existsSync(join(directory, 'postgres'))) await stopLeftoverPostgres(join(directory, 'postgres'))
  await rm(directory, { recursive: true, force: true })
  console.log(`Deleted ${directory}`)
  return 0
}
