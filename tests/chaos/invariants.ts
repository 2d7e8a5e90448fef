import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { datasets } from '#datasets/index.ts'
import type { Endpoints } from '#operations/cli/local-cloud.ts'
import { type LocalPorts, openLocalPorts } from '#operations/cli/local-ports.ts'

/** The services of the local cloud that runs in a folder, once it tells where they are; undefined before. */
export async function portsOf(directory: string): Promise<LocalPorts | undefined> {
  const text = await readFile(join(directory, 'endpoints.json'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : openLocalPorts(JSON.parse(text) as Endpoints)
}

/** Counts that only grow: what was acknowledged or committed. By name. */
export type Counts = Readonly<Record<string, number>>

/** How far each partition of Kafka, the ledger and the decisions are at this moment. */
export async function look({ kafka, warehouse }: LocalPorts): Promise<Counts> {
  const counts: Record<string, number> = {}
  for (const topic of datasets.flatMap(({ topic }) => topic ?? []))
    for (const { partition, end } of (await kafka.offsets(topic)).partitions)
      counts[`end of ${topic}-${partition}`] = end
  const [rows] = await warehouse.query<Record<string, string>>(
    `SELECT (SELECT count(*) FROM ledger) AS "ledger entries", (SELECT count(*) FROM fraud_decisions) AS "decisions",
            (SELECT count(*) FROM alerts) AS "alerts", (SELECT count(*) FROM alerts WHERE sent_at IS NOT NULL) AS "alerts sent",
            (SELECT coalesce(sum(next_offset), 0) FROM fraud_progress) AS "decided offsets"`,
  )
  for (const [name, count] of Object.entries(rows!)) counts[name] = Number(count)
  return counts
}

/** Nothing that was once acknowledged or committed is gone. */
export function expectNoLess(now: Counts, before: Counts): void {
  for (const [name, count] of Object.entries(before))
    expect(now[name] ?? 0, `${name} (seen before the kill)`).toBeGreaterThanOrEqual(count)
}

type Stretch = { readonly partition: string; readonly first: number; readonly last: number }
const known = new Map<string, Stretch>() // of objects in the lake by key and ETag: they are never written again

/** Each partition's bronze objects hold its offsets once, one object after the other, and none that Kafka has not. */
export async function expectBronzeInOrder(ports: LocalPorts): Promise<void> {
  const { lake } = ports
  const ends = new Map<string, number>() // next offset, by topic and partition
  for (const { topic, bronzeFolder } of datasets)
    for await (const { key, eTag } of lake.list(`bronze/${bronzeFolder}/`)) {
      const name = `${key} ${eTag}`
      const stretch = known.get(name) ?? (await stretchOf(lake, key))
      known.set(name, stretch)
      const partition = `${topic}-${stretch.partition}`
      expect(stretch.first, `first offset of ${key}`).toBe(ends.get(partition) ?? 0)
      ends.set(partition, stretch.last + 1)
    }
  const kafka = await look(ports)
  for (const [partition, end] of ends)
    expect(end, `end of bronze of ${partition}`).toBeLessThanOrEqual(kafka[`end of ${partition}`] ?? 0)
}

async function stretchOf(lake: LocalPorts['lake'], key: string): Promise<Stretch> {
  const { metadata } = (await lake.head(key))!
  return {
    partition: /partition=(\d+)\//.exec(key)![1]!,
    first: Number(metadata['first-offset']),
    last: Number(metadata['last-offset']),
  }
}
