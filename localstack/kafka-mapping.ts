import { queueFile } from './async-settings.ts'
import { type Pattern, readPattern } from './event-pattern.ts'
import { unusable } from './event-sources/kafka/filter.ts'
import { defined, type Properties, type References } from './intrinsics.ts'

/** An event source mapping from a Kafka topic to a function. */
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
  readonly pollers: number
  readonly filters: readonly Pattern[] // a record has to match one of them; none: every record does
  readonly maximumRetryAttempts?: number // after the first; undefined: infinite
  readonly maximumRecordAgeSeconds?: number // undefined: infinite
  readonly bisect: boolean
  readonly reportsItemFailures: boolean
  readonly onFailure?: FailureDestination // takes what was given up
}

export type FailureDestination =
  | { readonly kind: 'bucket'; readonly bucket: string }
  | { readonly kind: 'topic'; readonly topic: string }
  | { readonly kind: 'queue'; readonly arn: string } // of SQS, or a topic of SNS

export type MappingContext = {
  readonly functionName: string
  readonly references: References
  readonly warn: (what: string) => void
  readonly refuse: (what: string) => void
}

/** Whether an `AWS::Lambda::EventSourceMapping` reads from Kafka, and from which. */
export function kafkaKind(properties: Properties): KafkaMapping['kind'] | undefined {
  if (serversOf(properties).length > 0) return 'self-managed'
  return properties.text('EventSourceArn')?.includes(':kafka:') ? 'msk' : undefined
}

/**
 * Reads an `AWS::Lambda::EventSourceMapping` of Kafka. What AWS would not take is refused; what would be otherwise on AWS
 * without anybody noticing is a warning.
 * https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
 */
export function readKafkaMapping(
  id: string,
  kind: KafkaMapping['kind'],
  properties: Properties,
  context: MappingContext,
): KafkaMapping {
  const { functionName, references, warn, refuse } = context
  warnOfUnknown(properties, warn)
  const topics = properties.list('Topics').map((topic) => references.text(topic))
  const [topic = ''] = topics
  if (topics.length !== 1) refuse(`Topics has ${topics.length} entries and must have exactly one`)
  const numberOf = (name: string, from: number, to: number) => {
    const value = properties.number(name)
    if (value !== undefined && !(value >= from && value <= to))
      refuse(`${name} is ${value}; AWS takes ${from} to ${to}`)
    return value
  }
  const limitOf = (name: string, from: number, to: number) =>
    properties.isInfinite(name) ? undefined : numberOf(name, from, to)
  const windowSeconds = numberOf('MaximumBatchingWindowInSeconds', 0, 300)
  const mapping: KafkaMapping = {
    id: references.uuid(id),
    functionName,
    kind,
    ...(kind === 'msk'
      ? defined({ eventSourceArn: properties.text('EventSourceArn') })
      : {
          bootstrapServers: serversOf(properties)
            .map((server) => references.text(server))
            .join(','),
        }),
    topic,
    batchSize: numberOf('BatchSize', 1, 10_000) ?? 100,
    windowMs: windowSeconds === undefined ? 500 : windowSeconds * 1000,
    ...startingPosition(properties, refuse),
    consumerGroupId: consumerGroupId(kind, properties, refuse) ?? references.uuid(id),
    enabled: properties.flag('Enabled') ?? true,
    pollers: pollers(properties, refuse),
    filters: filters(properties, context),
    ...defined({
      maximumRetryAttempts: limitOf('MaximumRetryAttempts', 0, 10_000),
      maximumRecordAgeSeconds: limitOf('MaximumRecordAgeInSeconds', 60, 604_800),
      onFailure: onFailure(topic, properties, context),
    }),
    bisect: properties.flag('BisectBatchOnFunctionError') ?? false,
    reportsItemFailures: reportsItemFailures(properties, context),
  }
  if (!properties.has('ProvisionedPollerConfig')) warnOfProvisionedOnly(mapping, warn)
  return mapping
}

const serversOf = (properties: Properties): unknown[] =>
  properties.object('SelfManagedEventSource').object('Endpoints').list('KafkaBootstrapServers')

function startingPosition(
  properties: Properties,
  refuse: (what: string) => void,
): Pick<KafkaMapping, 'startingPosition' | 'startingPositionTimestamp'> {
  const position = properties.text('StartingPosition')
  const timestamp = properties.number('StartingPositionTimestamp')
  if (position === 'AT_TIMESTAMP' && timestamp === undefined)
    refuse('StartingPosition AT_TIMESTAMP needs StartingPositionTimestamp, in Unix seconds')
  if (position === 'TRIM_HORIZON' || position === 'LATEST' || position === 'AT_TIMESTAMP')
    return { startingPosition: position, ...defined({ startingPositionTimestamp: timestamp }) }
  refuse(`StartingPosition is ${position ?? 'missing'}; it is TRIM_HORIZON, LATEST or AT_TIMESTAMP`)
  return { startingPosition: 'TRIM_HORIZON' }
}

