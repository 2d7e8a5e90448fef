import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { CompressionTypes, ConfigResourceTypes } from 'kafkajs'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startBroker } from '#localstack/kafka/broker.ts'
import {
  clientOf,
  connectAdmin,
  connectProducer,
  readMessages,
  runBroker,
  runConsumer,
  temporaryDirectory,
  until,
} from './harness.ts'

describe('records', () => {
  it.each([
    ['uncompressed', CompressionTypes.None],
    ['gzip', CompressionTypes.GZIP],
  ])('keeps keys, values, headers and timestamps byte for byte, %s', async (_, compression) => {
    const { kafka } = await runBroker()
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const sent = [
      { key: everyByte, value: everyByte, headers: { hé: everyByte }, timestamp: '1545084650987' },
      { key: null, value: null, headers: {}, timestamp: '0' },
      {
        key: Buffer.alloc(0),
        value: Buffer.alloc(0),
        headers: { a: ['1', '2'] },
        timestamp: '253402300799999',
      },
    ]
    const producer = await connectProducer(kafka)
    await producer.send({ topic: 'bytes', compression, messages: sent })

    const [first, second, third] = await readMessages(kafka, 'bytes', 3)
    expect(first).toMatchObject({ key: everyByte, value: everyByte, timestamp: '1545084650987', offset: '0' })
    expect(first!.headers).toEqual({ hé: everyByte })
    expect(second).toMatchObject({ key: null, value: null, headers: {}, timestamp: '0', offset: '1' })
    expect(third).toMatchObject({ key: Buffer.alloc(0), value: Buffer.alloc(0), offset: '2' })
    expect(third!.headers).toEqual({ a: [Buffer.from('1'), Buffer.from('2')] })
  })

  it('takes a value of 10 MB and refuses one above 16 MB with MESSAGE_TOO_LARGE', async () => {
    const { kafka } = await runBroker()
    const producer = await connectProducer(kafka, { retry: { retries: 0 } })
    const value = Buffer.alloc(10_000_000, 'x')
    await producer.send({ topic: 'large', messages: [{ value }] })
    await expect(
      producer.send({ topic: 'large', messages: [{ value: Buffer.alloc(17_000_000) }] }),
    ).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE' })
    await producer.send({ topic: 'large', messages: [{ value: 'after' }] })

    const [large, after] = await readMessages(kafka, 'large', 2)
    expect(large!.value!.equals(value)).toBe(true)
    expect(after!.value!.toString()).toBe('after')
  })

  it('gives the time of the broker to records of a topic with LogAppendTime', async () => {
    const { kafka } = await runBroker()
    const admin = await connectAdmin(kafka)
    const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }]
    await admin.createTopics({ topics: [{ topic: 'appended', configEntries }] })
    const producer = await connectProducer(kafka)
    const before = Date.now()
    const [answer] = await producer.send({ topic: 'appended', messages: [{ value: 'v', timestamp: '1000' }] })

    const [message] = await readMessages(kafka, 'appended', 1)
    expect(Number(message!.timestamp)).toBeGreaterThanOrEqual(before)
    expect(answer!.logAppendTime).toBe(message!.timestamp)
  })

  it('wakes a waiting reader at once', async () => {
    const { kafka, close } = await runBroker()
    const producer = await connectProducer(kafka)
    await producer.send({ topic: 'woken', messages: [{ value: 'first' }] })
    const seen: { value: string; afterMs: number }[] = []
    let sentAt = 0
    await runConsumer(
      kafka,
      'readers',
      'woken',
      ({ message }) => void seen.push({ value: `${message.value}`, afterMs: performance.now() - sentAt }),
      { maxWaitTimeInMs: 3000 },
    )
    await until(() => seen.length === 1)
    sentAt = performance.now()
    await producer.send({ topic: 'woken', messages: [{ value: 'second' }] })
    await until(() => seen.length === 2)
    expect(seen[1]!.afterMs).toBeLessThan(1500)
    await close() // or the consumer's disconnect waits for its last fetch
  })

  it('goes on in a new segment file when one is full and reads across them', async () => {
    const { kafka, directory } = await runBroker()
    const admin = await connectAdmin(kafka)
    const configEntries = [{ name: 'segment.bytes', value: '2000' }]
    await admin.createTopics({ topics: [{ topic: 'rolled', configEntries }] })
    const producer = await connectProducer(kafka)
    const values = Array.from({ length: 30 }, (_, i) => `${i}`.padEnd(300, '.'))
    for (const value of values) await producer.send({ topic: 'rolled', messages: [{ value }] })

    const messages = await readMessages(kafka, 'rolled', 30)
    expect(messages.map(({ value }) => `${value}`)).toEqual(values)
    const files = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' })
    expect(files.filter((name) => name.endsWith('.log')).length).toBeGreaterThan(5)
  })

  it('appends the batches of an idempotent producer', async () => {
    const { kafka } = await runBroker()
    const producer = await connectProducer(kafka, { idempotent: true, maxInFlightRequests: 1 })
    for (let i = 0; i < 5; i++) await producer.send({ topic: 'idempotent', messages: [{ value: `${i}` }] })
    const messages = await readMessages(kafka, 'idempotent', 5)
    expect(messages.map(({ value }) => `${value}`)).toEqual(['0', '1', '2', '3', '4'])
  })
})

