import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { familyOf, measureMemory, readPs, readStatus } from '#operations/cli/view/memory.ts'

const process_ = (pid: number, parent: number) => ({ pid, parent, rssBytes: 1 })

it('counts a process with all that descend from it, each once, and nobody else', () => {
  const all = [process_(5, 4), process_(1, 0), process_(4, 2), process_(3, 2), process_(2, 1), process_(9, 1)]
  expect(familyOf(all, [2, 4]).map(({ pid }) => pid)).toEqual([4, 2, 5, 3])
  expect(familyOf(all, [77])).toEqual([])
})

it('reads what ps and Linux say', () => {
  expect(readPs('    1     0   9812\n  501     1 120344\n\n')).toEqual([
    { pid: 1, parent: 0, rssBytes: 9812 * 1024 },
    { pid: 501, parent: 1, rssBytes: 120344 * 1024 },
  ])
  const status = 'Name:\ta) Pid: 3\nPid:\t21807\nPPid:\t21098\nVmRSS:\t   24480 kB\n'
  expect(readStatus(status)).toEqual({ pid: 21807, parent: 21098, rssBytes: 24480 * 1024 })
  expect(readStatus('Name:\tzombie\nPid:\t7\nPPid:\t1\n')).toEqual({ pid: 7, parent: 1, rssBytes: 0 })
})

it('takes in PostgreSQL of the data folder, which is nobody’s child', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'memory-'))
  const database = spawn(process.execPath, ['-e', 'console.log(); setInterval(() => {}, 1000)'])
  try {
    await once(database.stdout, 'data')
    const alone = await measureMemory(database.pid!, directory)
    expect(alone).toMatchObject({ processes: 1 })
    expect(alone!.rssBytes).toBeGreaterThan(10e6)
    if (process.platform === 'linux') expect(alone!.pssBytes).toBeLessThanOrEqual(alone!.rssBytes)

    await mkdir(join(directory, 'postgres/data'), { recursive: true })
    await writeFile(join(directory, 'postgres/data/postmaster.pid'), `${database.pid}\n/data\n`)
    const family = await measureMemory(process.pid, directory)
    const without = await measureMemory(process.pid, join(directory, 'elsewhere'))
    expect(family!.processes).toBe(without!.processes) // it is this process's child, too: counted once
  } finally {
    database.kill()
    await rm(directory, { recursive: true })
  }
})
