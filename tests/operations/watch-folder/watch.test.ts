import { createHash } from 'node:crypto'
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { landedContentKey } from '@cupel/core/keys'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FoundFile, isMeant, placing } from '#operations/cli/watch-folder/scan.ts'
import { makeUploader, type Outcome } from '#operations/cli/watch-folder/upload.ts'
import { makeSettling, watchFolder } from '#operations/cli/watch-folder/watch.ts'
import { startTestS3 } from '../../localstack/s3/start-test-s3.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watch-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))
const write = (name: string, content: string | Uint8Array = name) => writeFile(join(folder, name), content)

describe('which files are meant', () => {
  it.each(['a.csv', 'sub/a.csv', 'part.csv', 'a.part.csv'])('%s', (path) => {
    expect(isMeant(path.split('/'))).toBe(true)
  })
  it.each(['.a.csv', '.sub/a.csv', 'a.csv.part', 'a.TMP', 'a.crdownload', 'a.csv~'])('not %s', (path) => {
    expect(isMeant(path.split('/'))).toBe(false)
  })

  it('the dataset is the one that was named, or what the folder is called, or the folder within it', () => {
    const names = ['users', 'merchants']
    expect(placing('/drop', names, 'users')(['merchants', 'a.csv'])).toEqual({
      dataset: 'users',
      name: 'merchants/a.csv',
    })
    expect(placing('/drop/users', names)(['2026', 'a.csv'])).toEqual({ dataset: 'users', name: '2026/a.csv' })
    expect(placing('/drop', names)(['merchants', 'b', 'a.csv'])).toEqual({
      dataset: 'merchants',
      name: 'b/a.csv',
    })
    expect(placing('/drop', names)(['a.csv'])).toBeUndefined()
    expect(placing('/drop', names)(['nobody', 'a.csv'])).toBeUndefined()
  })
})

describe('a file is complete', () => {
  const file = (size: number, mtimeMs = 0) => ({ path: 'a.csv', size, mtimeMs })
  it('when it has not changed for long enough, in size or time', () => {
    const { isDue } = makeSettling(1_000)
    const looks = [
      [0, file(1)],
      [900, file(2)],
      [1_800, file(2)],
      [1_899, file(2, 5)],
      [2_898, file(2, 5)],
      [2_899, file(2, 5)],
    ] as const
    expect(looks.map(([nowMs, state]) => isDue(state, nowMs))).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
    ])
  })
  it('once: when it is done with, not again before it changes', () => {
    const { isDue, isDone, again } = makeSettling(1_000)
    isDue(file(1), 0)
    expect(isDue(file(1), 1_000)).toBe(true)
    isDone(file(1))
    expect(isDue(file(1), 9_000)).toBe(false)
    expect([isDue(file(2), 10_000), isDue(file(2), 11_000)]).toEqual([false, true])
    again(file(2))
    expect([isDue(file(2), 12_000), isDue(file(2), 13_000)]).toEqual([false, true])
  })
})

describe('watching', () => {
  /** Watches with an uploader of the test's; what it was given, and what was said. */
  function watch(upload: (file: FoundFile) => Promise<Outcome> = async () => 'uploaded') {
    const end = new AbortController()
    const names: string[] = []
    const lines: string[] = []
    const ended = watchFolder({
      folder,
      place: (parts) => (parts[0] === 'stray' ? undefined : { dataset: 'd', name: parts.join('/') }),
      upload: async (file) => {
        names.push(file.name)
        return upload(file)
      },
      say: (line) => lines.push(line.replace(folder, '')),
      settleMs: 50,
      pollMs: 10,
      signal: end.signal,
    })
    const stop = () => {
      end.abort()
      return ended
    }
    return { names, lines, stop }
  }

  it('uploads what is there and what comes, each file once, and again when it changed', async () => {
    await write('a.csv')
    const { names, lines, stop } = watch()
    await expect.poll(() => names).toEqual(['a.csv'])
    await mkdir(join(folder, 'sub'))
    await write('sub/b.csv.part')
    await write('.hidden')
    await rename(join(folder, 'sub/b.csv.part'), join(folder, 'sub/b.csv'))
    await expect.poll(() => names).toEqual(['a.csv', 'sub/b.csv'])
    await appendFile(join(folder, 'a.csv'), 'more')
    await expect.poll(() => names).toEqual(['a.csv', 'sub/b.csv', 'a.csv'])
    expect(await stop()).toBe(3)
    expect(lines).toEqual(['/a.csv (5 B): uploaded', '/sub/b.csv (14 B): uploaded', '/a.csv (9 B): uploaded'])
  })

  it('a file that changed while it was read is read again', async () => {
    await write('a.csv')
    const outcomes: Outcome[] = ['changed', 'uploaded']
    const { names, lines, stop } = watch(async () => outcomes.shift()!)
    await expect.poll(() => names.length).toBe(2)
    expect(await stop()).toBe(1)
    expect(lines).toHaveLength(1)
  })

  it('goes on while S3 is down, says so once, and that it answers again', async () => {
    await write('a.csv')
    let calls = 0
    const { lines, stop } = watch(async () => {
      if (calls++ < 3) throw Object.assign(new Error(), { code: 'ECONNREFUSED' })
      return 'uploaded'
    })
    await expect
      .poll(() => lines)
      .toEqual([
        'S3 does not take /a.csv (ECONNREFUSED): tried again until it does',
        'S3 answers again',
        '/a.csv (5 B): uploaded',
      ])
    expect(await stop()).toBe(1)
  })

  it('names files that have no dataset, once, and outlives its folder', async () => {
    await mkdir(join(folder, 'stray'))
    await write('stray/a.csv')
    const { lines, stop } = watch()
    await expect
      .poll(() => lines)
      .toEqual(['/stray/a.csv is in no folder that is called as a dataset is: it stays here'])
    await rm(folder, { recursive: true })
    await expect.poll(() => lines.at(-1)).toBe(' cannot be read (ENOENT)')
    await mkdir(folder)
    await write('b.csv')
    await expect.poll(() => lines.at(-1)).toBe('/b.csv (5 B): uploaded')
    await stop()
  })
})

