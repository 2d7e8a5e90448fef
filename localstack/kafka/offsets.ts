import { Journal } from './journal.ts'

export type CommittedOffset = {
  readonly offset: number
  readonly leaderEpoch: number // -1: not given
  readonly metadata: string | null
}

/** One commit of a group; several partitions are committed together or not at all. */
export type OffsetCommit = readonly (CommittedOffset & {
  readonly topic: string
  readonly partition: number
})[]

type Entry =
  | {
      readonly group: string
      readonly offsets: readonly (readonly [string, number, number, number, string | null])[]
    }
  | { readonly deletedGroup: string }
  | { readonly deletedTopic: string }

/** The committed offsets of all groups, kept in a journal: a commit that returned outlives `kill -9`. */
export class Offsets {
  readonly #groups = new Map<string, Map<string, Map<number, CommittedOffset>>>() // group → topic → partition
  readonly #journal: Journal<Entry>

  /** Offsets of topics that do not exist any more are dropped. */
  constructor(file: string, topicExists: (topic: string) => boolean) {
    let opened = false
    this.#journal = new Journal<Entry>(
      file,
      (entry) => this.#apply(entry),
      () => {
        if (!opened) for (const topic of this.#topicNames()) if (!topicExists(topic)) this.#dropTopic(topic)
        opened = true
        return this.#entries()
      },
    )
  }

  /** Groups that have committed something. */
  groupIds(): Iterable<string> {
    return this.#groups.keys()
  }

  has(group: string): boolean {
    return this.#groups.has(group)
  }

  get(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(group)?.get(topic)?.get(partition)
  }

  /** Every partition with a committed offset. */
  all(group: string): { name: string; partitionIndexes: number[] }[] {
    const topics = this.#groups.get(group) ?? new Map<string, Map<number, CommittedOffset>>()
    return [...topics].map(([name, partitions]) => ({ name, partitionIndexes: [...partitions.keys()] }))
  }

  /** Throws, and changes nothing, when the commit cannot be written. */
  commit(group: string, offsets: OffsetCommit): void {
    if (offsets.length === 0) return
    this.#change({
      group,
      offsets: offsets.map(({ topic, partition, offset, leaderEpoch, metadata }) => [
        topic,
        partition,
        offset,
        leaderEpoch,
        metadata,
      ]),
    })
  }

  deleteGroup(group: string): void {
    this.#change({ deletedGroup: group })
  }

  /** So that a topic made anew under the same name is read from where its readers want to start. */
  deleteTopic(topic: string): void {
    this.#change({ deletedTopic: topic })
  }

  flush(): Promise<void> {
    return this.#journal.flush()
  }

  close(): void {
    this.#journal.close()
  }

  #change(entry: Entry): void {
    this.#journal.append(entry)
    this.#apply(entry)
    this.#journal.compactIfLarge()
  }

  #apply(entry: Entry): void {
    if ('deletedGroup' in entry) this.#groups.delete(entry.deletedGroup)
    else if ('deletedTopic' in entry) this.#dropTopic(entry.deletedTopic)
    else {
      const topics = this.#groups.get(entry.group) ?? new Map<string, Map<number, CommittedOffset>>()
      this.#groups.set(entry.group, topics)
      for (const [topic, partition, offset, leaderEpoch, metadata] of entry.offsets) {
        const partitions = topics.get(topic) ?? new Map<number, CommittedOffset>()
        topics.set(topic, partitions.set(partition, { offset, leaderEpoch, metadata }))
      }
    }
  }

  #topicNames(): Set<string> {
    return new Set([...this.#groups.values()].flatMap((topics) => [...topics.keys()]))
  }

  #dropTopic(topic: string): void {
    for (const [group, topics] of this.#groups) {
      topics.delete(topic)
      if (topics.size === 0) this.#groups.delete(group)
    }
  }

  *#entries(): Iterable<Entry> {
    for (const [group, topics] of this.#groups) {
      const offsets = [...topics].flatMap(([topic, partitions]) =>
        [...partitions].map(
          ([p, { offset, leaderEpoch, metadata }]) => [topic, p, offset, leaderEpoch, metadata] as const,
        ),
      )
      yield { group, offsets }
    }
  }
}
