import { S3Error } from './errors.ts'

/** What conditions are compared with. */
export type Version = { readonly eTag: string; readonly lastModifiedMs: number }

export type Conditions = {
  readonly ifMatch?: string
  readonly ifNoneMatch?: string
  readonly ifModifiedSince?: string
  readonly ifUnmodifiedSince?: string
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** The conditional headers of a request, or with `prefix` those on a copy's source (`x-amz-copy-source-if-match`, …). */
export function readConditions(headers: Headers, prefix = ''): Conditions {
  const header = (name: string) => headers[prefix + name]?.toString()
  return {
    ifMatch: header('if-match'),
    ifNoneMatch: header('if-none-match'),
    ifModifiedSince: header('if-modified-since'),
    ifUnmodifiedSince: header('if-unmodified-since'),
  }
}

/**
 * How a read of `version` ends under these conditions, in the order of RFC 9110, 13.2.2: an ETag condition overrides the
 * time condition beside it. Times count in whole seconds, and a malformed time is ignored.
 */
export function judgeRead(conditions: Conditions, version: Version): 'go on' | 'not modified' | 'failed' {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions
  const modified = Math.floor(version.lastModifiedMs / 1000) * 1000
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, version.eTag)) return 'failed'
  } else if (ifUnmodifiedSince !== undefined && modified > Date.parse(ifUnmodifiedSince)) return 'failed'
  if (ifNoneMatch !== undefined) {
    if (matches(ifNoneMatch, version.eTag)) return 'not modified'
  } else if (ifModifiedSince !== undefined && modified <= Date.parse(ifModifiedSince)) return 'not modified'
  return 'go on'
}

/**
 * Throws unless a write (or removal) may replace `current`, which is undefined when there is no such object.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function checkWrite(conditions: Conditions, current: Version | undefined): void {
  const { ifMatch, ifNoneMatch } = conditions
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new S3Error('NotImplemented', 'If-None-Match on a write can only be *', { Header: 'If-None-Match' })
  }
  if (ifNoneMatch !== undefined && current) throw preconditionFailed('If-None-Match')
  if (ifMatch === undefined) return
  if (!current) throw new S3Error('NoSuchKey', 'The specified key does not exist.', { Condition: 'If-Match' })
  if (!matches(ifMatch, current.eTag)) throw preconditionFailed('If-Match')
}

export const preconditionFailed = (condition: string): S3Error =>
  new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    Condition: condition,
  })

const matches = (list: string, eTag: string): boolean =>
  list
    .split(',')
    .some((item) => item.trim() === '*' || item.trim().replace(/^(?:W\/)?"(.*)"$/, '$1') === eTag)
