import { isIPv4 } from 'node:net'
import { S3Error } from '../errors.ts'
import { type Answer, type Call, isoTime, xmlAnswer } from './call.ts'

export async function listBuckets({ store }: Call): Promise<Answer> {
  const buckets = [...store.buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  const Bucket = buckets.map(({ name, createdMs }) => ({ Name: name, CreationDate: isoTime(createdMs) }))
  return xmlAnswer('ListAllMyBucketsResult', { Owner: { ID: 'local' }, Buckets: { Bucket } })
}

/**
 * Creating a bucket again answers 200 in us-east-1 and 409 elsewhere, as
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html says. The location in the body is not looked at.
 */
export async function createBucket({ store, bucket, region }: Call): Promise<Answer> {
  if (!isBucketName(bucket)) {
    throw new S3Error('InvalidBucketName', 'The specified bucket is not valid.', { BucketName: bucket })
  }
  if (!store.buckets.has(bucket)) await store.createBucket(bucket)
  else if (region !== 'us-east-1') {
    throw new S3Error('BucketAlreadyOwnedByYou', 'You already own a bucket of this name.', {
      BucketName: bucket,
    })
  }
  return { status: 200, headers: { location: `/${bucket}` } }
}

export async function headBucket({ store, bucket, region }: Call): Promise<Answer> {
  store.bucket(bucket)
  return { status: 200, headers: { 'x-amz-bucket-region': region, 'content-type': 'application/xml' } }
}

export async function deleteBucket({ store, bucket }: Call): Promise<Answer> {
  await store.deleteBucket(bucket)
  return { status: 204 }
}

/** us-east-1 is the empty location: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html */
export async function getBucketLocation({ store, bucket, region }: Call): Promise<Answer> {
  store.bucket(bucket)
  return xmlAnswer('LocationConstraint', region === 'us-east-1' ? '' : region)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, without the reserved prefixes. */
const isBucketName = (name: string): boolean =>
  /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !isIPv4(name)
