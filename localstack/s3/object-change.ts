/**
 * One change of an object, as told to `onChange` after it is durable and visible. `requestId` and `id2` equal the
 * answer's `x-amz-request-id` and `x-amz-id-2`. For a removal, `size` and `eTag` are those of what was removed.
 */
export type ObjectChange = {
  readonly eventName:
    | 'ObjectCreated:Put'
    | 'ObjectCreated:Post'
    | 'ObjectCreated:Copy'
    | 'ObjectCreated:CompleteMultipartUpload'
    | 'ObjectRemoved:Delete'
  readonly bucket: string
  readonly key: string // raw, not URL-encoded
  readonly size: number // bytes
  readonly eTag: string // without quotes
  readonly versionId?: string // of a bucket with versioning, which the embedded S3 has not
  readonly sequencer: string // 16 hex digits, strictly growing, also across restarts
  readonly eventTime: string // ISO 8601 with milliseconds, UTC
  readonly requestId: string
  readonly id2: string
  readonly sourceIp: string
  readonly trace?: string // the request's X-Amzn-Trace-Id, which a function's AWS SDK sends
}
