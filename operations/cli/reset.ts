import { existsSync } from 'node:fs'
import { readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { takeDirectory } from '#localstack/directory-lock.ts'
import { stopLeftoverPostgres } from '#localstack/postgres/server.ts'
import { deleteContainers } from './compose.ts'
import { dataDirectory } from './local-cloud.ts'

// All that a start leaves in the data folder, but its lock.
const own = [
  'kafka',
  's3',
  'postgres',
  'destinations',
  'format.json',
  'format.json.new',
  'endpoints.json',
  'endpoints.json.new',
  'generator.json',
  'generator.json.new',
  'cupel.log',
  'cupel.log.1',
]

/**
 * Deletes the local data, and no file that is not the local cloud's: CUPEL_DIRECTORY may name any folder. With `compose`
 * the containers too, and their volumes.
 */
export async function runReset(
  root: string,
  { services }: { readonly services: 'embedded' | 'compose' },
): Promise<number> {
  const directory = dataDirectory(root)
  const isThere = existsSync(directory)
  const instead = 'set CUPEL_DIRECTORY to the folder to delete'
  const release = isThere ? takeDirectory(directory, 'local cloud', instead) : () => {}
  try {
    if (services === 'compose') {
      await deleteContainers(root)
      console.log('Deleted the containers of localstack/compose.yml and their volumes')
    }
    if (existsSync(join(directory, 'postgres'))) await stopLeftoverPostgres(join(directory, 'postgres'))
    for (const name of own) await rm(join(directory, name), { recursive: true, force: true })
  } finally {
    release()
  }
  if (!isThere) {
    console.log(`Nothing to delete: there is no ${directory}`)
    return 0
  }
  const left = await readdir(directory)
  if (left.length === 0) await rmdir(directory)
  console.log(
    left.length === 0
      ? `Deleted ${directory}`
      : `Deleted the data in ${directory}, and kept what is not the local cloud's: ${left.slice(0, 5).join(', ')}`,
  )
  return 0
}
