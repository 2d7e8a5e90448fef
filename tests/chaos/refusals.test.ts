import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPostgres } from '@cupel/io/postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPostgres } from '#localstack/postgres/server.ts'
import { cupel, makeWorkplace, root, run, type Workplace } from '../support/cupel.ts'

let workplace: Workplace
let own: Workplace
beforeEach(async () => {
  own = workplace = await makeWorkplace()
})
afterEach(() => own.remove())

/** One line and exit code 1, and nothing left running. */
async function refusal(environment: Record<string, string> = {}): Promise<string> {
  const { exit, output } = cupel(['start', '--transactions', '1'], {
    ...workplace.environment,
    ...environment,
  })
  expect(await exit, output()).toBe(1)
  return saidIn(output())
}
function saidIn(output: string): string {
  const said = output.split('\n').filter((line) => line !== '' && !line.endsWith('…'))
  expect(said).toEqual([expect.stringMatching(/^cupel: /)])
  return said[0]!
}

/** What stands in a folder, byte for byte, but for the log and the lock that any start touches. */
async function contentsOf(directory: string): Promise<Record<string, string>> {
  const contents: Record<string, string> = {}
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && !/\/(cupel\.log|lock)$/.test(path))
      contents[path] = createHash('sha256')
        .update(await readFile(path))
        .digest('hex')
  }
  return contents
}

describe('a port that is taken', () => {
  const parts = [
    ['KAFKA', 'Kafka', 29092],
    ['S3', 'S3', 29000],
    ['POSTGRES', 'PostgreSQL', 25432],
    ['LAMBDA', 'Lambda', 3002],
  ] as const

  it.each(parts)(
    '%s: the line names it, and the variable that chooses another',
    { timeout: 60_000 },
    async (name, whose) => {
      const other = createServer()
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
      const { port } = other.address() as AddressInfo
      const variable = `CUPEL_PORT_${name}`
      const line = await refusal({ [variable]: String(port) })
      expect(line).toMatch(
        new RegExp(`${whose}'s port ${port} is in use, perhaps by .*: stop what uses it, or .* ${variable}`),
      )
      expect(existsSync(join(workplace.directory, 'postgres/data/postmaster.pid'))).toBe(false) // nor does what had started
      await new Promise((resolve) => other.close(resolve))
    },
  )

  it.each(parts)(
    '%s: also the port that it has by default',
    { timeout: 60_000 },
    async (name, whose, port) => {
      const other = createServer()
      // Another local cloud of this machine may have it: as good.
      await new Promise<void>((resolve) =>
        other.once('error', () => resolve()).listen(port, '127.0.0.1', resolve),
      )
      const line = await refusal({ [`CUPEL_PORT_${name}`]: '' })
      expect(line).toContain(`${whose}'s port ${port} is in use`)
      await new Promise((resolve) => other.close(resolve))
    },
  )
})

describe('a data folder of another version', () => {
  let filled: Workplace // by one run; each test puts back what it changed
  const start = () => cupel(['start', '--transactions', '50'], filled.environment)
  beforeAll(async () => {
    filled = await makeWorkplace()
    const first = start()
    expect(await first.exit, first.output()).toBe(0)
  }, 120_000)
  beforeEach(() => {
    workplace = filled
  })
  afterAll(() => filled.remove())
  const file = (name: string) => join(filled.directory, name)

  it.each([0, 2])('of format %i: refused, and nothing is touched', { timeout: 60_000 }, async (format) => {
    const noted = await readFile(file('format.json'))
    await writeFile(file('format.json'), JSON.stringify({ format, madeBy: 'another version' }))
    const before = await contentsOf(filled.directory)
    expect(await refusal()).toMatch(
      new RegExp(
        `is in data format ${format} .*made by another version.*run the version that made it.*CUPEL_DIRECTORY`,
      ),
    )
    expect(await contentsOf(filled.directory)).toEqual(before)
    await writeFile(file('format.json'), noted)
  })

  it('of another PostgreSQL: refused', { timeout: 60_000 }, async () => {
    const version = await readFile(file('postgres/data/PG_VERSION'))
    await writeFile(file('postgres/data/PG_VERSION'), '9\n')
    expect(await refusal()).toMatch(/was made by PostgreSQL 9 and this is PostgreSQL \d+: export/)
    await writeFile(file('postgres/data/PG_VERSION'), version)
  })

  it('with a migration that reads differently now: refused', { timeout: 60_000 }, async () => {
    const change = async (set: string) => {
      const server = await startPostgres({ directory: file('postgres'), database: 'cupel' })
      const warehouse = openPostgres(server.url)
      await warehouse.query(`UPDATE migrations SET sha256 = ${set} WHERE name = '001-ledger.sql'`)
      await warehouse.end()
      await server.stop()
    }
    await change('reverse(sha256)')
    expect(await refusal()).toMatch(/001-ledger.sql was applied .* in another form.*npm run reset/)
    await change('reverse(sha256)')
  })

  it('from before the format was noted, and with small files that a power cut left empty: goes on', {
    timeout: 120_000,
  }, async () => {
    await rm(file('format.json'))
    for (const name of ['endpoints.json', 'generator.json', 'lock']) await writeFile(file(name), '')
    const next = start()
    expect(await next.exit, next.output()).toBe(0)
    expect(next.output()).toMatch(/^warning: .*generator.json is damaged/m)
    expect(JSON.parse(await readFile(file('format.json'), 'utf8'))).toMatchObject({ format: 1 })
  })
})

/** A read-only view of a folder at another's place; false where this account may not mount. */
function mountReadOnly(from: string, at: string): boolean {
  try {
    execFileSync('mount', ['--bind', from, at], { stdio: 'pipe' })
    execFileSync('mount', ['-o', 'remount,ro,bind', at], { stdio: 'pipe' })
    return true
  } catch {
    console.warn('SKIPPED: this account cannot mount')
    return false
  }
}

describe('a folder that is read-only', () => {
  it('for the data: refused', { timeout: 60_000 }, async ({ skip }) => {
    const at = join(workplace.directory, 'data')
    await mkdir(at)
    if (!mountReadOnly(at, at)) return skip()
    try {
      expect(await refusal({ CUPEL_DIRECTORY: at })).toMatch(
        /cannot write to .*data: it is read-only for this account \(EROFS\)\. Make it writable, or set CUPEL_DIRECTORY/,
      )
    } finally {
      execFileSync('umount', ['-l', at])
    }
  })

  it('for the project: refused', { timeout: 60_000 }, async ({ skip }) => {
    const at = await mkdtemp(join(tmpdir(), 'cupel-read-only-'))
    if (!mountReadOnly(root, at)) return skip()
    try {
      const started = run([join(at, 'operations/cli/cupel.mjs'), 'start'], workplace.environment)
      expect(await started.exit, started.output()).toBe(1)
      expect(saidIn(started.output())).toMatch(
        /cannot write to .*\.build.* \(EROFS\): make the project's folder/,
      )
    } finally {
      execFileSync('umount', ['-l', at])
      await rm(at, { recursive: true })
    }
  })
})
