import net from 'node:net'
import path from 'node:path'
import { takeDirectory, unusableDirectory } from '../directory-lock.ts'
import { listen, loopback } from '../listen.ts'
import type { Api, Broker } from './apis/api.ts'
import { apiVersions, findCoordinator, initProducerId, metadata } from './apis/cluster.ts'
import { fetch } from './apis/fetch.ts'
import * as groups from './apis/groups.ts'
import { listOffsets } from './apis/list-offsets.ts'
import { produce } from './apis/produce.ts'
import * as topics from './apis/topics.ts'
import { Connection } from './connection.ts'
import { Offsets } from './offsets.ts'
import { Topics } from './topics.ts'

export type BrokerOptions = {
  readonly directory: string // made when it does not exist
  readonly port?: number // 0, the default, is any free one
  readonly log?: (line: string) => void
  readonly autoCreateTopics?: boolean
  readonly defaultPartitions?: number // of topics that do not say how many they want
}

export type RunningBroker = {
  readonly port: number
  readonly bootstrapServers: string
  readonly close: () => Promise<void>
}

const NODE_ID = 1
const whose = 'Kafka broker'
/** How much of the newest data a power cut may take. A kill of the process takes none. */
const FLUSH_EVERY_MS = 2000

const served: readonly Api[] = [
  ...[produce, fetch, listOffsets, metadata, findCoordinator, initProducerId],
  ...Object.values(groups),
  ...Object.values(topics),
  apiVersions(() => served),
]

/**
 * Start a Kafka broker in this process, for one developer's machine: one node, no replicas, no transactions, no
 * authentication, no retention. Clients see what a real broker would show them for everything it serves.
 *
 * Delivery guarantees: an acknowledged record, commit or topic change outlives `kill -9` at any time, because it is
 * answered only after the operating system has it; a torn tail is cut off at the next start. The disk is waited for every two
 * seconds and in `close`, so a power cut may take the last seconds.
 *
 * Throws a `StartError`. `close` answers what was received, ends all connections and leaves everything on disk.
 */
export async function startBroker(options: BrokerOptions): Promise<RunningBroker> {
  const { directory, log = (line) => console.error(line) } = options
  const unlock = takeDirectory(directory, whose)
  try {
    const stores = openStores(directory, log)
    const server = net.createServer()
    let port = 0
    const broker: Broker = {
      ...{ nodeId: NODE_ID, host: loopback, ...stores, groups: new Map(), log },
      port: () => port,
      autoCreateTopics: options.autoCreateTopics ?? true,
      defaultPartitions: options.defaultPartitions ?? 1,
    }
    const connections = accept(server, broker)
    try {
      port = await listen(server, 'Kafka', options.port)
    } catch (error) {
      closeStores(stores)
      throw error
    }
    const flushing = setInterval(() => {
      void stores.topics.flush()
      void stores.offsets.flush()
    }, FLUSH_EVERY_MS).unref()

    const stop = async () => {
      clearInterval(flushing)
      const stopped = new Promise((resolve) => server.close(resolve))
      for (const group of broker.groups.values()) group.close()
      await Promise.all([...connections].map((connection) => connection.close()))
      await stopped
      closeStores(stores)
      unlock()
    }
    let stopping: Promise<void> | undefined
    return {
      port,
      bootstrapServers: `${loopback}:${port}`,
      close: () => {
        stopping ??= stop()
        return stopping
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}

function accept(server: net.Server, broker: Broker): Set<Connection> {
  const apis = new Map(served.map((api) => [api.key, api]))
  const connections = new Set<Connection>()
  server.on('connection', (socket) => {
    const connection = new Connection(socket, broker, apis)
    connections.add(connection)
    socket.on('close', () => connections.delete(connection))
  })
  return connections
}

function openStores(directory: string, log: (line: string) => void) {
  try {
    const topics = new Topics(directory, log)
    const offsets = new Offsets(
      path.join(directory, 'offsets.journal'),
      (topic) => topics.get(topic) !== undefined,
    )
    return { topics, offsets }
  } catch (error) {
    throw unusableDirectory(directory, whose, error)
  }
}

function closeStores({ topics, offsets }: ReturnType<typeof openStores>): void {
  offsets.close()
  topics.close()
}
