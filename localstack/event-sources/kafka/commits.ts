import { messageOf } from '../../errors.ts'
import type { Clock } from '../clock.ts'
import type { RecordConsumer } from './consumer.ts'
import type { Ownership } from './ownership.ts'

const retryMs = 2_000
const soonMs = 500

/**
 * The offsets of one poller on their way to the group: one commit after the other, never backwards. A commit that the
 * group refuses is survived: either another owner of the partition redelivers, or it is tried again.
 */
export class Commits {
  readonly #commit: RecordConsumer['commit']
  readonly #clock: Clock
  readonly #complain: (line: string) => void
  readonly #open = new Map<Ownership, number>()
  #last = Promise.resolve()
  #cancel: (() => void) | undefined
  #closed = false

  constructor(commit: RecordConsumer['commit'], clock: Clock, complain: (line: string) => void) {
    this.#commit = commit
    this.#clock = clock
    this.#complain = complain
  }

  /** Everything of the partition below `next` is settled; `flush` or `soon` commits it. False: that was known. */
  add(owner: Ownership, next: number): boolean {
    if (next <= (owner.settled ?? 0)) return false
    owner.settled = next
    this.#open.set(owner, next)
    return true
  }

  flush(): Promise<void> {
    this.#last = this.#last.then(() => this.#once())
    return this.#last
  }

  /** With what else comes within half a second. */
  soon(): void {
    this.#within(soonMs)
  }

  forget(isLost: (owner: Ownership) => boolean): void {
    for (const owner of this.#open.keys()) if (isLost(owner)) this.#open.delete(owner)
  }

  /** Commits what is open, once, and nothing after it. */
  async close(): Promise<void> {
    this.#closed = true
    await this.flush()
  }

  async #once(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    const commits = [...this.#open]
    if (commits.length === 0) return
    try {
      await this.#commit(new Map(commits.map(([owner, next]) => [owner.partition, next])))
      for (const [owner, next] of commits) {
        owner.committed = next
        if (this.#open.get(owner) === next) this.#open.delete(owner)
      }
    } catch (error) {
      this.#complain(messageOf(error))
      this.#within(retryMs)
    }
  }

  #within(ms: number): void {
    if (this.#closed || this.#cancel) return
    this.#cancel = this.#clock.after(ms, () => void this.flush())
  }
}
