import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { messageOf } from '../errors.ts'
import { type WriteWatch, watchWrites } from '../write-watch.ts'
import { ErrorCode, Refusal } from './error-codes.ts'
import { Journal } from './journal.ts'
import { PartitionLog } from './partition-log.ts'
import { checkTopicConfigs, logSettings, type TopicConfigs } from './topic-configs.ts'

export type Topic = {
  readonly name: string
  readonly id: string // 32 hex digits, new for each creation
  readonly partitions: readonly PartitionLog[] // by partition number
  readonly configs: TopicConfigs
}

type Entry =
  | { readonly cluster: string }
  | { readonly producerIdsFrom: number }
  | {
      readonly topic: string
      readonly id: string
      readonly partitions: number
      readonly configs: TopicConfigs
    }
  | { readonly deletedTopic: string }
  | { readonly startOf: string; readonly partition: number; readonly offset: number }

type Known = { name: string; id: string; count: number; configs: TopicConfigs; starts: Map<number, number> }

/** Each partition costs a directory and an open file, so one request must not ask for millions. */
const MAX_PARTITIONS = 1000
const PRODUCER_IDS_AT_ONCE = 1000

/**
 * The topics of the broker with their logs, and the ids it gives out. Durable: every change is in the journal
 * `topics.journal` before it is answered; logs are in `topics/<name>.<id>/<partition>/`. A directory that no topic of
 * the journal owns is left from an interrupted creation or deletion and removed at start.
 */
export class Topics {
  /** Of all that the broker writes: a full disk is one line, not one a partition. */
  readonly writes: WriteWatch
  readonly #directory: string
  readonly #log: (line: string) => void
  readonly #known = new Map<string, Known>() // by id, as the journal says
  readonly #topics = new Map<string, Topic>() // by name
  readonly #journal: Journal<Entry>
  #clusterId = ''
  #nextProducerId = 0
  #reservedProducerIds = 0

