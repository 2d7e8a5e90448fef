import { Failure } from '../failure.ts'

/** Where a past event came from: some records of a partition, or an object. */
export type EventAddress =
  | {
      readonly kind: 'kafka'
      readonly topic: string
      readonly partition: number
      readonly from: number // first offset
      readonly to: number // last offset, included
    }
  | { readonly kind: 's3'; readonly bucket: string; readonly key: string }

/** Reads `<topic>-<partition>@<offset>`, `<topic>-<partition>@<first>-<last>` or `s3://<bucket>/<key>`. */
export function readAddress(text: string): EventAddress {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(text) ?? []
  if (bucket !== undefined && key !== undefined) return { kind: 's3', bucket, key }
  const [, topic, partition, from, to = from] = /^([\w.-]+)-(\d+)@(\d+)(?:-(\d+))?$/.exec(text) ?? []
  if (topic === undefined)
    throw new Failure(
      `${text} is no address: <topic>-<partition>@<first offset>-<last offset>, or s3://<bucket>/<key>`,
      2,
    )
  const address = { topic, partition: Number(partition), from: Number(from), to: Number(to) }
  if (address.to < address.from) throw new Failure(`${text}: its last offset is before its first`, 2)
  return { kind: 'kafka', ...address }
}
