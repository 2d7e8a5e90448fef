import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stopLeftoverPostgres } from '#localstack/postgres/server.ts'
import { root } from '../support/cupel.ts'
import { type Command, commandsIn, isEndless } from './commands.ts'

/** Why a command is not run here. */
function elsewhere({ text, note }: Command): string | undefined {
  if (note === 'test') return 'the test run itself: .ci/run takes it from README'
  if (/docker|--services compose/.test(text) && !hasDocker) return 'there is no Docker engine here'
  if (/deploy:local/.test(text)) return 'a step of .ci/run'
  if (/serverless deploy/.test(text)) return 'there is no AWS account here'
  return undefined
}
const hasDocker = spawnSync('docker', ['info']).status === 0

/** A clone without `node_modules`, as a newcomer has it, with what is not committed yet. */
let clone: string

beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), 'cupel-docs-'))
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  })
  for (const file of listed.toString().split('\0').filter(Boolean))
    await cp(join(root, file), join(clone, file), { recursive: true }).catch((error) => {
      if (error.code !== 'ENOENT') throw error // deleted, not committed yet
    })
})

afterAll(async () => {
  for (const { child } of running) if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL')
  await stopLeftoverPostgres(join(clone, '.cupel/postgres')).catch(() => {})
  await rm(clone, { recursive: true, force: true })
})

describe.each([
  'README.md',
  'docs/guide/look-back.md',
  'docs/guide/first-run.md',
  'docs/guide/add-a-dataset.md',
])('the commands of %s', async (page) => {
  const text = await readFile(join(root, page), 'utf8')
  const commands = commandsIn(text)

  it('are found', () => expect(commands.length).toBeGreaterThan(3))

  for (const command of commands) {
    const title = `line ${command.line}: ${command.text
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .join(' ; ')}`
    const why = elsewhere(command)
    if (why !== undefined) it.skip(`${title} (${why})`)
    else it(title, { timeout: 600_000 }, () => (isEndless(command) ? begin(command) : runToItsEnd(command)))
  }

  it('ends what runs until Ctrl-C in order', { timeout: 60_000 }, async () => {
    await endRunning()
  })

  it('shows files that are there', async () => {
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      await expect(
        readFile(join(root, dirname(page), target!)).catch(({ code }) => code),
        target,
      ).resolves.not.toBe('ENOENT')
  })
})

type Running = { readonly command: Command; readonly child: ChildProcess; readonly output: () => string }
const running = new Set<Running>()

function start(command: Command): Running {
  const ports = ['KAFKA', 'S3', 'POSTGRES', 'LAMBDA'].map((name) => [`CUPEL_PORT_${name}`, '0'])
  const child = spawn('bash', ['-euo', 'pipefail', '-c', command.text], {
    cwd: clone,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...Object.fromEntries(ports), NODE_ENV: '', VITEST: '' },
  })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  return { command, child, output: () => output }
}

async function runToItsEnd(command: Command): Promise<void> {
  // Two local clouds do not run in one folder: what runs until Ctrl-C ends before the next start.
  if (/npm (ci|start)|npm run reset/.test(command.text)) await endRunning()
  const { child, output } = start(command)
  const [code] = await once(child, 'close')
  expect(code, output()).toBe(0)
}

/** Waits until it has found its first fraud, or says where it listens, and lets it run on for the commands that follow. */
async function begin(command: Command): Promise<void> {
  await endRunning()
  const begun = start(command)
  running.add(begun)
  const { child, output } = begun
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      if (/ALERT|^Lambda +http|^Nothing is generated/m.test(output())) resolve()
    }
    child.stdout!.on('data', look)
    child.once('close', (code) => reject(new Error(`ended with ${code} before it ran:\n${output()}`)))
  })
}

async function endRunning(): Promise<void> {
  for (const begun of running) {
    const { child, output } = begun
    const closed = once(child, 'close')
    process.kill(-child.pid!, 'SIGINT') // as a terminal does, to the whole group
    await closed // npm, which got the signal too, says that it was a signal that ended it
    running.delete(begun)
    expect(output()).toMatch(/Stopping …\s*$|^Lambda +http/m)
    expect(existsSync(join(clone, '.cupel/endpoints.json')), output()).toBe(false)
  }
}