  constructor(directory: string, log: (line: string) => void) {
    this.#directory = path.join(directory, 'topics')
    this.#log = log
    this.writes = watchWrites('Kafka', directory, log)
    fs.mkdirSync(this.#directory, { recursive: true })
    this.#journal = new Journal<Entry>(
      path.join(directory, 'topics.journal'),
      (entry) => this.#apply(entry),
      () => this.#entries(),
    )
    if (this.#clusterId === '') this.#change({ cluster: randomBytes(16).toString('base64url') })
    this.#nextProducerId = this.#reservedProducerIds
    this.#removeOrphans()
    for (const known of this.#known.values()) this.#topics.set(known.name, this.#open(known))
  }

  get clusterId(): string {
    return this.#clusterId
  }

  get(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  getById(id: string): Topic | undefined {
    const name = this.#known.get(id)?.name
    return name === undefined ? undefined : this.#topics.get(name)
  }

  /** All topics by name. */
  all(): readonly Topic[] {
    return [...this.#topics.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** The log of a partition. Throws UNKNOWN_TOPIC_OR_PARTITION. */
  partition(name: string, index: number): PartitionLog {
    const log = this.#topics.get(name)?.partitions[index]
    if (!log) throw new Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'there is no such topic or partition')
    return log
  }

  /** Throws a `Refusal` for what `create` would refuse. */
  checkCreation(name: string, partitions: number, configs: TopicConfigs): void {
    if (!/^[A-Za-z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..') {
      throw new Refusal(
        ErrorCode.INVALID_TOPIC,
        'a topic name has 1 to 249 letters, digits, dots, underscores and hyphens, and is not . or ..',
      )
    }
    if (this.#topics.has(name))
      throw new Refusal(ErrorCode.TOPIC_ALREADY_EXISTS, `topic ${name} exists already`)
    checkPartitionCount(partitions)
    checkTopicConfigs(configs)
  }

  create(name: string, partitions: number, configs: TopicConfigs = {}): Topic {
    this.checkCreation(name, partitions, configs)
    const known: Known = {
      name,
      id: randomBytes(16).toString('hex'),
      count: partitions,
      configs,
      starts: new Map(),
    }
    const topic = this.#storing(() => {
      const opened = this.#open(known)
      try {
        this.#change({ topic: name, id: known.id, partitions, configs })
      } catch (error) {
        for (const log of opened.partitions) log.close()
        throw error
      }
      return opened
    })
    this.#topics.set(name, topic)
    this.#warnOfIgnored(name, configs)
    return topic
  }

  delete(topic: Topic): void {
    this.#storing(() => this.#change({ deletedTopic: topic.id }))
    this.#topics.delete(topic.name)
    for (const log of topic.partitions) log.close()
    fs.rmSync(this.#topicDirectory(topic), { recursive: true, force: true })
  }

  checkPartitions(topic: Topic, count: number): void {
    checkPartitionCount(count)
    if (count > topic.partitions.length) return
    throw new Refusal(
      ErrorCode.INVALID_PARTITIONS,
      `topic ${topic.name} has ${topic.partitions.length} partitions, and the number can only grow`,
    )
  }

  /** Grow a topic to `count` partitions in all. */
  addPartitions(topic: Topic, count: number): void {
    this.checkPartitions(topic, count)
    const { name, id, configs } = topic
    const added = this.#storing(() => {
      const logs = this.#openLogs(topic, topic.partitions.length, count)
      try {
        this.#change({ topic: name, id, partitions: count, configs })
      } catch (error) {
        for (const log of logs) log.close()
        throw error
      }
      return logs
    })
    this.#topics.set(name, { ...topic, partitions: [...topic.partitions, ...added] })
  }

  /** Replace all overrides of a topic; they hold from the next append on. */
  setConfigs(topic: Topic, configs: TopicConfigs, validateOnly = false): void {
    checkTopicConfigs(configs)
    if (validateOnly) return
    const { name, id, partitions } = topic
    this.#storing(() => this.#change({ topic: name, id, partitions: partitions.length, configs }))
    this.#topics.set(name, { ...topic, configs })
    for (const log of partitions) log.settings = logSettings(configs)
    this.#warnOfIgnored(name, configs)
  }

  /** Make the records of a partition below `offset` unreadable for good. */
  deleteRecords(topic: Topic, partition: number, offset: number): void {
    this.#storing(() => this.#change({ startOf: topic.id, partition, offset }))
    topic.partitions[partition]!.deleteBefore(offset)
  }

  /** A producer id that was never given out before, restarts included. */
  nextProducerId(): number {
    if (this.#nextProducerId === this.#reservedProducerIds) {
      this.#storing(() => this.#change({ producerIdsFrom: this.#reservedProducerIds + PRODUCER_IDS_AT_ONCE }))
    }
    return this.#nextProducerId++
  }

  async flush(): Promise<void> {
    const logs = this.all().flatMap((topic) => topic.partitions)
    await Promise.all([this.#journal.flush(), ...logs.map((log) => log.flush())])
  }

  close(): void {
    for (const topic of this.#topics.values()) for (const log of topic.partitions) log.close()
    this.#journal.close()
  }

  #change(entry: Entry): void {
    this.#journal.append(entry)
    this.#apply(entry)
    this.#journal.compactIfLarge()
  }

  #apply(entry: Entry): void {
    if ('cluster' in entry) this.#clusterId = entry.cluster
    else if ('producerIdsFrom' in entry) this.#reservedProducerIds = entry.producerIdsFrom
    else if ('deletedTopic' in entry) this.#known.delete(entry.deletedTopic)
    else if ('startOf' in entry) this.#known.get(entry.startOf)?.starts.set(entry.partition, entry.offset)
    else {
      const { topic: name, id, partitions: count, configs } = entry
      this.#known.set(id, { name, id, count, configs, starts: this.#known.get(id)?.starts ?? new Map() })
    }
  }

  *#entries(): Iterable<Entry> {
    if (this.#clusterId !== '') yield { cluster: this.#clusterId }
    yield { producerIdsFrom: this.#reservedProducerIds }
    for (const { name, id, count, configs, starts } of this.#known.values()) {
      yield { topic: name, id, partitions: count, configs }
      for (const [partition, offset] of starts) yield { startOf: id, partition, offset }
    }
  }

  #open(known: Known): Topic {
    const { name, id, count, configs, starts } = known
    return { name, id, configs, partitions: this.#openLogs(known, 0, count, starts) }
  }

  /** The logs of partitions `from` (inclusive) to `to` (exclusive), or none of them. */
  #openLogs(
    topic: { name: string; id: string; configs: TopicConfigs },
    from: number,
    to: number,
    starts: ReadonlyMap<number, number> = new Map(),
  ): PartitionLog[] {
    const logs: PartitionLog[] = []
    try {
      for (let i = from; i < to; i++) {
        const directory = path.join(this.#topicDirectory(topic), String(i))
        const settings = logSettings(topic.configs)
        logs.push(new PartitionLog(directory, settings, this.#log, starts.get(i), this.writes))
      }
      return logs
    } catch (error) {
      for (const log of logs) log.close()
      throw error
    }
  }

  /** The id keeps apart what a file system that ignores case would mix, and a topic from its namesake before it. */
  #topicDirectory({ name, id }: { name: string; id: string }): string {
    return path.join(this.#directory, `${name.slice(0, 200)}.${id}`)
  }

  #removeOrphans(): void {
    for (const entry of fs.readdirSync(this.#directory)) {
      const id = /\.([0-9a-f]{32})$/.exec(entry)?.[1]
      if (id === undefined || this.#known.has(id)) continue
      fs.rmSync(path.join(this.#directory, entry), { recursive: true, force: true })
    }
  }

  #storing<T>(action: () => T): T {
    try {
      return action()
    } catch (error) {
      throw new Refusal(
        ErrorCode.KAFKA_STORAGE_ERROR,
        `cannot write to ${this.#directory}: ${messageOf(error)}`,
      )
    }
  }

  #warnOfIgnored(name: string, configs: TopicConfigs): void {
    const { ignored } = checkTopicConfigs(configs)
    if (ignored.length > 0)
      this.#log(`kafka: topic ${name}: ${ignored.join(', ')} kept, but without effect here`)
  }
}

function checkPartitionCount(count: number): void {
  if (count >= 1 && count <= MAX_PARTITIONS) return
  throw new Refusal(
    ErrorCode.INVALID_PARTITIONS,
    `a topic has 1 to ${MAX_PARTITIONS} partitions, not ${count}`,
  )
}
