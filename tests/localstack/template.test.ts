// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Fn::Sub has placeholders of its own
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readPattern } from '#localstack/event-pattern.ts'
import { readTemplate, type Template, type TemplateContext } from '#localstack/template.ts'

const context: TemplateContext = {
  stackName: 'orders-dev',
  region: 'eu-central-1',
  accountId: '123456789012',
  functionKeys: { 'orders-dev-ingest': 'ingest', 'orders-dev-load': 'load' },
  layerDirectories: { CommonLambdaLayer: '/project/layers/common' },
}
const orders = JSON.parse(
  readFileSync(new URL('fixtures/orders/template.json', import.meta.url), 'utf8'),
) as Template
const cluster = 'arn:aws:kafka:eu-central-1:123456789012:cluster/demo/751d2973-a626-431c-9d4e-d7975eb44dd7-2'
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The real template with one resource changed or added. */
function withResource(id: string, change: object, type?: string): Template {
  const existing = orders.Resources?.[id] ?? { Type: type ?? '', Properties: {} }
  const resource = { ...existing, Properties: { ...existing.Properties, ...change } }
  return { Resources: { ...orders.Resources, [id]: resource } }
}
const read = (template: Template = orders) => readTemplate(template, context)
const clicks = 'IngestEventSourceMappingMSKDemoClicks'

describe('functions of a compiled template', () => {
  it('come with settings, environment, layers and retries', () => {
    expect(read().functions).toEqual([
      {
        name: 'orders-dev-ingest',
        key: 'ingest',
        handler: '.build/functions/ingest/handler.handler',
        timeoutSeconds: 60,
        memoryMb: 512,
        environment: {
          BUCKET: 'orders-lake-dev',
          SHARED: 'shared',
          QUEUE: 'orders-lake',
          ACCOUNT: '123456789012-eu-central-1',
        },
        layers: ['/project/layers/common'],
        reservedConcurrency: 2,
      },
      {
        name: 'orders-dev-load',
        key: 'load',
        handler: '.build/functions/load/handler.handler',
        timeoutSeconds: 6,
        memoryMb: 1024,
        environment: { BUCKET: 'orders-lake-dev', SHARED: 'shared' },
        layers: ['/project/layers/common'],
        maximumRetryAttempts: 1,
      },
    ])
  })

  it('69. come with what becomes of asynchronous events that they fail on', () => {
    const config = (change: object) =>
      withResource(
        'LoadLambdaEvConf',
        { FunctionName: 'orders-dev-load', ...change },
        'AWS::Lambda::EventInvokeConfig',
      )
    const settingsOf = (template: Template) => read(template).functions.find(({ key }) => key === 'load')
    const to = (Destination: unknown) => ({ DestinationConfig: { OnFailure: { Destination } } })
    const arn = 'arn:aws:sqs:eu-central-1:123456789012:failed-loads'
    const function_ = 'arn:aws:lambda:eu-central-1:123456789012:function:orders-dev-ingest'
    expect(
      settingsOf(config({ MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0, ...to(arn) })),
    ).toMatchObject({
      maximumEventAgeSeconds: 60,
      maximumRetryAttempts: 0,
      onFailure: { kind: 'queue', arn },
    })
    expect(read(config(to(arn))).warnings.join()).toContain(
      'is a file here: destinations/failed-loads.ndjson',
    )
    expect(settingsOf(config(to('arn:aws:s3:::failures')))?.onFailure).toEqual({
      kind: 'bucket',
      bucket: 'failures',
    })
    expect(settingsOf(config(to(function_)))?.onFailure).toEqual({
      kind: 'function',
      functionName: 'orders-dev-ingest',
    })
    for (const [change, why] of [
      [to('kafka://failed'), 'is none: AWS takes ARNs'],
      [{ MaximumRetryAttempts: 3 }, 'MaximumRetryAttempts is 3; AWS takes 0 to 2'],
      [{ MaximumEventAgeInSeconds: 59 }, 'MaximumEventAgeInSeconds is 59; AWS takes 60 to 21600'],
    ] as const)
      expect(() => read(config(change))).toThrow(why)
    expect(
      read(config({ DestinationConfig: { OnSuccess: { Destination: arn } } })).warnings.join(),
    ).toContain('OnSuccess is not emulated')
    const deadLetter = withResource('LoadLambdaFunction', {
      DeadLetterConfig: { TargetArn: arn },
      RecursiveLoop: 'Allow',
    })
    expect(settingsOf(deadLetter)).toMatchObject({ deadLetterArn: arn, mayStartItself: true })
  })

  it('warn of a layer that is not in the project', () => {
    const arn = 'arn:aws:lambda:eu-central-1:1:layer:x:1'
    const { functions, warnings } = read(withResource('LoadLambdaFunction', { Layers: [arn] }))
    expect(functions[1]?.layers).toEqual([])
    expect(warnings).toContain(
      `LoadLambdaFunction: uses the layer ${arn}, which has no directory in this project`,
    )
  })

  it('leave out what has no code here', () => {
    const { functions, warnings } = read(
      withResource('Foreign', { FunctionName: 'other', Handler: 'x.y' }, 'AWS::Lambda::Function'),
    )
    expect(functions).toHaveLength(2)
    expect(warnings).toEqual(['Foreign: has no code in this project and is not run'])
  })
})

