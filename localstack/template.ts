/** What a compiled CloudFormation template says a deployment would wire together. */
export type Wiring = {
  readonly functions: readonly FunctionSettings[]
  readonly kafkaMappings: readonly KafkaMapping[]
  readonly bucketNotifications: readonly BucketNotification[]
  readonly schedules: readonly Schedule[]
  readonly buckets: readonly string[]
  readonly warnings: readonly string[] // what the template asks for and the local cloud does not do, by logical id
}

export type FunctionSettings = {
  readonly name: string // deployed name
  readonly key: string // name in serverless.yml
  readonly handler: string // path without extension, dot, export: `.build/functions/x/handler.handler`
  readonly timeoutSeconds: number
  readonly memoryMb: number
  readonly environment: Readonly<Record<string, string>>
  readonly layers: readonly string[] // layer directories on disk, in the order AWS unpacks them to /opt
  readonly reservedConcurrency?: number
  readonly maximumRetryAttempts?: number // of asynchronous invocations, 0 to 2
}

export type KafkaMapping = {
  readonly id: string // like a UUID, derived from the logical id: the same at every start
  readonly functionName: string
  readonly kind: 'msk' | 'self-managed'
  readonly eventSourceArn?: string // MSK only
  readonly bootstrapServers?: string // self-managed only, as the template says; comma-separated
  readonly topic: string
  readonly batchSize: number // 1 to 10,000
  readonly windowMs: number // 0 to 300,000
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST' | 'AT_TIMESTAMP'
  readonly startingPositionTimestamp?: number // Unix seconds
  readonly consumerGroupId: string
  readonly enabled: boolean
}

export type BucketNotification = {
  readonly id: string
  readonly bucket: string
  readonly events: readonly string[] // `s3:ObjectCreated:*`, as the template writes them
  readonly prefix?: string
  readonly suffix?: string
  readonly functionName: string
}

export type Schedule = {
  readonly ruleName: string
  readonly ruleArn: string
  readonly expression: string // `rate(5 minutes)` or `cron(…)`
  readonly functionName: string
  readonly input?: string // JSON text that replaces the event
  readonly enabled: boolean
}
