import { endOfPrefix, lowerBound } from './key-order.ts'

export type ListRequest = {
  readonly prefix: string
  readonly delimiter: string // empty: no grouping
  readonly after?: string // only what comes after this key or common prefix
  readonly afterGroup?: boolean // `after` ends a page: when it lies in a common prefix, all of that prefix is past
  readonly maxKeys: number // keys and common prefixes together
}

export type ListPage = {
  readonly keys: readonly string[]
  readonly commonPrefixes: readonly string[]
  readonly isTruncated: boolean
  readonly last?: string // the greatest key or common prefix of the page
}

/**
 * One page of a listing over keys in UTF-8 order: keys that start with `prefix`, those that hold `delimiter` after it
 * rolled up into a common prefix, which counts as one. Steps over a common prefix by binary search, so the cost follows
 * the page, not the bucket. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
export function listPage(sorted: readonly string[], request: ListRequest): ListPage {
  const { prefix, delimiter, after, maxKeys } = request
  const keys: string[] = []
  const commonPrefixes: string[] = []
  let last: string | undefined
  let at = lowerBound(sorted, prefix)
  if (after !== undefined) {
    const start = lowerBound(sorted, after)
    at = Math.max(at, sorted[start] === after ? start + 1 : start)
    const group =
      request.afterGroup && after.startsWith(prefix) ? groupOf(after, prefix, delimiter) : undefined
    if (group !== undefined) at = Math.max(at, endOfPrefix(sorted, group))
  }
  for (let key = sorted[at]; key?.startsWith(prefix) && maxKeys > 0; key = sorted[at]) {
    if (keys.length + commonPrefixes.length === maxKeys)
      return { keys, commonPrefixes, isTruncated: true, last }
    const group = groupOf(key, prefix, delimiter)
    if (group === undefined) {
      keys.push(key)
      at++
    } else {
      commonPrefixes.push(group)
      at = endOfPrefix(sorted, group)
    }
    last = group ?? key
  }
  return { keys, commonPrefixes, isTruncated: false, last }
}

function groupOf(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined
  const at = key.indexOf(delimiter, prefix.length)
  return at < 0 ? undefined : key.slice(0, at + delimiter.length)
}
