import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startS3 } from '#localstack/s3/server.ts'
import { failure, makeClient, startTestS3 } from './start-test-s3.ts'

let s3: Awaited<ReturnType<typeof startTestS3>>
const Bucket = 'served'

beforeAll(async () => {
  s3 = await startTestS3()
  await s3.client.send(new CreateBucketCommand({ Bucket }))
  await s3.client.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'content' }))
})
afterAll(() => s3.stop())

/** Sends raw bytes on a connection of its own; resolves with all that comes back. */
const raw = (bytes: string, wait = true) =>
  new Promise<string>((resolve) => {
    let answer = ''
    const socket = connect(s3.server.port, '127.0.0.1', () => socket.write(bytes))
    socket.setEncoding('latin1').on('data', (text) => {
      answer += text
    })
    socket.on('error', () => {}).on('close', () => resolve(answer))
    if (!wait) setTimeout(() => socket.destroy(), 50)
  })

describe('the server', () => {
  it('answers errors as S3 does', async () => {
    const response = await fetch(`${s3.endpoint}/${Bucket}/no%20such?x-id=GetObject`)
    const requestId = response.headers.get('x-amz-request-id')
    const body = await response.text()
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('application/xml')
    expect(body).toContain(
      '<Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>no such</Key>',
    )
    expect(body).toContain(`<Resource>/${Bucket}/no%20such</Resource><RequestId>${requestId}</RequestId>`)
    expect(response.headers.get('x-amz-id-2')).toBeTruthy()
  })

  it('outlives malformed requests', async () => {
    const head = `Host: x\r\nConnection: close\r\n`
    expect(await raw('nonsense\r\n\r\n')).toContain('400 Bad Request')
    expect(await raw(`GET /${Bucket}/%ff%zz HTTP/1.1\r\n${head}\r\n`)).toContain('<Code>InvalidURI</Code>')
    expect(await raw(`PATCH /${Bucket}/a HTTP/1.1\r\n${head}\r\n`)).toContain('<Code>MethodNotAllowed</Code>')
    expect(await raw(`POST /${Bucket}?delete HTTP/1.1\r\n${head}Content-Length: 3\r\n\r\n<a>`)).toContain(
      'MalformedXML',
    )
    expect(await raw(`GET /${Bucket}/a?response-content-type=%0d%0ax HTTP/1.1\r\n${head}\r\n`)).toContain(
      'InvalidArgument',
    )
    expect(await raw(`GET http://x/${Bucket}/a HTTP/1.1\r\n${head}\r\n`)).toContain('content')
    await raw(`PUT /${Bucket}/cut HTTP/1.1\r\n${head}Content-Length: 100\r\n\r\npart`, false)
    const cut = s3.client.send(new HeadObjectCommand({ Bucket, Key: 'cut' }))
    expect(await failure(cut)).toMatchObject({ status: 404 })
    await vi.waitFor(async () => expect(await readdir(join(s3.directory, 'temporary'))).toEqual([]))
    const { Body } = await s3.client.send(new GetObjectCommand({ Bucket, Key: 'a' }))
    expect(await Body!.transformToString()).toBe('content')
  })

  it('takes presigned requests from any credentials', async () => {
    const url = (path: string, date: string) =>
      `${s3.endpoint}/${Bucket}/${path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=any&X-Amz-Date=${date}` +
      '&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=0'
    const now = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
    expect((await fetch(url('presigned', now), { method: 'PUT', body: 'by URL' })).status).toBe(200)
    const response = await fetch(`${url('presigned', now)}&response-content-type=text%2Fcsv`)
    expect(await response.text()).toBe('by URL')
    expect(response.headers.get('content-type')).toBe('text/csv')
  })

  it('keeps the connection when it refuses a body half way', async () => {
    const path = `/${Bucket}/never HTTP/1.1\r\nHost: x\r\n`
    const body = 'x'.repeat(200_000)
    const answer = await raw(
      `PUT ${path}x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\nContent-Length: ${body.length}\r\n\r\n${body}` +
        `GET /${Bucket}/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/400 Bad Request.*IncompleteBody.*200 OK.*content$/s)
  })

  it('says that the disk is full, removes what it began and goes on', async () => {
    const handle = await open(join(s3.directory, 'lock'))
    const prototype = Object.getPrototypeOf(handle)
    await handle.close()
    const write = vi
      .spyOn(prototype, 'writeFile')
      .mockRejectedValue(Object.assign(new Error('full'), { code: 'ENOSPC' }))
    const full = await failure(s3.client.send(new PutObjectCommand({ Bucket, Key: 'full', Body: 'x' })))
    write.mockRestore()
    expect(full).toMatchObject({
      name: 'InsufficientStorage',
      status: 500,
      message: expect.stringContaining('disk is full'),
    })
    expect(await readdir(join(s3.directory, 'temporary'))).toEqual([])
    await s3.client.send(new PutObjectCommand({ Bucket, Key: 'full', Body: 'fits now' }))
    expect(s3.logged).toEqual([
      expect.stringMatching(/^warning: S3 cannot write to .*: the disk is full \(ENOSPC\), free some space/),
      expect.stringMatching(/^warning: S3: writes to .* work again$/),
    ])
  })

  it('goes on when a listener of changes throws', async () => {
    const failing = await startTestS3({
      onChange: () => {
        throw new Error('listener')
      },
    })
    await failing.client.send(new CreateBucketCommand({ Bucket }))
    for (const Key of ['1', '2']) await failing.client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }))
    await failing.stop()
    expect(failing.logged).toHaveLength(2)
  })
})

describe('a restart', () => {
  it('finds everything again, and leaves out what is no object', async () => {
    const one = await startTestS3()
    const { directory } = one
    await one.client.send(new CreateBucketCommand({ Bucket }))
    const keys = ['a/b', 'a/B', 'k'.repeat(1000), 'broken', 'é']
    for (const Key of keys)
      await one.client.send(new PutObjectCommand({ Bucket, Key, Body: Key, Metadata: { m: '1' } }))
    await one.end()
    const objects = join(directory, 'buckets', Bucket, 'objects')
    await truncate(join(objects, 'broken@'), 3)
    await writeFile(join(objects, 'notes.txt'), 'by hand')
    await mkdir(join(objects, 'empty/folder'), { recursive: true })
    await writeFile(join(directory, 'temporary/17'), 'left over')
    const two = await startTestS3({ directory })
    const { Contents } = await two.client.send(new ListObjectsV2Command({ Bucket }))
    expect(Contents?.map(({ Key }) => Key)).toEqual(['a/B', 'a/b', 'k'.repeat(1000), 'é'])
    const { Body, Metadata } = await two.client.send(new GetObjectCommand({ Bucket, Key: 'k'.repeat(1000) }))
    expect([await Body!.transformToString(), Metadata]).toEqual(['k'.repeat(1000), { m: '1' }])
    expect(two.logged.map((line) => /leaves out (\S+):/.exec(line)?.[1]).sort()).toEqual([
      join(objects, 'broken@'),
      join(objects, 'notes.txt'),
    ])
    expect(await readdir(join(directory, 'temporary'))).toEqual([])
    expect(await readdir(objects)).not.toContain('empty')
    await two.client.send(new PutObjectCommand({ Bucket, Key: 'a/b', Body: 'x' }))
    await two.stop()
    const [before, after] = [one, two].map(
      ({ changes }) => changes.filter(({ key }) => key === 'a/b')[0]!.sequencer,
    )
    expect(before! < after!).toBe(true)
  })

  it('refuses a directory that another server uses, and takes over the lock of a dead one', async () => {
    const directory = await mkdtemp(join(tmpdir(), 's3-'))
    const first = await startTestS3({ directory })
    const refused = {
      code: 'DIRECTORY_IN_USE',
      message: expect.stringContaining(`${directory} (process ${process.pid})`),
    }
    await expect(startS3({ directory })).rejects.toMatchObject(refused)
    await first.end()
    expect(await readdir(directory)).not.toContain('lock')

    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const lock = (pid: number | undefined, started = '') =>
      writeFile(join(directory, 'lock'), JSON.stringify({ pid, started }))
    await lock(other.pid)
    await expect(startS3({ directory })).rejects.toMatchObject({ code: 'DIRECTORY_IN_USE' })
    const ended = new Promise((done) => other.once('exit', done))
    other.kill('SIGKILL')
    await ended
    await (await startTestS3({ directory })).end()
    for (const text of [JSON.stringify({ pid: process.pid, started: '' }), '{}', 'cut off', '']) {
      await writeFile(join(directory, 'lock'), text)
      await (await startTestS3({ directory })).end()
    }
    if (process.platform === 'linux') {
      await lock(process.ppid, 'a process of the same number, before') // a number used again is another process
      await (await startTestS3({ directory })).end()
    }
    await rm(directory, { recursive: true })
  })
})

describe('a start that cannot succeed', () => {
  it('says that the port is taken, and leaves the directory free', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((done) => taken.once('listening', done))
    const { port } = taken.address() as { port: number }
    const directory = await mkdtemp(join(tmpdir(), 's3-'))
    await expect(startS3({ directory, port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringMatching(`^S3's port ${port} is in use, .* another port with CUPEL_PORT_S3`),
    })
    taken.close()
    await (await startTestS3({ directory })).stop()
  })

  it('says that the directory cannot be used', async () => {
    const directory = await mkdtemp(join(tmpdir(), 's3-'))
    await writeFile(join(directory, 'file'), '')
    await expect(startS3({ directory: join(directory, 'file') })).rejects.toMatchObject({
      code: 'DIRECTORY_UNUSABLE',
      message: expect.stringContaining(join(directory, 'file')),
    })
    await expect(startS3({ directory: join(directory, 'file/below') })).rejects.toMatchObject({
      code: 'DIRECTORY_UNUSABLE',
    })
    await rm(directory, { recursive: true })
  })
})