describe('Kafka mappings', () => {
  it('keep window 0 apart from a missing window, and default to AWS’s batch size', () => {
    const [selfManaged, profiles, clicks] = read().kafkaMappings
    expect(profiles).toEqual({
      id: expect.stringMatching(uuid),
      functionName: 'orders-dev-ingest',
      kind: 'msk',
      eventSourceArn: cluster,
      topic: 'user_profiles',
      batchSize: 500,
      windowMs: 1000,
      startingPosition: 'TRIM_HORIZON',
      consumerGroupId: 'orders-ingest-profiles',
      enabled: true,
      pollers: 1,
      filters: [],
      bisect: false,
      reportsItemFailures: false,
    })
    expect(clicks).toMatchObject({ topic: 'clicks', windowMs: 0, batchSize: 100, startingPosition: 'LATEST' })
    expect(selfManaged).toMatchObject({
      kind: 'self-managed',
      bootstrapServers: 'b-1.example:9092,b-2.example:9092',
      topic: 'orders',
      windowMs: 500,
      startingPosition: 'AT_TIMESTAMP',
      startingPositionTimestamp: 1_700_000_000,
      enabled: false,
    })
    expect(selfManaged).not.toHaveProperty('eventSourceArn')
  })

  it('57. start at TRIM_HORIZON where the msk event names no position', () => {
    const source = readFileSync(new URL('fixtures/orders/serverless.yml', import.meta.url), 'utf8')
    expect(source.match(/msk: .*topic: user_profiles.*/)?.[0]).not.toContain('startingPosition')
    expect(read().kafkaMappings[1]).toMatchObject({
      topic: 'user_profiles',
      startingPosition: 'TRIM_HORIZON',
    })
  })

  it('25. have a group of their own that is the same at every start: the mapping’s id', () => {
    const clicksMapping = () => read().kafkaMappings.find(({ topic }) => topic === 'clicks')
    expect(clicksMapping()?.consumerGroupId).toMatch(uuid)
    expect(clicksMapping()?.consumerGroupId).toBe(clicksMapping()?.id)
  })

  it('carry what extensions add: retries, record age, bisecting, reported failures, filters, a destination', () => {
    const change = {
      MaximumRetryAttempts: 0,
      MaximumRecordAgeInSeconds: 60,
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      FilterCriteria: { Filters: [{ Pattern: '{"value":{"kind":["a"]}}' }] },
      DestinationConfig: { OnFailure: { Destination: 'kafka://failed-clicks' } },
      ProvisionedPollerConfig: { MinimumPollers: 3, MaximumPollers: 5 },
    }
    const { kafkaMappings, warnings } = read(withResource(clicks, change))
    expect(kafkaMappings[2]).toMatchObject({
      maximumRetryAttempts: 0,
      maximumRecordAgeSeconds: 60,
      bisect: true,
      reportsItemFailures: true,
      filters: [readPattern('{"value":{"kind":["a"]}}')],
      onFailure: { kind: 'topic', topic: 'failed-clicks' },
      pollers: 3,
    })
    expect(warnings).toEqual([])
  })

  const criteria = (...patterns: string[]) => ({
    FilterCriteria: { Filters: patterns.map((Pattern) => ({ Pattern })) },
  })
  const destination = (to: unknown) => ({ DestinationConfig: { OnFailure: { Destination: to } } })
  it.each([
    ['refuse a second topic', { Topics: ['a', 'b'] }, 'Topics has 2 entries and must have exactly one'],
    ['56. refuse a filter on the key', criteria('{"key":["a"]}'), 'has key, and Kafka records are filtered'],
    ['refuse a filter that is no JSON', criteria('{'), 'FilterCriteria has a pattern that is none, {: '],
    [
      'refuse an unknown operator',
      criteria('{"value":{"a":[{"wildcard":"*"}]}}'),
      'wildcard is not an operator',
    ],
    ['refuse 11 filters', criteria(...Array(11).fill('{}')), 'has 11 filters; AWS takes 10 at most'],
    ['refuse a response type', { FunctionResponseTypes: ['Other'] }, 'there is only ReportBatchItemFailures'],
    ['refuse a batch above the limit', { BatchSize: 10_001 }, 'BatchSize is 10001; AWS takes 1 to 10000'],
    ['refuse a window above the limit', { MaximumBatchingWindowInSeconds: 301 }, 'AWS takes 0 to 300'],
    ['refuse too many retries', { MaximumRetryAttempts: 10_001 }, 'AWS takes 0 to 10000'],
    ['refuse an age below a minute', { MaximumRecordAgeInSeconds: 59 }, 'AWS takes 60 to 604800'],
    ['refuse no position', { StartingPosition: undefined }, 'StartingPosition is missing'],
    ['refuse AT_TIMESTAMP without a time', { StartingPosition: 'AT_TIMESTAMP' }, 'StartingPositionTimestamp'],
    [
      '48. refuse the source topic as destination',
      destination('kafka://clicks'),
      'is the topic that is read',
    ],
    ['refuse a destination that is none', destination('s3://lake'), 'is none: AWS takes ARNs of S3, SQS'],
    ['refuse an OnSuccess', { DestinationConfig: { OnSuccess: {} } }, 'OnSuccess is not for Kafka'],
    [
      'refuse a schema registry',
      { AmazonManagedKafkaEventSourceConfig: { SchemaRegistryConfig: {} } },
      'SchemaRegistryConfig is not emulated',
    ],
    [
      'refuse pollers upside down',
      { ProvisionedPollerConfig: { MinimumPollers: 3, MaximumPollers: 2 } },
      'MaximumPollers is 2; AWS takes 3 to 2000',
    ],
  ])('%s', (_, change, message) => {
    expect(() => read(withResource(clicks, change))).toThrow(`${clicks}: `)
    expect(() => read(withResource(clicks, change))).toThrow(message)
  })

  it('refuse a consumer group that another mapping has', () => {
    const change = { AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'orders-ingest-profiles' } }
    expect(() => read(withResource(clicks, change))).toThrow('orders-ingest-profiles is that of several')
  })

  it('name every problem at once', () => {
    const both = () => read(withResource(clicks, { Topics: ['a', 'b'], ...criteria('{') }))
    expect(both).toThrow(/Topics[\s\S]*FilterCriteria/)
  })

  const provisionedOnly = 'on AWS this is for provisioned mode only, add ProvisionedPollerConfig:'
  it.each([
    [{ MaximumRetryAttempts: 2 }, `${provisionedOnly} MaximumRetryAttempts`],
    [{ BisectBatchOnFunctionError: true }, `${provisionedOnly} BisectBatchOnFunctionError`],
    [destination('kafka://failed'), `${provisionedOnly} a Kafka topic as on-failure destination`],
    [
      destination('arn:aws:sqs:eu-central-1:123456789012:failed'),
      'the on-failure destination arn:aws:sqs:eu-central-1:123456789012:failed is a file here: destinations/failed.ndjson',
    ],
    [
      criteria(...Array(6).fill('{}')),
      'FilterCriteria has 6 filters; AWS takes 5, and up to 10 when asked to',
    ],
    [{ SomethingNew: 1 }, 'SomethingNew is not emulated'],
  ])('warn of %o by name', (change, message) => {
    expect(read(withResource(clicks, change)).warnings).toEqual([`${clicks}: ${message}`])
  })

  it('60. warn of a function with a Kafka event that may run longer than 14 minutes', () => {
    const { warnings } = read(withResource('IngestLambdaFunction', { Timeout: 900 }))
    expect(warnings).toEqual([
      'orders-dev-ingest: its timeout is 900 s, and with a Kafka event AWS takes 840 at most',
    ])
    expect(read(withResource('IngestLambdaFunction', { Timeout: 840 })).warnings).toEqual([])
    expect(read(withResource('LoadLambdaFunction', { Timeout: 900 })).warnings).toEqual([])
  })

  it('stay silent about defaults and about what a function cannot see', () => {
    const change = {
      MaximumRetryAttempts: -1,
      BisectBatchOnFunctionError: false,
      FunctionResponseTypes: [],
      ProvisionedPollerConfig: { MinimumPollers: 1 },
      SourceAccessConfigurations: [],
      ...destination(''),
    }
    const { warnings, kafkaMappings } = read(withResource(clicks, change))
    expect(warnings).toEqual([])
    expect(kafkaMappings[2]).not.toHaveProperty('maximumRetryAttempts')
  })

  it('know the bucket for what they give up on', () => {
    const change = destination({ 'Fn::GetAtt': ['Lake', 'Arn'] })
    const onFailure = { kind: 'bucket', bucket: 'orders-lake' }
    expect(read(withResource(clicks, change)).kafkaMappings[2]?.onFailure).toEqual(onFailure)
  })

  it('warn of sources that are not Kafka', () => {
    const { kafkaMappings, warnings } = read(
      withResource(clicks, { EventSourceArn: 'arn:aws:sqs:eu-central-1:123456789012:q' }),
    )
    expect(kafkaMappings).toHaveLength(2)
    expect(warnings).toEqual([
      `${clicks}: reads arn:aws:sqs:eu-central-1:123456789012:q, which is not emulated`,
    ])
  })
})

