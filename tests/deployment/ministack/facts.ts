import { LambdaClient, paginateListEventSourceMappings, paginateListFunctions } from '@aws-sdk/client-lambda'
import { GetBucketNotificationConfigurationCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import type { FailureDestination, KafkaMapping } from '#localstack/kafka-mapping.ts'
import type { Wiring } from '#localstack/template.ts'

/** What was deployed or would be: a line for each function, mapping, notification, schedule and bucket. Sorted. */
export type Facts = readonly string[]

/** What the local cloud makes of the template. Layers are those of `wiring.functions`, by name. */
export const factsOfWiring = (wiring: Wiring): Facts =>
  [
    ...wiring.functions.map((each) => functionFact({ ...each, variables: each.environment })),
    ...wiring.kafkaMappings.map((mapping) =>
      mappingFact({
        functionName: mapping.functionName,
        source: mapping.eventSourceArn,
        batchSize: mapping.batchSize,
        windowMs: mapping.windowMs,
        startingPosition: mapping.startingPosition,
        enabled: mapping.enabled,
        maximumRetryAttempts: mapping.maximumRetryAttempts,
        onFailure: destinationOf(mapping.onFailure),
      }),
    ),
    ...wiring.bucketNotifications.map((notification) => notificationFact(notification)),
    ...wiring.schedules.map(({ functionName, expression, enabled, input }) =>
      scheduleFact({ functionName, expression, enabled, input }),
    ),
    ...wiring.buckets.map((bucket) => `bucket ${bucket}`),
  ].sort()

/** What stands in the cloud at `endpoint`, in the words of {@link factsOfWiring}. */
export async function factsOfCloud(
  endpoint: string,
  region: string,
  credentials: Credentials,
): Promise<Facts> {
  const lambda = new LambdaClient({ endpoint, region, credentials })
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  try {
    const facts: string[] = []
    for await (const { Functions = [] } of paginateListFunctions({ client: lambda }, {}))
      for (const each of Functions) {
        facts.push(
          functionFact({
            name: each.FunctionName!,
            handler: each.Handler ?? '',
            timeoutSeconds: each.Timeout ?? 0,
            memoryMb: each.MemorySize ?? 0,
            variables: each.Environment?.Variables ?? {},
            layers: (each.Layers ?? []).map(({ Arn = '' }) => Arn.split(':')[6] ?? Arn),
          }),
        )
      }
    for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings({ client: lambda }, {}))
      for (const each of EventSourceMappings)
        facts.push(
          mappingFact({
            functionName: nameIn(each.FunctionArn),
            source: each.EventSourceArn,
            batchSize: each.BatchSize,
            windowMs: (each.MaximumBatchingWindowInSeconds ?? 0.5) * 1000,
            startingPosition: each.StartingPosition,
            enabled: each.State === 'Enabled',
            maximumRetryAttempts: each.MaximumRetryAttempts,
            onFailure: each.DestinationConfig?.OnFailure?.Destination,
          }),
        )
    const { Buckets = [] } = await s3.send(new ListBucketsCommand({}))
    for (const { Name: bucket = '' } of Buckets) {
      if (bucket.includes('serverlessdeploymentbucket')) continue // the framework's own
      facts.push(`bucket ${bucket}`)
      const configuration = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket }))
      for (const each of configuration.LambdaFunctionConfigurations ?? []) {
        const rules = each.Filter?.Key?.FilterRules ?? []
        const rule = (name: string) => rules.find(({ Name }) => Name?.toLowerCase() === name)?.Value
        facts.push(
          notificationFact({
            bucket,
            functionName: nameIn(each.LambdaFunctionArn),
            events: each.Events ?? [],
            prefix: rule('prefix'),
            suffix: rule('suffix'),
          }),
        )
      }
    }
    const events = eventBridge(endpoint, region, credentials)
    for (const rule of (await events('ListRules', {})).Rules ?? [])
      for (const target of (await events('ListTargetsByRule', { Rule: rule.Name })).Targets ?? [])
        facts.push(
          scheduleFact({
            functionName: nameIn(target.Arn),
            expression: rule.ScheduleExpression,
            enabled: rule.State === 'ENABLED',
            input: target.Input,
          }),
        )
    return facts.sort()
  } finally {
    lambda.destroy()
    s3.destroy()
  }
}

