import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { Failure } from './failure.ts'

const file = 'localstack/compose.yml'
const oldest = [2, 23, 1] as const // of Docker Compose: the contents of `configs`
const healthySeconds = 300 // for a laptop; images are fetched before

export const stopContainersCommand = `docker compose --file ${file} down`

/** What localstack/compose.yml resolves to with its `.env`, as far as it is used here. */
export type ComposeConfig = {
  readonly 'x-variables': Readonly<Record<string, string>>
  readonly 'x-pages': Readonly<Record<string, string>>
  readonly services: Readonly<Record<string, { readonly ports?: readonly { readonly published: string }[] }>>
}

/**
 * Start the containers of localstack/compose.yml, or find them running, and wait until all are healthy. Gives the
 * variables by which the local cloud uses them, as compose itself resolves them, and the pages for a browser.
 *
 * @throws {Failure} in one line: a variable names other services, or Docker is not there, too old, not running, or
 * cannot start them.
 */
export async function startContainers(
  root: string,
  { note, signal }: { readonly note: (line: string) => void; readonly signal: AbortSignal },
): Promise<{ readonly variables: Record<string, string>; readonly pages: Record<string, string> }> {
  const named = ['KAFKA_BROKERS', 'S3_ENDPOINT', 'DATABASE_URL'].find((name) => process.env[name])
  if (named)
    throw new Failure(
      `${named} is set, and --services compose brings services of its own: unset it, or leave the option out`,
      2,
    )
  const config = await readComposeConfig(root, signal)
  note(`Starting the containers of ${file}; the first time, their images are fetched …`)
  const { exitCode, lines } = await compose(
    root,
    ['--progress', 'plain', 'up', '--detach', '--wait', '--wait-timeout', String(healthySeconds)],
    { signal, onLine: (line) => progressOf(line).forEach(note) },
  )
  if (exitCode !== 0) throw new Failure(whyNotUp(lines, config))
  return { variables: { ...config['x-variables'] }, pages: { ...config['x-pages'] } }
}

/** Delete the containers and their volumes, if there are any. */
export async function deleteContainers(root: string): Promise<void> {
  const { exitCode, lines } = await compose(root, ['--progress', 'plain', 'down', '--volumes'])
  if (exitCode !== 0) throw new Failure(whyNotUp(lines, undefined))
}

async function readComposeConfig(root: string, signal: AbortSignal): Promise<ComposeConfig> {
  const version = await docker(root, ['compose', 'version', '--short'], { signal })
  if (version.exitCode !== 0)
    throw new Failure(
      'docker has no compose plugin: install Docker Desktop, or the package docker-compose-plugin, ' +
        'or start without --services compose',
    )
  const [, ...numbers] = /(\d+)\.(\d+)\.(\d+)/.exec(version.stdout) ?? []
  if (numbers.length > 0 && isOlder(numbers.map(Number)))
    throw new Failure(
      `Docker Compose ${numbers.join('.')} is too old for ${file}: ${oldest.join('.')} or later is needed`,
    )
  const { exitCode, stdout, lines } = await compose(root, ['config', '--format', 'json'], { signal })
  if (exitCode !== 0) throw new Failure(`docker compose does not accept ${file}: ${lines.at(-1)}`)
  return JSON.parse(stdout)
}

const isOlder = (numbers: readonly number[]): boolean => {
  const at = oldest.findIndex((number, index) => number !== numbers[index])
  return at >= 0 && numbers[at]! < oldest[at]!
}

/** Of a line of compose's plain progress what a person waits for: an image that is there, a container that is healthy. */
export function progressOf(line: string): string[] {
  const [, what, state] = /^\s*(?:Image |Container )?(\S+)\s+(Pulling|Pulled|Healthy)\s*$/.exec(line) ?? []
  if (what === undefined || /^[0-9a-f]{12}$/.test(what)) return [] // a layer of an image
  return [`  ${what} ${{ Pulling: 'is being fetched', Pulled: 'is fetched' }[state!] ?? 'is healthy'}`]
}

/** Why `up` failed, in one line that says what to do. */
export function whyNotUp(lines: readonly string[], config: ComposeConfig | undefined): string {
  const find = (pattern: RegExp) => lines.map((line) => pattern.exec(line)).find((match) => match !== null)
  if (find(/permission denied.*docker/i))
    return 'Docker refuses this account: add it to the group docker and log in again, or use rootless Docker'
  if (find(/cannot connect to the docker daemon|error during connect|daemon is not running/i))
    return 'Docker does not run: start Docker Desktop or the docker service, and try again'
  const taken = find(
    /127\.0\.0\.1:(\d+).*(?:already allocated|already in use|not permitted|access permissions)/i,
  )?.[1]
  if (taken !== undefined) {
    const services = Object.entries(config?.services ?? {})
    const whose = services.find(([, { ports = [] }]) => ports.some(({ published }) => published === taken))
    return (
      `port ${taken}${whose ? ` for ${whose[0]}` : ''} is taken: stop what listens there, or set another one ` +
      'in localstack/.env, as localstack/.env.example shows'
    )
  }
  const sick = find(/container (\S+) (?:is unhealthy|exited)/i)?.[1]
  if (sick !== undefined) return `the container ${sick} does not get healthy: docker logs ${sick} says why`
  const last = lines.findLast((line) => line.trim() !== '')?.trim() ?? 'it said nothing'
  return `docker compose could not start the containers: ${last}`
}

type Run = { readonly exitCode: number; readonly stdout: string; readonly lines: readonly string[] } // of stderr
type RunOptions = { readonly signal?: AbortSignal; readonly onLine?: (line: string) => void }

const compose = (root: string, args: readonly string[], options?: RunOptions) =>
  docker(root, ['compose', '--file', file, ...args], options)

function docker(root: string, args: readonly string[], { signal, onLine }: RunOptions = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], signal })
    let stdout = ''
    const lines: string[] = []
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line)
      onLine?.(line)
    })
    child.once('error', (error: NodeJS.ErrnoException) => {
      const missing =
        'docker is not here: install Docker Desktop or Docker Engine, or start without --services compose'
      reject(error.code === 'ENOENT' ? new Failure(missing) : error)
    })
    child.once('close', (code) => resolve({ exitCode: code ?? 1, stdout, lines }))
  })
}