function consumerGroupId(
  kind: KafkaMapping['kind'],
  properties: Properties,
  refuse: (what: string) => void,
): string | undefined {
  const name = kind === 'msk' ? 'AmazonManagedKafkaEventSourceConfig' : 'SelfManagedKafkaEventSourceConfig'
  const config = properties.object(name)
  if (config.has('SchemaRegistryConfig'))
    refuse(`${name}.SchemaRegistryConfig is not emulated, and without it the function would see other events`)
  const groupId = config.text('ConsumerGroupId')
  if (groupId !== undefined && !/^[a-zA-Z0-9\-/*:_+=.@]{1,200}$/.test(groupId))
    refuse(`${name}.ConsumerGroupId is ${groupId}; AWS takes 1 to 200 of a-z A-Z 0-9 - / * : _ + = . @`)
  return groupId
}

/** On-demand mode starts with one; scaling with the lag is not emulated. */
function pollers(properties: Properties, refuse: (what: string) => void): number {
  const config = properties.object('ProvisionedPollerConfig')
  const [minimum = 1, maximum = 200] = [config.number('MinimumPollers'), config.number('MaximumPollers')]
  const [least, most] = [minimum >= 1 && minimum <= 200, maximum >= minimum && maximum <= 2000]
  if (!least) refuse(`ProvisionedPollerConfig.MinimumPollers is ${minimum}; AWS takes 1 to 200`)
  else if (config.has('MaximumPollers') && !most)
    refuse(`ProvisionedPollerConfig.MaximumPollers is ${maximum}; AWS takes ${minimum} to 2000`)
  return Math.min(minimum, mostPollers)
}
const mostPollers = 10 // of one event poller unit; each is a member of the group

function filters(properties: Properties, { references, refuse, warn }: MappingContext): Pattern[] {
  const texts = properties
    .object('FilterCriteria')
    .list('Filters')
    .map((filter) => references.text((filter as { Pattern?: unknown } | null)?.Pattern))
  if (texts.length > 10) refuse(`FilterCriteria has ${texts.length} filters; AWS takes 10 at most`)
  else if (texts.length > 5)
    warn(`FilterCriteria has ${texts.length} filters; AWS takes 5, and up to 10 when asked to`)
  return texts.flatMap((text) => {
    try {
      if (text.length > 4096) throw new Error(`it has ${text.length} characters; AWS takes 4096`)
      const pattern = readPattern(text)
      const problem = unusable(pattern)
      if (problem !== undefined) throw new Error(`it ${problem}`)
      return [pattern]
    } catch (error) {
      refuse(`FilterCriteria has a pattern that is none, ${text.slice(0, 100)}: ${(error as Error).message}`)
      return []
    }
  })
}

function reportsItemFailures(properties: Properties, { references, refuse }: MappingContext): boolean {
  const types = properties.list('FunctionResponseTypes').map((type) => references.text(type))
  const unknown = types.filter((type) => type !== 'ReportBatchItemFailures')
  if (unknown.length > 0)
    refuse(`FunctionResponseTypes has ${unknown.join(', ')}; there is only ReportBatchItemFailures`)
  return types.length > 0
}

/** https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html */
function onFailure(
  topic: string,
  properties: Properties,
  { warn, refuse }: MappingContext,
): FailureDestination | undefined {
  const config = properties.object('DestinationConfig')
  if (config.has('OnSuccess')) refuse('DestinationConfig.OnSuccess is not for Kafka')
  const destination = config.object('OnFailure').text('Destination')
  if (!destination) return undefined
  const [, bucket] = /^arn:aws[\w-]*:s3:::(.+)$/.exec(destination) ?? []
  if (bucket !== undefined) return { kind: 'bucket', bucket }
  const [, target] = /^kafka:\/\/(.+)$/.exec(destination) ?? []
  if (target === topic) refuse(`the on-failure destination ${destination} is the topic that is read`)
  if (target !== undefined) return { kind: 'topic', topic: target }
  if (/^arn:aws[\w-]*:(sqs|sns):/.test(destination)) {
    warn(`the on-failure destination ${destination} is a file here: ${queueFile(destination)}`)
    return { kind: 'queue', arn: destination }
  }
  refuse(
    `the on-failure destination ${destination} is none: AWS takes ARNs of S3, SQS and SNS, and kafka://topic`,
  )
  return undefined
}

/** https://docs.aws.amazon.com/lambda/latest/dg/kafka-scaling-modes.html */
function warnOfProvisionedOnly(mapping: KafkaMapping, warn: (what: string) => void): void {
  const used = [
    mapping.maximumRetryAttempts !== undefined && 'MaximumRetryAttempts',
    mapping.maximumRecordAgeSeconds !== undefined && 'MaximumRecordAgeInSeconds',
    mapping.bisect && 'BisectBatchOnFunctionError',
    mapping.reportsItemFailures && 'FunctionResponseTypes',
    mapping.onFailure?.kind === 'topic' && 'a Kafka topic as on-failure destination',
  ].filter((name) => name !== false)
  if (used.length > 0)
    warn(`on AWS this is for provisioned mode only, add ProvisionedPollerConfig: ${used.join(', ')}`)
}

function warnOfUnknown(properties: Properties, warn: (what: string) => void): void {
  for (const name of properties.keys())
    if (!known.has(name) && !properties.isInfinite(name)) warn(`${name} is not emulated`)
}

// Understood, or without an effect on what a function sees: authentication, scaling, metrics, tags.
const known = new Set(
  `FunctionName EventSourceArn SelfManagedEventSource Topics BatchSize MaximumBatchingWindowInSeconds Enabled
   StartingPosition StartingPositionTimestamp AmazonManagedKafkaEventSourceConfig SelfManagedKafkaEventSourceConfig
   FilterCriteria MaximumRetryAttempts MaximumRecordAgeInSeconds BisectBatchOnFunctionError FunctionResponseTypes
   DestinationConfig SourceAccessConfigurations ProvisionedPollerConfig MetricsConfig LoggingConfig KmsKeyArn Tags`.split(
    /\s+/,
  ),
)
