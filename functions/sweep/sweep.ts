import type { Dataset } from '@cupel/core/dataset'
import { inGroups } from '@cupel/core/groups'
import { landedObjectKey, landedObjectPrefix, landingPrefix, parseLandingKey } from '@cupel/core/keys'
import { type ObjectCreatedEvent, objectCreatedEvent } from '@cupel/core/s3-event'
import type { ListedObject, ObjectStore } from '@cupel/io/object-store'
import type { Postgres } from '@cupel/io/postgres'
import { withoutSilver } from './plan.ts'

export type SweepPorts = {
  readonly bucket: string
  readonly lake: Pick<ObjectStore, 'list'>
  readonly warehouse: Pick<Postgres, 'query'>
  readonly datasets: readonly Dataset[]
  readonly sendToLandFile: (event: ObjectCreatedEvent) => Promise<void>
  readonly sendToRefine: (event: ObjectCreatedEvent) => Promise<void>
  readonly sendToLoad: (event: ObjectCreatedEvent) => Promise<void>
  readonly sendToDetectFraud: (event: { readonly records: object }) => Promise<void>
  readonly now: () => number // epoch ms
  readonly graceMs: number // an object younger than this may still be on its way
}
export type SweepResult = {
  readonly filesNotLanded: number
  readonly bronzeWithoutSilver: number
  readonly silverWithoutGold: number
  readonly alertsNotSent: number
}

const eventObjects = 20 // a function's timeout must do for this many
const ledgerPage = 1_000
const clockSkewMs = 60_000 // between Lambda's clock and S3's

/**
 * Find what no event announced, or whose retries ended: files under landing/ without a mark that they landed, bronze objects
 * without a silver one, and silver objects that the ledger does not know, and send them on; and alerts that a crash kept from being sent. Everything downstream is
 * idempotent, so sending twice does no harm.
 *
 * An event may say `{"graceMs": 0}` to look at objects of any age, as at start; then transactions that gold holds undecided
 * are decided too.
 */
export const makeSweep =
  ({
    bucket,
    lake,
    warehouse,
    datasets,
    sendToLandFile,
    sendToRefine,
    sendToLoad,
    sendToDetectFraud,
    now,
    graceMs: usualGraceMs,
  }: SweepPorts) =>
  async (event: unknown): Promise<SweepResult> => {
    const asked = (event as { graceMs?: unknown } | null)?.graceMs
    const graceMs = typeof asked === 'number' ? asked : usualGraceMs
    const nowMs = now()
    const until = nowMs - graceMs
    // From the future: a clock was set back since. Its age is unknown, and to wait for its time could take years.
    const isDue = ({ modifiedMs }: ListedObject): boolean =>
      modifiedMs <= until || modifiedMs > nowMs + clockSkewMs

    let filesNotLanded = 0
    let bronzeWithoutSilver = 0
    let silverWithoutGold = 0
    for (const dataset of datasets) {
      for await (const file of filter(notLanded(dataset), isDue)) {
        await sendToLandFile(objectCreatedEvent(bucket, [file])) // one may take all the time that the function has
        filesNotLanded += 1
      }
      const bronze = lake.list(`bronze/${dataset.bronzeFolder}/`)
      const silver = lake.list(`silver/${dataset.silverFolder}/`)
      const unrefined = withoutSilver(bronze, silver, dataset.silverFolder)
      for await (const objects of inGroups(filter(unrefined, isDue), eventObjects)) {
        await sendToRefine(objectCreatedEvent(bucket, objects))
        bronzeWithoutSilver += objects.length
      }
      for await (const objects of inGroups(notInLedger(dataset), eventObjects)) {
        await sendToLoad(objectCreatedEvent(bucket, objects))
        silverWithoutGold += objects.length
      }
    }
    const [alerts] = await warehouse.query<{ count: string }>(
      'SELECT count(*) FROM alerts WHERE sent_at IS NULL AND created_at <= $1',
      [new Date(until)],
    )
    const alertsNotSent = Number(alerts?.count)
    // Any batch sends alerts that wait; an empty one also decides what gold holds undecided, which is a look at all of it.
    if (alertsNotSent > 0 || graceMs === 0) await sendToDetectFraud({ records: {} })
    return { filesNotLanded, bronzeWithoutSilver, silverWithoutGold, alertsNotSent }

    async function* notLanded({ name, landing }: Dataset): AsyncGenerator<ListedObject> {
      if (!landing) return
      const marks = new Set<string>()
      for await (const { key } of lake.list(landedObjectPrefix(name))) marks.add(key)
      for await (const file of lake.list(landingPrefix(name)))
        if (parseLandingKey(file.key) && !marks.has(landedObjectKey(name, file))) yield file
    }

    async function* notInLedger({ silverFolder }: Dataset): AsyncGenerator<ListedObject> {
      const silver = filter(lake.list(`silver/${silverFolder}/`), isDue)
      for await (const page of inGroups(silver, ledgerPage)) {
        const entries = await warehouse.query<{ object_key: string; e_tag: string }>(
          'SELECT object_key, e_tag FROM ledger WHERE object_key = ANY($1)',
          [page.map(({ key }) => key)],
        )
        const loaded = new Set(entries.map(({ object_key, e_tag }) => `${object_key} ${e_tag}`))
        yield* page.filter(({ key, eTag }) => !loaded.has(`${key} ${eTag}`))
      }
    }
  }

async function* filter<T>(items: AsyncIterable<T>, keep: (item: T) => boolean): AsyncGenerator<T> {
  for await (const item of items) if (keep(item)) yield item
}
