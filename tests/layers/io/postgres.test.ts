import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { openPostgres, type Postgres } from '@cupel/io/postgres'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'

// PostgreSQL behind a door that a test closes, opens, and cuts.
describe('openPostgres', () => {
  let door: Server
  let warehouse: Postgres
  const sockets = new Set<Socket>()
  const real = new URL(inject('postgresUrl'))

  beforeEach(async () => {
    door = createServer((client) => {
      const server = connect(Number(real.port), real.hostname)
      for (const socket of [client, server]) sockets.add(socket.on('error', () => {}))
      client.pipe(server).pipe(client)
    })
    door.listen(0, '127.0.0.1')
    await once(door, 'listening')
    const port = String((door.address() as AddressInfo).port)
    warehouse = openPostgres(Object.assign(new URL(real), { port }).href)
  })
  afterEach(async () => {
    await warehouse.end()
    cut()
    door.close()
  })
  const cut = () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  /** Refuse connections for a moment, as a server that is started again does. */
  const closeFor = async (ms: number) => {
    const { port } = door.address() as AddressInfo
    await new Promise((resolve) => door.close(resolve))
    setTimeout(() => door.listen(port, '127.0.0.1'), ms)
  }

  it('waits for a server that is started again', async () => {
    await closeFor(300)
    expect(await warehouse.query('SELECT 1 AS n')).toEqual([{ n: 1 }])
    cut() // the idle connection
    await closeFor(300)
    expect(await warehouse.transaction(async (client) => (await client.query('SELECT 2 AS n')).rows)).toEqual(
      [{ n: 2 }],
    )
  })

  it('runs a transaction again whose connection is cut, and a single statement not', async () => {
    let runs = 0
    const result = await warehouse.transaction(async (client) => {
      if (++runs === 1) setTimeout(cut, 20)
      await client.query('SELECT pg_sleep($1)', [runs === 1 ? 5 : 0])
      return 'done'
    })
    expect([result, runs]).toEqual(['done', 2])
    setTimeout(cut, 20)
    await expect(warehouse.query('SELECT pg_sleep(5)')).rejects.toThrow()
    expect(await warehouse.query('SELECT 3 AS n')).toEqual([{ n: 3 }])
  })

  it('throws what will not pass at once', async () => {
    let runs = 0
    const failing = warehouse.transaction(async (client) => {
      runs++
      await client.query('SELECT 1 / 0')
    })
    await expect(failing).rejects.toMatchObject({ code: '22012' })
    expect(runs).toBe(1)
    await expect(warehouse.query('SELEC')).rejects.toMatchObject({ code: '42601' })
  })
})
