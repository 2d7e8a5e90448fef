/**
 * Keeps pollers of one mapping from working on one partition at a time: when the group moves a partition from one
 * to another, the new owner waits until the invocation of the old one has ended.
 */
export type PartitionLocks = {
  /** Waits until none of the partitions is taken, takes them all, and returns what gives them back. */
  acquire(partitions: readonly number[]): Promise<() => void>
}

export function partitionLocks(): PartitionLocks {
  const taken = new Set<number>()
  const waiting = new Set<() => void>()
  return {
    async acquire(partitions) {
      while (partitions.some((partition) => taken.has(partition))) {
        await new Promise<void>((resolve) => waiting.add(resolve))
      }
      for (const partition of partitions) taken.add(partition)
      return () => {
        for (const partition of partitions) taken.delete(partition)
        for (const resolve of waiting) resolve()
        waiting.clear()
      }
    },
  }
}