describe('uploading', () => {
  let s3: Awaited<ReturnType<typeof startTestS3>>
  const never = new AbortController().signal
  const partBytes = 5 * 1024 * 1024 // the least that S3 takes
  beforeAll(async () => {
    s3 = await startTestS3()
    await s3.client.send(new CreateBucketCommand({ Bucket: 'lake' }))
  })
  afterAll(() => s3.stop())
  const uploader = () => makeUploader(s3.client, 'lake', partBytes)
  const file = async (name: string, content: Uint8Array): Promise<FoundFile> => {
    await write(name, content)
    return { path: join(folder, name), dataset: 'd', name, size: content.byteLength, mtimeMs: 0 }
  }
  const stored = async (name: string) => {
    const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: 'lake', Key: `landing/d/${name}` }))
    return Body!.transformToByteArray()
  }
  const hash = (content: Uint8Array) => createHash('sha256').update(content).digest('hex')

  it('puts a file under landing/, once, whatever it is called and however often it is started', async () => {
    const upload = uploader()
    const content = Buffer.from('one')
    expect(await upload(await file('one 1.csv', content), never)).toBe('uploaded')
    expect(Buffer.from(await stored('one 1.csv'))).toEqual(content)
    expect(await upload(await file('renamed.csv', content), never)).toBe('known')
    const restarted = uploader()
    expect(await restarted(await file('one 1.csv', content), never)).toBe('known')
    await s3.client.send(
      new PutObjectCommand({ Bucket: 'lake', Key: landedContentKey('d', hash(content)), Body: '{}' }),
    )
    expect(await restarted(await file('renamed.csv', content), never)).toBe('known')
    expect(await restarted(await file('one 1.csv', Buffer.from('changed')), never)).toBe('uploaded')
  })

  it('puts a large file in parts, and nothing of one that changes meanwhile or is interrupted', async () => {
    const content = Buffer.alloc(partBytes + 7, 'Köln, ')
    const found = await file('large.csv', content)
    expect(await uploader()(found, never)).toBe('uploaded')
    expect(hash(await stored('large.csv'))).toBe(hash(content))

    const sent: string[] = []
    const send = s3.client.send.bind(s3.client)
    const during = (name: string, act: () => Promise<void> | void) => {
      s3.client.send = (async (command: { constructor: { name: string } }, ...more: never[]) => {
        sent.push(command.constructor.name)
        if (command.constructor.name === name) await act()
        return send(command as never, ...more)
      }) as never
    }
    try {
      const another = await file('another.csv', Buffer.from(content).fill('x'))
      during('CreateMultipartUploadCommand', () => write('another.csv', Buffer.alloc(another.size)))
      expect(await uploader()(another, never)).toBe('changed')
      const interrupted = new AbortController()
      during('UploadPartCommand', () => interrupted.abort())
      await expect(uploader()(another, interrupted.signal)).rejects.toThrow('aborted')
    } finally {
      s3.client.send = send
    }
    await expect(stored('another.csv')).rejects.toThrow()
    expect(sent.filter((name) => name === 'AbortMultipartUploadCommand')).toHaveLength(2)
    expect((await send(new ListObjectsV2Command({ Bucket: 'lake', Prefix: 'landing/d/l' }))).KeyCount).toBe(1)
  })
})