describe('a full disk', () => {
  it('refuses the batch, keeps the log whole, and goes on when there is room', async () => {
    const { kafka, lines } = await runBroker()
    const producer = await connectProducer(kafka, { retry: { retries: 0 } })
    await producer.send({ topic: 'full', messages: [{ value: 'before' }] })

    const write = fs.writeSync
    const spy = vi.spyOn(fs, 'writeSync').mockImplementation(((
      fd: number,
      bytes: Uint8Array,
      at: number,
      _: number,
      to: number,
    ) => {
      if (at === 0) return write(fd, bytes, 0, 10, to)
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    }) as typeof fs.writeSync)
    onTestFinished(() => spy.mockRestore())
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(producer.send({ topic: 'full', messages: [{ value: 'lost' }] })).rejects.toMatchObject({
        cause: { type: 'KAFKA_STORAGE_ERROR' },
      })
    }
    spy.mockRestore()

    await producer.send({ topic: 'full', messages: [{ value: 'after' }] })
    const messages = await readMessages(kafka, 'full', 2)
    expect(messages.map(({ value, offset }) => [offset, `${value}`])).toEqual([
      ['0', 'before'],
      ['1', 'after'],
    ])
    expect(lines).toEqual([expect.stringContaining('ENOSPC'), expect.stringContaining('work again')])
  })
})