describe('close', () => {
  it('lets requests under way end, ends idle connections, and can be called twice', async () => {
    const closing = await startTestS3()
    await closing.client.send(new CreateBucketCommand({ Bucket }))
    const client = makeClient(closing.endpoint)
    const put = client.send(new PutObjectCommand({ Bucket, Key: 'late', Body: 'x'.repeat(1_000_000) }))
    await vi
      .waitFor(async () => expect(await readdir(join(closing.directory, 'temporary'))).toHaveLength(1), {
        interval: 1,
      })
      .catch(
        () => {}, // already done: then it counts as well
      )
    await Promise.all([closing.server.close(), closing.server.close()])
    await put
    expect(closing.changes).toHaveLength(1)
    client.destroy()
    await closing.stop()
  })
})

describe('kill -9 at any time', () => {
  it('leaves whole objects: the old or the new, every one that was acknowledged', {
    timeout: 30_000,
  }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 's3-'))
    const program = join(directory, 'server.mjs')
    const entry = join(import.meta.dirname, '../../../localstack/s3/server.ts')
    await build({ entryPoints: [entry], outfile: program, bundle: true, platform: 'node', format: 'esm' })
    const data = join(directory, 'data')
    const script = `import { startS3 } from ${JSON.stringify(program)}
      console.log((await startS3({ directory: ${JSON.stringify(data)} })).endpoint)`
    const acknowledged = new Map<string, number>() // the last version of each key that was answered with 200
    const created = new Map<string, string>() // the winner of each conditional write that was answered with 200
    const twice: string[] = []
    let version = 0
    for (const lifetimeMs of [60, 130, 250]) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const ended = new Promise((done) => child.once('exit', done))
      const endpoint = String(await new Promise((done) => child.stdout.once('data', done))).trim()
      const client = makeClient(endpoint)
      await client.send(new CreateBucketCommand({ Bucket }))
      const timer = setTimeout(() => child.kill('SIGKILL'), lifetimeMs)
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        try {
          for (;;) {
            const mine = ++version
            const Key = `folder ${writer}/${mine % 3}`
            const Body = Buffer.alloc(1 + ((mine * 7919) % 300_000), String(mine))
            await client.send(
              new PutObjectCommand({ Bucket, Key, Body, Metadata: { version: String(mine) } }),
            )
            acknowledged.set(Key, mine)
            const once = `once/${mine % 50}`
            const attempt = new PutObjectCommand({ Bucket, Key: once, Body: `${mine}`, IfNoneMatch: '*' })
            const won = await client.send(attempt).then(
              () => true,
              (error) => {
                if (error.$metadata?.httpStatusCode !== 412) throw error
                return false
              },
            )
            if (won) {
              if (created.has(once)) twice.push(once)
              created.set(once, `${mine}`)
            }
          }
        } catch (error) {
          if (child.exitCode === null && child.signalCode === null && !child.killed) throw error
        }
      })
      await Promise.all(writers)
      await ended
      clearTimeout(timer)
      client.destroy()

      const s3 = await startTestS3({ directory: data })
      expect(s3.logged).toEqual([])
      expect(await readdir(join(data, 'temporary'))).toEqual([])
      for (const [Key, last] of acknowledged) {
        const { Body, Metadata } = await s3.client.send(new GetObjectCommand({ Bucket, Key }))
        const found = Number(Metadata?.version)
        expect(found).toBeGreaterThanOrEqual(last)
        const bytes = Buffer.from(await Body!.transformToByteArray())
        expect(bytes.equals(Buffer.alloc(1 + ((found * 7919) % 300_000), String(found)))).toBe(true)
      }
      for (const [Key, winner] of created) {
        const { Body } = await s3.client.send(new GetObjectCommand({ Bucket, Key }))
        expect(await Body!.transformToString()).toBe(winner)
        const again = new PutObjectCommand({ Bucket, Key, Body: 'late', IfNoneMatch: '*' })
        expect(await failure(s3.client.send(again))).toMatchObject({ status: 412 })
      }
      await s3.end()
    }
    expect(twice).toEqual([])
    expect(acknowledged.size).toBeGreaterThan(0)
    expect(created.size).toBeGreaterThan(0)
    expect(await readFile(join(data, 'sequence'), 'utf8')).toMatch(/^\d+$/)
    await rm(directory, { recursive: true })
  })
})
