import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'

type Account = {
  readonly region: string
  readonly accountId: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/**
 * The whole flow with ministack's S3, which tells of uploads in a queue of its SQS, as AWS does: functions run here, and
 * the layers have to reconcile. Gives what is wrong, nothing when all holds.
 */
export async function flowThroughQueue(
  root: string,
  directory: string,
  endpoint: string,
  { region, accountId, credentials }: Account,
): Promise<string | undefined> {
  const sqs = new SQSClient({ endpoint, region, credentials })
  const arn = `arn:aws:sqs:${region}:${accountId}:uploads`
  const allowed = { Effect: 'Allow', Principal: { Service: 's3.amazonaws.com' }, Resource: arn }
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ ...allowed, Action: 'sqs:SendMessage' }],
  })
  try {
    const create = new CreateQueueCommand({ QueueName: 'uploads', Attributes: { Policy } })
    const { QueueUrl } = await sqs.send(create)
    const child = spawn(process.execPath, ['operations/cli/cupel.mjs', 'start', '--transactions', '500'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        CUPEL_DIRECTORY: join(directory, 'cupel'),
        CUPEL_PORT_KAFKA: '0',
        CUPEL_PORT_POSTGRES: '0',
        CUPEL_PORT_LAMBDA: '0',
        S3_ENDPOINT: endpoint,
        S3_EVENTS_QUEUE: QueueUrl,
        S3_EVENTS_TARGET: arn,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      },
    })
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    if (code !== 0) return `cupel start ended with ${code}:\n${(stdout + stderr).slice(-2_000)}`
    const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const
    const attributes = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] })
    const { Attributes = {} } = await sqs.send(attributes)
    const left = names.reduce((sum, name) => sum + Number(Attributes[name]), 0)
    return left === 0 ? undefined : `${left} notifications were left in the queue`
  } finally {
    sqs.destroy()
  }
}
