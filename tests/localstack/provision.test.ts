import { S3Client } from '@aws-sdk/client-s3'
import { expect, it } from 'vitest'
import { announceChanges } from '#localstack/provision.ts'
import type { BucketNotification } from '#localstack/template.ts'

const target = 'arn:minio:sqs::CUPEL:kafka'
const notifications: BucketNotification[] = [
  {
    id: 'a',
    bucket: 'lake',
    events: ['s3:ObjectCreated:*'],
    prefix: 'in/',
    suffix: '.json',
    functionName: 'f',
  },
  { id: 'b', bucket: 'lake', events: ['s3:ObjectRemoved:*'], functionName: 'g' },
  { id: 'c', bucket: 'other', events: ['s3:ObjectCreated:Put'], functionName: 'f' },
]

/** A client that keeps what would be sent. */
function recording(answer: () => unknown) {
  const sent: unknown[] = []
  const s3 = new S3Client({ region: 'us-east-1' })
  s3.send = (async ({ input }: { input: unknown }) => {
    sent.push(input)
    return answer()
  }) as never
  return { s3, sent }
}

it('puts all notifications of a bucket on it at once, with their filters', async () => {
  const { s3, sent } = recording(() => ({}))
  await announceChanges(s3, notifications, target)
  const rules = [
    { Name: 'prefix', Value: 'in/' },
    { Name: 'suffix', Value: '.json' },
  ]
  const filter = { Filter: { Key: { FilterRules: rules } } }
  expect(sent).toEqual([
    {
      Bucket: 'lake',
      NotificationConfiguration: {
        QueueConfigurations: [
          { Id: 'a', QueueArn: target, Events: ['s3:ObjectCreated:*'], ...filter },
          { Id: 'b', QueueArn: target, Events: ['s3:ObjectRemoved:*'] },
        ],
      },
    },
    {
      Bucket: 'other',
      NotificationConfiguration: {
        QueueConfigurations: [{ Id: 'c', QueueArn: target, Events: ['s3:ObjectCreated:Put'] }],
      },
    },
  ])
})

it('says which target the S3 does not know, and what to do', async () => {
  const { s3 } = recording(() => {
    throw new Error('A specified destination ARN does not exist or is not well-formed.')
  })
  await expect(announceChanges(s3, notifications, target)).rejects.toThrow(
    /bucket lake cannot announce its changes to arn:minio:sqs::CUPEL:kafka \(A specified .*S3_EVENTS_TARGET/,
  )
})
