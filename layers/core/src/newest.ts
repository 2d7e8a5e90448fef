import type { Scalar } from './kinds/kind.ts'

/** Where a record stands in the order of events: by its ordering field, then by how Kafka received it. */
export type EventOrder = {
  readonly order: Scalar // value of the dataset's `orderBy` field
  readonly timestampMs: number
  readonly partition: number
  readonly offset: number
}

/**
 * Newest wins: greater than 0 when `a` is newer than `b`. The same order decides in silver's duplicate removal and in
 * gold's upsert, in SQL (`newestColumns` in silver-sql.ts). Instants and days are canonical text, which sorts as time does.
 */
export function compareNewest(a: EventOrder, b: EventOrder): number {
  if (a.order !== b.order) return a.order < b.order ? -1 : 1
  return a.timestampMs - b.timestampMs || a.partition - b.partition || a.offset - b.offset
}
