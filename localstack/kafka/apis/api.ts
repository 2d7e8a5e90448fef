import type { Group } from '../group.ts'
import type { Offsets } from '../offsets.ts'
import type { Topics } from '../topics.ts'
import { array, type Fields, Reader, skipTags, string, struct, type Type, Writer } from '../wire.ts'

/** What the requests of all connections work on. */
export type Broker = {
  readonly nodeId: number
  readonly host: string
  readonly port: () => number // known once the broker listens
  readonly topics: Topics
  readonly offsets: Offsets
  readonly groups: Map<string, Group> // groups with members, or that had some since the start
  readonly autoCreateTopics: boolean
  readonly defaultPartitions: number
  readonly log: (line: string) => void
}

/** One request and who asks. */
export type Call = {
  readonly broker: Broker
  readonly version: number
  readonly clientId: string
  readonly clientHost: string
  readonly signal: AbortSignal // aborted when the connection or the broker closes: stop waiting
}

/** One kind of request: which versions are served, and how. */
export type Api = {
  readonly key: number
  readonly name: string
  readonly versions: readonly [first: number, last: number] // inclusive
  readonly flexibleSince: number
  readonly answer: (request: Buffer, at: number, call: Call) => Promise<Writer | undefined>
}

/**
 * A request kind from its two schemas and its handler. A handler that gives undefined sends no answer; whatever it
 * throws closes the connection, so what a client can cause is answered with an error code instead.
 */
export function api<In, Out>(definition: {
  readonly key: number
  readonly name: string
  readonly versions: readonly [first: number, last: number]
  readonly flexibleSince?: number // from this version on, lengths are compact and structures end in tags
  readonly request: Pick<Type<In>, 'read'>
  readonly response: Pick<Type<unknown, Out>, 'write'>
  readonly handle: (request: In, call: Call) => Out | undefined | Promise<Out | undefined>
}): Api {
  const { key, name, versions, request, response, handle } = definition
  const flexibleSince = definition.flexibleSince ?? Number.POSITIVE_INFINITY
  return {
    key,
    name,
    versions,
    flexibleSince,
    answer: async (bytes, at, call) => {
      const flexible = call.version >= flexibleSince
      const from = new Reader(bytes)
      from.position = at
      from.version = call.version
      from.flexible = flexible
      if (flexible) skipTags(from) // request header v2
      const answer = await handle(request.read(from), call)
      if (answer === undefined) return undefined
      const to = new Writer()
      to.version = call.version
      to.flexible = flexible
      // Response header v1 ends in tags; that of ApiVersions never does, because its reader does not know us yet.
      if (flexible && key !== API_VERSIONS_KEY) to.raw(NO_TAGS)
      response.write(to, answer)
      return to
    },
  }
}

export const API_VERSIONS_KEY = 18
const NO_TAGS = Buffer.from([0])

/** Partitions under their topics, as most messages carry them. */
export const byTopic = <F extends Fields>(partition: F) =>
  array(struct({ name: string, partitions: array(struct(partition)) }))

/** An answer for each partition, in the order and nesting of the request. */
export const mapPartitions = <In, Out>(
  topics: readonly { readonly name: string; readonly partitions: readonly In[] }[],
  answer: (partition: In & { readonly topic: string }) => Out,
) =>
  topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partition) => answer({ ...partition, topic: name })),
  }))