describe('parameters', () => {
  it('are their defaults, as in a deployment that gives no others', () => {
    const arn = cluster.replace('demo', 'other')
    const { Resources } = withResource(clicks, { EventSourceArn: { Ref: 'KafkaCluster' } })
    const { kafkaMappings, warnings } = read({ Resources, Parameters: { KafkaCluster: { Default: arn } } })
    expect(kafkaMappings.find(({ topic }) => topic === 'clicks')?.eventSourceArn).toBe(arn)
    expect(warnings).toEqual(read().warnings)
  })
})

describe('buckets and their notifications', () => {
  it('are those of the project, without the deployment bucket', () => {
    expect(read().buckets).toEqual(['orders-lake-dev', 'landing', 'orders-lake', 'orders-dev-unnamed'])
  })

  it('carry prefix and suffix, also of buckets that exist already', () => {
    const id = expect.stringMatching(uuid)
    const functionName = 'orders-dev-load'
    expect(read().bucketNotifications).toEqual([
      {
        id,
        bucket: 'orders-lake-dev',
        events: ['s3:ObjectCreated:*'],
        prefix: 'silver/',
        suffix: '.parquet',
        functionName,
      },
      { id, bucket: 'landing', events: ['s3:ObjectCreated:*'], functionName },
      { id, bucket: 'orders-lake-dev', events: ['s3:ObjectRemoved:*'], functionName },
    ])
    const rules = {
      BucketConfigs: [{ Event: 's3:ObjectRemoved:*', Rules: [{ Prefix: 'a/' }, { Suffix: '.b' }] }],
    }
    expect(read(withResource('LoadCustomS31', rules)).bucketNotifications[2]).toMatchObject({
      prefix: 'a/',
      suffix: '.b',
    })
  })

  it('warn of queues and topics', () => {
    const change = { NotificationConfiguration: { QueueConfigurations: [{}] } }
    expect(read(withResource('Lake', change)).warnings).toEqual([
      'Lake: NotificationConfiguration.QueueConfigurations is not emulated',
    ])
  })
})

