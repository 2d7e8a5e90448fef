import type { Waiting } from './batching.ts'
import type { SourceRecord } from './event.ts'

/** One stretch of owning a partition. A new object after every loss, so that records of an earlier stretch show. */
export type Ownership = {
  readonly partition: number
  first?: number // first offset that was offered
  taken?: number // next offset after the records that went into a batch
  settled?: number // next offset that nothing holds back any more
  committed?: number // next offset, as the group has it from us
  highWatermark: number
  again?: { readonly from: number; readonly below: number } // fetched again after a rebalance, but taken already
  last?: Entry // the newest record that was taken in
}

/** A record on its way to the function. */
export type Entry = Waiting & {
  readonly owner: Ownership
  readonly offset: number
  readonly record: SourceRecord
  next: number // what to commit when it is settled: after itself, and after those behind it that filters left out
}

export const partitionsOf = (entries: readonly Entry[]): number[] => [
  ...new Set(entries.map(({ partition }) => partition)),
]

/** `orders-0 offsets 15 to 20, orders-2 offset 4`: gaps inside are normal. */
export function addresses(entries: readonly Entry[], topic: string): string {
  return partitionsOf(entries)
    .map((partition) => {
      const offsets = entries.filter((entry) => entry.partition === partition)
      const [first, last] = [offsets[0]?.offset, offsets.at(-1)?.offset]
      return `${topic}-${partition} offset${first === last ? ` ${first}` : `s ${first} to ${last}`}`
    })
    .join(', ')
}
