import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from './failure.ts'
import { withServices } from './look-back/services.ts'

/**
 * `cupel dbt`: runs dbt on the warehouse: that of the local cloud, whether it runs or not, or DATABASE_URL. Exit code of
 * dbt: 1 when a model or a test failed.
 *
 * @throws {Failure} when there is no Python, or dbt cannot be installed.
 */
export const runDbt = (root: string, args: readonly string[]): Promise<number> =>
  withServices(
    root,
    async ({ postgres, directory }) => {
      const project = join(root, 'warehouse/dbt')
      const dbt = await installDbt(root, join(project, 'requirements.txt'))
      const paths = ['--target-path', join(directory, 'dbt'), '--log-path', join(directory, 'dbt')]
      return run(dbt, [...args, '--profiles-dir', project, '--project-dir', project, ...paths], {
        ...process.env,
        ...connectionOf(postgres),
        DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
      })
    },
    ['postgres'],
  )

/** The program, in an environment of its own beside what npm keeps there: some 120 MB, and a minute when first used. */
async function installDbt(root: string, requirements: string): Promise<string> {
  const environment = join(root, 'node_modules/.cache/cupel-dbt')
  const bin = join(environment, process.platform === 'win32' ? 'Scripts' : 'bin')
  const installed = join(environment, 'requirements.txt') // written last
  const wanted = await readFile(requirements, 'utf8')
  if ((await readFile(installed, 'utf8').catch(() => undefined)) === wanted) return join(bin, 'dbt')

  const python = ['python3', 'python'].find((name) => spawnSync(name, ['-c', suits]).status === 0)
  if (!python)
    throw new Failure(
      'dbt needs Python from 3.10 (python.org, or your package manager), and there is none here',
    )
  console.log(`Installing dbt into ${environment} …`)
  await rm(environment, { recursive: true, force: true })
  const hasUv = spawnSync('uv', ['--version']).status === 0
  const steps = hasUv
    ? [
        ['uv', 'venv', '--quiet', '--python', python, environment],
        ['uv', 'pip', 'install', '--quiet', '--python', join(bin, 'python'), '-r', requirements],
      ]
    : [
        [python, '-m', 'venv', environment],
        [
          join(bin, 'python'),
          '-m',
          'pip',
          'install',
          '--quiet',
          '--disable-pip-version-check',
          '-r',
          requirements,
        ],
      ]
  for (const [command, ...args] of steps)
    if ((await run(command!, args, process.env)) !== 0 || !existsSync(environment))
      throw new Failure(`dbt could not be installed: ${command} ${args.join(' ')} says why above`)
  await copyFile(requirements, installed)
  return join(bin, 'dbt')
}

const suits = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))'

/** As profiles.yml asks for it. */
function connectionOf(url: string): Record<string, string> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url)
  const sslMode = searchParams.get('sslmode')
  return {
    PGHOST: hostname,
    PGPORT: port || '5432',
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
    ...(sslMode && { PGSSLMODE: sslMode }),
  }
}

async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env })
  const [code] = await once(child, 'close')
  return code ?? 130
}
