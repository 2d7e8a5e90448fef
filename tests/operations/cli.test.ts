import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { cupel, makeWorkplace, type Workplace } from '../support/cupel.ts'

const workplaces: Workplace[] = []
afterAll(async () => {
  await Promise.all(workplaces.map((workplace) => workplace.remove()))
})
async function workplaceOfItsOwn(): Promise<Workplace> {
  const workplace = await makeWorkplace()
  workplaces.push(workplace)
  return workplace
}
/** Exit code and output of a command that ends by itself. */
async function outcome(args: readonly string[], environment: Record<string, string>) {
  const { exit, output } = cupel(args, environment)
  return { exitCode: await exit, output: output() }
}

describe.concurrent('cupel, called wrongly or in vain', { timeout: 60_000 }, () => {
  it('lists its commands', async () => {
    const { exitCode, output } = await outcome(['--help'], {})
    expect(exitCode).toBe(0)
    for (const command of ['start', 'status', 'verify', 'trace', 'sql', 'reset', 'build', 'migrate'])
      expect(output).toMatch(new RegExp(`^  ${command} `, 'm'))
  })

  it.each([
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['start', '--fast'], "unknown option '--fast'"],
    [['start', '--transactions', '0'], 'Expected a whole number from 1'],
    [['start', '--dirt', '101'], 'Expected a number from 0 to 100'],
    [['start', '--speed', '0'], 'Expected a number above 0'],
    [['start', '--no-generator', '--rate', '5'], "'--no-generator' cannot be used with option '--rate <n>'"],
  ])('%j exits with 2, and says what is wrong and where help is', async (args, wrong) => {
    const { exitCode, output } = await outcome(args, {})
    expect(exitCode).toBe(2)
    expect(output).toContain(wrong)
    expect(output).toContain('--help lists what there is')
    expect(output.trim().split('\n')).toHaveLength(2)
  })

  it('refuses a rate, users and a speed that contradict each other, before anything is started', async () => {
    const args = ['start', '--users', '100', '--rate', '50', '--speed', '3']
    const { exitCode, output } = await outcome(args, {})
    expect(exitCode).toBe(2)
    expect(output).toMatch(
      /^cupel: --users 100 at --speed 3 make 20 transactions a second, not --rate 50: .*\n$/,
    )
  })

  it.each([
    ['status'],
    ['verify'],
    ['trace', 'x'],
    ['sql', 'SELECT 1'],
    ['sql', 'SELECT * FROM silver.users'],
  ])('%s %s says how to start where there is nothing to look back at', async (...args) => {
    const { directory, environment } = await workplaceOfItsOwn()
    expect(await outcome(args, environment)).toEqual({
      exitCode: 1,
      output: `cupel: there are no data in ${directory}: npm start makes them, or CUPEL_DIRECTORY names where they are\n`,
    })
    expect(existsSync(join(directory, 'lock'))).toBe(false)
  })

  it('resets where there is nothing, and deletes nothing that is not its own', async () => {
    const { directory, environment } = await workplaceOfItsOwn()
    const missing = join(directory, 'missing')
    expect(await outcome(['reset'], { ...environment, CUPEL_DIRECTORY: missing })).toEqual({
      exitCode: 0,
      output: `Nothing to delete: there is no ${missing}\n`,
    })

    await mkdir(join(directory, 's3'))
    await writeFile(join(directory, 'cupel.log.1'), 'an earlier log')
    await writeFile(join(directory, 'thesis.txt'), 'mine')
    expect(await outcome(['reset'], environment)).toEqual({
      exitCode: 0,
      output: `Deleted the data in ${directory}, and kept what is not the local cloud's: thesis.txt\n`,
    })
    expect(existsSync(join(directory, 's3'))).toBe(false)
    expect(existsSync(join(directory, 'thesis.txt'))).toBe(true)
  })

  it('start with a database that cannot be reached says which variable to correct', async () => {
    const { environment } = await workplaceOfItsOwn()
    await expectRefusal(
      { ...environment, DATABASE_URL: 'postgres://root:secret@127.0.0.1:1/shop' },
      /DATABASE_URL \(connect ECONNREFUSED 127.0.0.1:1\): start it, correct the address, or unset/,
    )
  })

  it('start with a file in the place of its data folder, or of a file in it, says what to set', async () => {
    const { directory, environment } = await workplaceOfItsOwn()
    const file = join(directory, 'file')
    await writeFile(file, '')
    await expectRefusal(
      { ...environment, CUPEL_DIRECTORY: file },
      /cannot write to .*file.*set CUPEL_DIRECTORY/,
    )
    await mkdir(join(directory, 'cupel.log'))
    await expectRefusal(environment, /cannot write to .*set CUPEL_DIRECTORY/)
  })

  /** One line, in which no secret is, and exit code 1. */
  async function expectRefusal(environment: Record<string, string>, expected: RegExp): Promise<void> {
    const { exitCode, output } = await outcome(['start', '--transactions', '1'], environment)
    expect(exitCode, output).toBe(1)
    const said = output.split('\n').filter((line) => line !== '' && !line.endsWith('…'))
    expect(said).toEqual([expect.stringMatching(/^cupel: /)])
    expect(said[0]).toMatch(expected)
    expect(output).not.toContain('secret')
  }
})