describe('schedules', () => {
  it('carry expression, input and state', () => {
    const functionName = 'orders-dev-load'
    expect(read().schedules).toEqual([
      {
        ruleName: 'orders-dev-LoadEventsRuleSchedule1',
        ruleArn: 'arn:aws:events:eu-central-1:123456789012:rule/orders-dev-LoadEventsRuleSchedule1',
        expression: 'rate(5 minutes)',
        functionName,
        enabled: true,
      },
      expect.objectContaining({ expression: 'cron(0 8 ? * 2 *)', input: '{"what":"sweep"}', enabled: false }),
    ])
  })

  it('74. refuse a cron expression in another time zone, as it would come at another time here', () => {
    const scheduled = (ScheduleExpressionTimezone: string) =>
      withResource(
        'Nightly',
        {
          ScheduleExpression: 'cron(0 8 ? * 2 *)',
          ScheduleExpressionTimezone,
          Target: { Arn: { 'Fn::GetAtt': ['LoadLambdaFunction', 'Arn'] } },
        },
        'AWS::Scheduler::Schedule',
      )
    expect(() => read(scheduled('Europe/Berlin'))).toThrow(
      'Nightly: the time zone Europe/Berlin is not emulated',
    )
    expect(read(scheduled('UTC')).schedules.at(-1)).toMatchObject({
      functionName: 'orders-dev-load',
      input: '{}',
    })
  })

  it('refuse to change an event in a way that is not emulated', () => {
    const rule = { Targets: [{ Arn: { 'Fn::GetAtt': ['LoadLambdaFunction', 'Arn'] }, InputPath: '$.x' }] }
    expect(() => read(withResource('LoadEventsRuleSchedule1', rule))).toThrow('InputPath is not emulated')
  })
})

