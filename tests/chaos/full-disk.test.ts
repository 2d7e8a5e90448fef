import { execFileSync } from 'node:child_process'
import { rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cupel, makeWorkplace, reportIn, root, type Workplace } from '../support/cupel.ts'
import { fill, mountSmallDisk, unmount } from '../support/small-disk.ts'

const megabyte = 1024 * 1024

// A disk that fills up while all runs: tests/flows/broken-world.test.ts.
describe('a start on a full disk', () => {
  let workplace: Workplace
  let mounted: boolean
  let filler: string
  beforeAll(async () => {
    workplace = await makeWorkplace()
    filler = join(workplace.directory, 'filler')
    mounted = mountSmallDisk(workplace.directory, 256)
  })
  afterAll(async () => {
    if (mounted) {
      await workplace.remove().catch(() => {}) // the mount point itself cannot be removed yet
      unmount(workplace.directory)
    }
    await workplace.remove()
  })

  async function refusal(): Promise<string> {
    const { exit, output } = cupel(['start', '--transactions', '100'], workplace.environment)
    expect(await exit, output()).toBe(1)
    const said = output()
      .split('\n')
      .filter((line) => line !== '' && !line.endsWith('…'))
    expect(said).toEqual([expect.stringMatching(/^cupel: /)])
    return said[0]!
  }

  it.each([
    ['nothing', 0],
    ['a page', 4096],
    ['a few pages', 5 * 4096],
    ['a megabyte', megabyte],
    ['20 MB', 20 * megabyte],
  ])('that has room for %s says so in one line', { timeout: 60_000 }, async (_, bytes) => {
    if (!mounted) return
    await fill(filler)
    await truncate(filler, (await stat(filler)).size - bytes)
    try {
      expect(await refusal()).toMatch(/the disk is full|no space left|some space/i)
    } finally {
      await rm(filler)
    }
  })

  it('runs when there is room again, and reconciles; and again when it was full in between', {
    timeout: 180_000,
  }, async () => {
    if (!mounted) return
    const start = async () => {
      const run = cupel(['start', '--transactions', '100', '--json'], workplace.environment)
      expect(await run.exit, run.output()).toBe(0)
      expect(reportIn(run.output()).problems).toEqual([])
    }
    await start()
    await fill(filler)
    expect(await refusal()).toMatch(/the disk is full|no space left|some space/i)
    await rm(filler)
    await start()
  })

  it('of the project says that the build has no room', { timeout: 60_000 }, async ({ skip }) => {
    await rm(filler, { force: true })
    if (!mounted) skip()
    const command = join(root, 'operations/cli/cupel.mjs')
    const attempt = (size: string) => {
      try {
        // The mount is seen by this one program only.
        execFileSync(
          'unshare',
          [
            '-m',
            'sh',
            '-c',
            `mount -t tmpfs -o size=${size} tmpfs .build && exec "$0" "$1" start`,
            process.execPath,
            command,
          ],
          { cwd: root, env: { ...process.env, ...workplace.environment }, stdio: 'pipe', encoding: 'utf8' },
        )
      } catch (error) {
        return (error as { stderr: string }).stderr
      }
      return ''
    }
    expect(attempt('64k')).toMatch(/^cupel: cannot write to .*\.build\/cli \(ENOSPC\): free some space\n$/)
    expect(attempt('20m')).toMatch(/^cupel: cannot write to .*\.build: the disk is full\. Free some space\n$/)
  })
})