/** Lines that only one side has, with `-` what the template promises and `+` what the cloud has instead. */
export function differences(promised: Facts, found: Facts): string[] {
  const rest = [...found]
  const missing = promised.filter((fact) => {
    const index = rest.indexOf(fact)
    if (index >= 0) rest.splice(index, 1)
    return index < 0
  })
  return [...missing.map((fact) => `- ${fact}`), ...rest.map((fact) => `+ ${fact}`)]
}

type Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string }

// Reserved concurrency is not among them: ministack's CloudFormation passes over it.
function functionFact(settings: {
  readonly name: string
  readonly handler: string
  readonly timeoutSeconds: number
  readonly memoryMb: number
  readonly layers: readonly string[]
  readonly variables: Readonly<Record<string, string>>
}): string {
  const { name, handler, timeoutSeconds, memoryMb, layers, variables } = settings
  const sorted = Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1))
  return (
    `function ${name}: ${handler}, ${timeoutSeconds} s, ${memoryMb} MB, layers ${layers.join(' ') || 'none'}, ` +
    `${sorted.map(([key, value]) => `${key}=${value}`).join(' ')}`
  )
}

// Topic, consumer group and pollers are not among them: ministack keeps none of the three.
function mappingFact(mapping: {
  readonly functionName: string
  readonly source: string | undefined
  readonly batchSize: number | undefined
  readonly windowMs: number
  readonly startingPosition: string | undefined
  readonly enabled: boolean
  readonly maximumRetryAttempts: number | undefined
  readonly onFailure: string | undefined
}): string {
  const { functionName, source, batchSize, windowMs, startingPosition, enabled, onFailure } = mapping
  const retries = mapping.maximumRetryAttempts ?? -1
  return (
    `mapping ${source} → ${functionName}: batches of ${batchSize} or ${windowMs} ms from ${startingPosition}, ` +
    `${retries < 0 ? 'endless' : retries} retries, on failure ${onFailure ?? 'nothing'}${enabled ? '' : ', disabled'}`
  )
}

const notificationFact = (notification: {
  readonly bucket: string
  readonly functionName: string
  readonly events: readonly string[]
  readonly prefix?: string | undefined
  readonly suffix?: string | undefined
}): string => {
  const { bucket, functionName, events, prefix = '', suffix = '' } = notification
  return `notification ${bucket}/${prefix}*${suffix} → ${functionName}: ${events.join(' ')}`
}

const scheduleFact = (schedule: {
  readonly functionName: string
  readonly expression: string
  readonly enabled: boolean
  readonly input?: string | undefined
}): string => {
  const { functionName, expression, enabled, input } = schedule
  return `schedule ${expression} → ${functionName}: ${input ?? 'the usual event'}${enabled ? '' : ', disabled'}`
}

function destinationOf(destination: FailureDestination | undefined): KafkaMapping['eventSourceArn'] {
  switch (destination?.kind) {
    case 'bucket':
      return `arn:aws:s3:::${destination.bucket}`
    case 'topic':
      return `kafka://${destination.topic}`
    case 'queue':
      return destination.arn
    case undefined:
      return undefined
  }
}

const nameIn = (arn = ''): string => arn.split(':function:')[1] ?? arn

/** Two requests are no reason for a library. Nobody checks the signature here, but its scope names the service. */
function eventBridge(endpoint: string, region: string, { accessKeyId }: Credentials) {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '')
  const scope = `${accessKeyId}/${day}/${region}/events/aws4_request`
  // biome-ignore lint/suspicious/noExplicitAny: EventBridge's JSON, as it comes
  return async (action: string, input: object): Promise<any> => {
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `AWSEvents.${action}`,
        authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
      },
      body: JSON.stringify(input),
    })
    if (!answer.ok) throw new Error(`EventBridge ${action}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
}
