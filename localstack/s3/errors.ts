// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
const statuses = {
  AccessDenied: 403,
  BadDigest: 400,
  BucketNotEmpty: 409,
  BucketAlreadyOwnedByYou: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  IncompleteBody: 400,
  InsufficientStorage: 500,
  InternalError: 500,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidDigest: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedTrailerError: 400,
  MalformedXML: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
  XAmzContentSHA256Mismatch: 400,
} as const

export type S3ErrorCode = keyof typeof statuses

/** A request that S3 answers with an error document. `details` become elements of it (`BucketName`, `Condition`, …). */
export class S3Error extends Error {
  readonly code: S3ErrorCode
  readonly status: number
  readonly details: Readonly<Record<string, string | number>>

  constructor(code: S3ErrorCode, message: string, details: Readonly<Record<string, string | number>> = {}) {
    super(message)
    this.name = 'S3Error'
    this.code = code
    this.status = statuses[code]
    this.details = details
  }
}

export const noSuchBucket = (bucket: string): S3Error =>
  new S3Error('NoSuchBucket', 'The specified bucket does not exist', { BucketName: bucket })

export const noSuchKey = (key: string): S3Error =>
  new S3Error('NoSuchKey', 'The specified key does not exist.', { Key: key })
