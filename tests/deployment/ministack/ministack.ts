import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const version = '1.5.33'
const startMs = 60_000

/** An AWS of its own on loopback: CloudFormation, S3, Lambda, EventBridge and others, from PyPI. */
export type Ministack = {
  readonly endpoint: string
  readonly log: () => string
  readonly stop: () => Promise<void>
}

/** Installs ministack into `directory`, once. Undefined, where there is no Python that could: a reason to skip. */
export async function installMinistack(directory: string): Promise<string | undefined> {
  const home = join(directory, `ministack-${version}`)
  const program = join(home, 'bin/ministack')
  const complete = join(home, '.complete') // an installation that was interrupted is made anew
  if (existsSync(complete)) return program
  const run = promisify(execFile)
  const enough = 'import sys, venv; sys.exit(sys.version_info < (3, 10))'
  const isThere = await run('python3', ['-c', enough]).then(
    () => true,
    () => false,
  )
  if (!isThere) return undefined
  await rm(home, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  await run('python3', ['-m', 'venv', home])
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `ministack==${version}`]
  await run(join(home, 'bin/python'), pip)
  await writeFile(`${complete}.unfinished`, '')
  await rename(`${complete}.unfinished`, complete)
  return program
}

/** Starts it with nothing in it, in a process group of its own, its files in `directory`. */
export async function startMinistack(
  program: string,
  directory: string,
  root: string,
  accountId: string,
): Promise<Ministack> {
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const preload = pathToFileURL(join(root, 'tests/deployment/ministack/layers.mjs')).href
  const child = spawn(program, {
    cwd: directory,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter), // functions run on this Node
      HOME: directory,
      TMPDIR: directory,
      S3_DATA_DIR: join(directory, 's3'),
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      MINISTACK_ACCOUNT_ID: accountId,
      NODE_PATH: join(root, 'node_modules'),
      // ministack requires handlers, and what is required goes past the hooks of the preloaded module.
      NODE_OPTIONS: `--no-experimental-require-module --import=${preload}`,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text
    })
  const ended = once(child, 'close')
  ended.catch(() => {})
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-child.pid!, name)
    } catch {} // it has ended
  }
  const killed = () => signal('SIGKILL')
  process.once('exit', killed)
  const stop = async () => {
    signal('SIGTERM')
    const late = setTimeout(killed, 5_000)
    await ended.catch(() => {})
    clearTimeout(late)
    killed() // what its functions' processes left
    process.off('exit', killed)
  }
  for (const startedMs = performance.now(); performance.now() - startedMs < startMs; await sleep(100)) {
    if (child.exitCode !== null || child.pid === undefined) break
    const answer = await fetch(`${endpoint}/_ministack/health`).catch(() => undefined)
    if (answer?.ok) return { endpoint, log: () => log, stop }
  }
  await stop()
  throw new Error(`ministack did not start:\n${log}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