describe('topics', () => {
  it('are made, listed, described, grown and deleted', async () => {
    const { kafka } = await runBroker()
    const admin = await connectAdmin(kafka)
    const topics = [
      { topic: 'a', numPartitions: 3, configEntries: [{ name: 'retention.ms', value: '1000' }] },
    ]
    expect(await admin.createTopics({ topics })).toBe(true)
    expect(await admin.createTopics({ topics })).toBe(false)
    expect(await admin.listTopics()).toEqual(['a'])
    await admin.createPartitions({ topicPartitions: [{ topic: 'a', count: 5 }] })
    const { topics: described } = await admin.fetchTopicMetadata({ topics: ['a'] })
    expect(described[0]!.partitions.map(({ partitionId, leader }) => [partitionId, leader]).sort()).toEqual(
      [0, 1, 2, 3, 4].map((id) => [id, 1]),
    )
    const configs = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [
        { type: ConfigResourceTypes.TOPIC, name: 'a', configNames: ['retention.ms', 'max.message.bytes'] },
      ],
    })
    expect(
      configs.resources[0]!.configEntries.map((c) => [c.configName, c.configValue, c.isDefault]),
    ).toEqual([
      ['max.message.bytes', '16777216', true],
      ['retention.ms', '1000', false],
    ])
    await admin.deleteTopics({ topics: ['a'] })
    expect(await admin.listTopics()).toEqual([])
  })

  it.each([
    ['a name with a slash', { topic: 'a/b' }, 'INVALID_TOPIC_EXCEPTION'],
    ['two dots', { topic: '..' }, 'INVALID_TOPIC_EXCEPTION'],
    ['no partitions', { topic: 'a', numPartitions: 0 }, 'INVALID_PARTITIONS'],
    ['a million partitions', { topic: 'a', numPartitions: 1_000_000 }, 'INVALID_PARTITIONS'],
    ['two replicas', { topic: 'a', replicationFactor: 2 }, 'INVALID_REPLICATION_FACTOR'],
    [
      'an unknown setting',
      { topic: 'a', configEntries: [{ name: 'colour', value: 'red' }] },
      'INVALID_CONFIG',
    ],
    [
      'an impossible setting',
      { topic: 'a', configEntries: [{ name: 'message.timestamp.type', value: 'Never' }] },
      'INVALID_CONFIG',
    ],
  ])('are refused with %s', async (_, topic, type) => {
    const { kafka } = await runBroker()
    const admin = await connectAdmin(kafka)
    await expect(admin.createTopics({ topics: [topic] })).rejects.toMatchObject({ errors: [{ type }] })
    expect(await admin.listTopics()).toEqual([])
  })

  it('are not made by looking when that is switched off', async () => {
    const { kafka } = await runBroker({ autoCreateTopics: false })
    const producer = await connectProducer(kafka, { retry: { retries: 0 } })
    await expect(producer.send({ topic: 'absent', messages: [{ value: 'v' }] })).rejects.toThrow()
    expect(await (await connectAdmin(kafka)).listTopics()).toEqual([])
  })

  it('forget deleted records for good', async () => {
    const { kafka, directory, close } = await runBroker()
    const producer = await connectProducer(kafka)
    for (const value of ['0', '1', '2']) await producer.send({ topic: 'cut', messages: [{ value }] })
    const admin = await connectAdmin(kafka)
    await admin.fetchTopicOffsets('cut') // kafkajs looks up leaders only for topics that it has seen
    await admin.deleteTopicRecords({ topic: 'cut', partitions: [{ partition: 0, offset: '2' }] })
    expect(await admin.fetchTopicOffsets('cut')).toMatchObject([{ low: '2', high: '3' }])
    await close()

    const again = await runBroker({ directory })
    expect(await (await connectAdmin(again.kafka)).fetchTopicOffsets('cut')).toMatchObject([
      { low: '2', high: '3' },
    ])
    const [message] = await readMessages(again.kafka, 'cut', 1)
    expect(`${message!.value}`).toBe('2')
  })
})

describe('offsets', () => {
  it('are found by time, inside of batches too', async () => {
    const { kafka } = await runBroker()
    const producer = await connectProducer(kafka)
    const messages = [100, 200, 300].map((timestamp) => ({ value: 'v', timestamp: `${timestamp}` }))
    await producer.send({ topic: 'timed', messages })
    await producer.send({
      topic: 'timed',
      compression: CompressionTypes.GZIP,
      messages: [
        { value: 'v', timestamp: '400' },
        { value: 'v', timestamp: '500' },
      ],
    })

    const admin = await connectAdmin(kafka)
    const at = async (timestamp: number) =>
      (await admin.fetchTopicOffsetsByTimestamp('timed', timestamp))[0]!.offset
    expect([await at(0), await at(100), await at(101), await at(300), await at(450), await at(501)]).toEqual(
      ['0', '0', '1', '2', '4', '5'], // beyond the last record kafkajs gives the end
    )
    expect(await admin.fetchTopicOffsets('timed')).toEqual([
      { partition: 0, offset: '5', high: '5', low: '0' },
    ])
  })

  it('that were committed outlive a restart, and a group goes on from them', async () => {
    const { kafka, directory, close } = await runBroker()
    const producer = await connectProducer(kafka)
    await producer.send({ topic: 'resumed', messages: [{ value: '0' }, { value: '1' }] })
    await readMessages(kafka, 'resumed', 2, 'group')
    await producer.disconnect()
    await close()

    const again = await runBroker({ directory })
    const admin = await connectAdmin(again.kafka)
    expect(await admin.fetchOffsets({ groupId: 'group', topics: ['resumed'] })).toMatchObject([
      { topic: 'resumed', partitions: [{ partition: 0, offset: '2' }] },
    ])
    const later = await connectProducer(again.kafka)
    await later.send({ topic: 'resumed', messages: [{ value: '2' }] })
    const [message] = await readMessages(again.kafka, 'resumed', 1, 'group')
    expect(`${message!.value}`).toBe('2')
  })

  it('are set and reset for groups without members, and go with their topic', async () => {
    const { kafka } = await runBroker()
    const producer = await connectProducer(kafka)
    await producer.send({ topic: 'set', messages: [{ value: '0' }, { value: '1' }] })
    const admin = await connectAdmin(kafka)
    const committed = async (groupId: string) =>
      (await admin.fetchOffsets({ groupId, topics: ['set'] }))[0]?.partitions[0]?.offset
    // At once, because kafkajs waits 5 s in each of them.
    await Promise.all([
      admin.setOffsets({ groupId: 'group', topic: 'set', partitions: [{ partition: 0, offset: '1' }] }),
      admin.resetOffsets({ groupId: 'other', topic: 'set', earliest: true }),
    ])
    expect(await committed('group')).toBe('1')
    expect(await committed('other')).toBe('-2') // kafkajs' word for the earliest
    await admin.deleteTopics({ topics: ['set'] })
    await admin.createTopics({ topics: [{ topic: 'set' }] })
    expect(await committed('group')).toBe('-1')
  })
})

