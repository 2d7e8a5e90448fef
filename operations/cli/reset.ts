import { existsSync } from 'node:fs'
import { readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { stopLeftoverPostgres } from '#localstack/postgres/server.ts'
import { Failure } from './failure.ts'
import { dataDirectory, runningEndpoints } from './local-cloud.ts'

// All that a start leaves in the data folder.
const own = ['kafka', 's3', 'postgres', 'lock', 'endpoints.json', 'generator.json', 'cupel.log']

/** Deletes the local data, and no file that is not the local cloud's: CUPEL_DIRECTORY may name any folder. */
export async function runReset(root: string): Promise<number> {
  const directory = dataDirectory(root)
  if (!existsSync(directory)) {
    console.log(`Nothing to delete: there is no ${directory}`)
    return 0
  }
  const running = await runningEndpoints(root)
  if (running) throw new Failure(`process ${running.pid} is using ${directory}: stop it with Ctrl-C first`)
  if (existsSync(join(directory, 'postgres'))) await stopLeftoverPostgres(join(directory, 'postgres'))
  const found = await readdir(directory).catch((cause) => {
    throw new Failure(
      `cannot read ${directory} (${cause.code}): set CUPEL_DIRECTORY to the folder of the data`,
    )
  })
  for (const name of found.filter((name) => own.includes(name)))
    await rm(join(directory, name), { recursive: true })
  const left = found.filter((name) => !own.includes(name))
  if (left.length === 0) await rmdir(directory)
  console.log(
    left.length === 0
      ? `Deleted ${directory}`
      : `Deleted the data in ${directory}, and kept what is not the local cloud's: ${left.slice(0, 5).join(', ')}`,
  )
  return 0
}
