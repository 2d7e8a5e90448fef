import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { takeDirectory } from '#localstack/directory-lock.ts'
import { publishEndpoints, runningEndpoints } from '#localstack/endpoints-file.ts'

const endpoints = { kafka: '127.0.0.1:1', s3: 'http://127.0.0.1:2', lambda: 'http://127.0.0.1:3' }

describe('the file of endpoints', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'endpoints-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('tells other programs where everything listens, until it is taken away', async () => {
    const release = takeDirectory(directory, 'test')
    const unpublish = await publishEndpoints(directory, endpoints)
    expect(runningEndpoints(directory)).toEqual({ ...endpoints, pid: process.pid })
    await unpublish()
    expect(runningEndpoints(directory)).toBeUndefined()
    release()
  })

  it('tells nothing when a killed local cloud left it, though its process number runs again', async () => {
    await publishEndpoints(directory, endpoints) // by a process that lives, and does not hold the directory
    expect(runningEndpoints(directory)).toBeUndefined()
    await writeFile(join(directory, 'lock'), JSON.stringify({ pid: process.pid, started: 'before' }))
    expect(runningEndpoints(directory)).toBeUndefined()
  })

  it.each(['', '{"kafka":"127.0', 'null'])('tells nothing when it reads %j', async (text) => {
    const release = takeDirectory(directory, 'test')
    await writeFile(join(directory, 'endpoints.json'), text)
    expect(runningEndpoints(directory)).toBeUndefined()
    release()
  })
})