describe('groups', () => {
  it('split the partitions among their members and take over from one that leaves', async () => {
    const { kafka } = await runBroker({ defaultPartitions: 4 })
    const admin = await connectAdmin(kafka)
    await admin.createTopics({ topics: [{ topic: 'shared', numPartitions: 4 }] })
    const seen: string[][] = [[], []]
    const members = await Promise.all(
      seen.map((list) =>
        runConsumer(
          kafka,
          'pair',
          'shared',
          ({ partition, message }) => void list.push(`${partition}:${message.value}`),
        ),
      ),
    )
    const describeGroup = async () => (await admin.describeGroups(['pair'])).groups[0]!
    await until(async () => {
      const { state, members } = await describeGroup()
      return state === 'Stable' && members.length === 2 && members.every((m) => m.memberAssignment.length > 0)
    })
    const producer = await connectProducer(kafka)
    const sendRound = (value: string) =>
      producer.send({ topic: 'shared', messages: [0, 1, 2, 3].map((partition) => ({ partition, value })) })
    await sendRound('one')
    await until(() => seen.flat().length === 4)
    expect(seen.flat().sort()).toEqual(['0:one', '1:one', '2:one', '3:one'])
    expect(seen.map((list) => list.length)).toEqual([2, 2])
    expect((await admin.listGroups()).groups).toEqual([{ groupId: 'pair', protocolType: 'consumer' }])
    await expect(admin.deleteGroups(['pair'])).rejects.toMatchObject({ groups: [{ errorCode: 68 }] })

    await members[0]!.disconnect()
    await sendRound('two')
    await until(() => seen.flat().length === 8)
    expect(seen[1]!.filter((entry) => entry.endsWith('two')).sort()).toEqual([
      '0:two',
      '1:two',
      '2:two',
      '3:two',
    ])
    await members[1]!.disconnect()
    await admin.deleteGroups(['pair'])
    expect((await admin.listGroups()).groups).toEqual([])
  })

  it('drop a member whose session ends', async () => {
    const { kafka } = await runBroker()
    const admin = await connectAdmin(kafka)
    await admin.createTopics({ topics: [{ topic: 'sessions', numPartitions: 2 }] })
    const release = { now: () => {} }
    const stuck = new Promise<void>((resolve) => {
      release.now = resolve
    })
    const producer = await connectProducer(kafka)
    await producer.send({ topic: 'sessions', messages: [{ value: 'blocks', partition: 0 }] })
    let blocked = false
    const block = () => {
      blocked = true
      return stuck // without a heartbeat until the test is over
    }
    await runConsumer(kafka, 'mortal', 'sessions', block, { sessionTimeout: 300, rebalanceTimeout: 300 })
    onTestFinished(() => release.now())
    await until(() => blocked)
    const seen: string[] = []
    await runConsumer(kafka, 'mortal', 'sessions', ({ message }) => void seen.push(`${message.value}`))
    await until(() => seen.length === 1)
    expect(seen).toEqual(['blocks'])
    expect((await admin.describeGroups(['mortal'])).groups[0]!.members).toHaveLength(1)
  })
})