describe('intrinsic functions', () => {
  it.each([
    [{ Ref: 'AWS::Region' }, 'eu-central-1'],
    [{ Ref: 'Lake' }, 'orders-lake'],
    [{ Ref: 'Nowhere' }, 'orders-dev-Nowhere'],
    [
      { 'Fn::GetAtt': ['IngestLambdaFunction', 'Arn'] },
      'arn:aws:lambda:eu-central-1:123456789012:function:orders-dev-ingest',
    ],
    [{ 'Fn::GetAtt': 'Lake.Arn' }, 'arn:aws:s3:::orders-lake'],
    [{ 'Fn::GetAtt': ['Lake', 'DomainName'] }, 'orders-lake.DomainName'],
    [{ 'Fn::Sub': 'a-${Lake}-${!kept}-${Lake.Arn}' }, 'a-orders-lake-${kept}-arn:aws:s3:::orders-lake'],
    [{ 'Fn::Sub': ['${x}-${AWS::Partition}', { x: { Ref: 'Lake' } }] }, 'orders-lake-aws'],
    [{ 'Fn::Join': ['/', ['a', { Ref: 'Lake' }, 1]] }, 'a/orders-lake/1'],
    [{ 'Fn::Select': [1, { 'Fn::Split': [',', 'a,b,c'] }] }, 'b'],
    [{ 'Fn::ImportValue': { 'Fn::Sub': 'shared-${AWS::StackName}' } }, 'shared-orders-dev'],
    [{ 'Fn::GetAZs': '' }, '{"Fn::GetAZs":""}'],
    [{ plain: [true, { Ref: 'Lake' }] }, '{"plain":[true,"orders-lake"]}'],
  ])('%j gives %s', (value, expected) => {
    const template = withResource('IngestLambdaFunction', { Environment: { Variables: { X: value } } })
    expect(read(template).functions[0]?.environment.X).toBe(expected)
  })
})
