import net from 'node:net'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectAdmin, runBroker, until } from './harness.ts'

const framed = (request: Buffer) => {
  const size = Buffer.alloc(4)
  size.writeInt32BE(request.length)
  return Buffer.concat([size, request])
}

/** Send bytes and give the one answer that comes back, or what came before the connection ended. */
function exchange(port: number, bytes: Uint8Array) {
  return new Promise<{ reply: Buffer; ended: boolean }>((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes))
    let reply: Buffer = Buffer.alloc(0)
    const done = (ended: boolean) => {
      socket.destroy()
      resolve({ reply, ended })
    }
    socket.on('data', (chunk) => {
      reply = Buffer.concat([reply, chunk])
      if (reply.length >= 4 && reply.length === reply.readInt32BE(0) + 4) done(false)
    })
    socket.on('error', () => {})
    socket.on('close', () => done(true))
  })
}

describe('versions', () => {
  it('answers a newer ApiVersions with error 35 in the form of version 0', async () => {
    const { port } = await runBroker()
    // api 18, version 4, correlation 9, client id "j", no tags; name "a", version "b", no tags
    const { reply } = await exchange(
      port,
      framed(Buffer.from('0012000400000009' + '00016a00' + '0261' + '0262' + '00', 'hex')),
    )
    expect(reply.readInt32BE(0)).toBe(reply.length - 4)
    expect(reply.readInt32BE(4)).toBe(9)
    expect(reply.readInt16BE(8)).toBe(35)
    const count = reply.readInt32BE(10)
    expect(reply.length).toBe(14 + count * 6)
    const keys = Array.from({ length: count }, (_, i) => reply.readInt16BE(14 + i * 6))
    expect(keys).toEqual(
      expect.arrayContaining([0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 22, 32, 37, 42]),
    )
  })

  it('speaks the flexible form: compact lengths, tags in the header of all but ApiVersions', async () => {
    const { port } = await runBroker()
    const versions = await exchange(
      port,
      framed(Buffer.from('0012000300000001' + 'ffff00' + '0261' + '0262' + '00', 'hex')),
    )
    expect(versions.reply.subarray(4, 10).toString('hex')).toBe('000000010000') // correlation, error: no tags between
    expect(versions.reply[10]! - 1).toBe((versions.reply.length - 4 - 4 - 2 - 1 - 4 - 1) / 7)

    // FindCoordinator 4 for group "g": key type 0, an array of one
    const { reply } = await exchange(
      port,
      framed(Buffer.from('000a000400000002' + 'ffff00' + '00' + '020267' + '00', 'hex')),
    )
    const portHex = port.toString(16).padStart(8, '0')
    const host = `0a${Buffer.from('127.0.0.1').toString('hex')}`
    expect(reply.subarray(4).toString('hex')).toBe(
      ['00000002', '00', '00000000', '02', '0267', '00000001', host, portHex, '0000', '00', '00', '00'].join(
        '',
      ),
    )
  })

  it.each([
    ['an unknown kind', '7fff000000000001ffff'],
    ['a version that is too old', '0000000000000001ffff'],
    ['a version that is too new', '0001006300000001ffff'],
  ])('ends the connection on %s with one line', async (_, hex) => {
    const { port, lines } = await runBroker()
    const { ended, reply } = await exchange(port, framed(Buffer.from(hex, 'hex')))
    expect({ ended, bytes: reply.length }).toEqual({ ended: true, bytes: 0 })
    await until(() => lines.length > 0)
    expect(lines).toEqual([expect.stringMatching(/^kafka: closed the connection of client "": .* served/)])
  })
})

describe('hostile bytes', () => {
  it('never reach further than their own connection', async () => {
    const { port, kafka } = await runBroker({ autoCreateTopics: false })
    const admin = await connectAdmin(kafka)
    const anyRequest = fc
      .tuple(
        fc.constantFrom(0, 1, 2, 3, 8, 9, 10, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 32, 33, 37, 42, 44, 60),
        fc.nat(12),
        fc.uint8Array({ maxLength: 80 }),
      )
      .map(([key, version, body]) =>
        framed(Buffer.concat([Buffer.from([0, key, 0, version, 0, 0, 0, 1, 0xff, 0xff]), body])),
      )
    const anyBytes = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes))
    await fc.assert(
      fc.asyncProperty(fc.oneof(anyRequest, anyRequest, anyBytes), async (bytes) => {
        // What is no request may also look like the beginning of a long one: end it from this side.
        await new Promise<void>((resolve) => {
          const socket = net.connect(port, '127.0.0.1', () => socket.end(bytes))
          socket.on('data', () => {})
          socket.on('error', () => {})
          socket.on('close', () => resolve())
        })
      }),
      { numRuns: 300 },
    )
    await admin.createTopics({ topics: [{ topic: 'alive' }] })
    expect(await admin.listTopics()).toContain('alive')
  })

  it.each([
    ['a negative length', 'ffffffff'],
    ['a length of gigabytes', '7fffffff'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n').toString('hex')],
    [
      'a list of two thousand million topics',
      '00000013' + '0003000100000001' + 'ffff' + '7fffffff' + '0000000000',
    ],
  ])('%s ends the connection with one line', async (_, hex) => {
    const { port, lines } = await runBroker()
    expect((await exchange(port, Buffer.from(hex, 'hex'))).ended).toBe(true)
    await until(() => lines.length > 0)
    expect(lines).toHaveLength(1)
  })

  it('arriving in pieces are one request', async () => {
    const { port } = await runBroker()
    const request = framed(Buffer.from('0012000000000005ffff', 'hex'))
    const socket = net.connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    const reply = new Promise<Buffer>((resolve) => socket.once('data', resolve))
    for (const byte of request) await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve))
    expect((await reply).readInt32BE(4)).toBe(5)
  })
})