describe('starting and stopping', () => {
  it('describes itself as one node at its own address, the same cluster after a restart', async () => {
    const { kafka, port, directory, close } = await runBroker()
    const admin = await connectAdmin(kafka)
    const cluster = await admin.describeCluster()
    expect(cluster).toMatchObject({ brokers: [{ nodeId: 1, host: '127.0.0.1', port }], controller: 1 })
    await admin.disconnect()
    await close()
    const again = await runBroker({ directory })
    expect((await (await connectAdmin(again.kafka)).describeCluster()).clusterId).toBe(cluster.clusterId)
  })

  it('refuses a directory that a running process has, and takes over that of a dead one', async () => {
    const { directory, close } = await runBroker()
    await expect(startBroker({ directory })).rejects.toMatchObject({
      code: 'DIRECTORY_IN_USE',
      message: expect.stringContaining(`${directory} (process ${process.pid})`),
    })
    await close()
    fs.writeFileSync(path.join(directory, 'lock'), '{"pid":4194305}') // above every process id that Linux gives
    const again = await runBroker({ directory })
    expect(again.port).toBeGreaterThan(0)
  })

  it('says that a port is in use and leaves the directory free', async () => {
    const { port } = await runBroker()
    const directory = await temporaryDirectory()
    await expect(startBroker({ directory, port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`Kafka's port ${port} is in use`),
    })
    await runBroker({ directory })
  })

  it('says that a directory cannot be used', async () => {
    const file = path.join(await temporaryDirectory(), 'file')
    fs.writeFileSync(file, '')
    await expect(startBroker({ directory: path.join(file, 'below') })).rejects.toMatchObject({
      code: 'DIRECTORY_UNUSABLE',
      message: expect.stringContaining(file),
    })
  })

  it('closes while a reader waits and another client is silent', async () => {
    const { kafka, port, close } = await runBroker()
    await runConsumer(kafka, 'waiting', 'quiet', () => {}, { maxWaitTimeInMs: 10_000 })
    const silent = net.connect(port, '127.0.0.1')
    silent.on('error', () => {})
    await new Promise((resolve) => silent.once('connect', resolve))
    const before = performance.now()
    await Promise.all([close(), close()])
    expect(performance.now() - before).toBeLessThan(3000)
    const refused = await new Promise((resolve) =>
      net.connect(port, '127.0.0.1').on('error', () => resolve(true)),
    )
    expect(refused).toBe(true)
  })

  it('closes although a client does not take its answers', async () => {
    const { kafka, port, close, lines } = await runBroker()
    const producer = await connectProducer(kafka)
    await producer.send({ topic: 'ignored', messages: [{ value: Buffer.alloc(10_000_000) }] })
    await producer.disconnect()
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => {})
    onTestFinished(() => void socket.destroy())
    // Fetch 4: no replica, no waiting, 16 MB of partition 0 of "ignored" from offset 0 on; five times.
    const request =
      '0000004a' +
      '0001000400000001ffff' +
      'ffffffff' +
      '00000000' +
      '00000000' +
      '01000000' +
      '00' +
      '00000001' +
      '000769676e6f726564' +
      '00000001' +
      '00000000' +
      '0000000000000000' +
      '01000000'
    const bytes = Buffer.from(request, 'hex')
    bytes.writeInt32BE(bytes.length - 4)
    socket.write(Buffer.concat(Array(5).fill(bytes)))
    await new Promise((resolve) => socket.once('data', resolve))
    socket.pause()
    const before = performance.now()
    await close()
    expect(performance.now() - before).toBeLessThan(3000)
    expect(lines).toEqual([])
  })

  it('serves a client again that comes back on the same port', async () => {
    const { kafka, port, directory, close } = await runBroker()
    const producer = await connectProducer(kafka)
    await producer.send({ topic: 'again', messages: [{ value: '0' }] })
    await close()
    await runBroker({ directory, port })
    await producer.send({ topic: 'again', messages: [{ value: '1' }] })
    expect(await readMessages(clientOf(`127.0.0.1:${port}`), 'again', 2)).toHaveLength(2)
  })
})
