// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Fn::Sub has placeholders of its own
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
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
  it('keep window 0 apart from a missing window, and default to AWS’s batch size and a stable group', () => {
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
    })
    expect(clicks).toMatchObject({ topic: 'clicks', windowMs: 0, batchSize: 100, startingPosition: 'LATEST' })
    expect(clicks?.consumerGroupId).toBe(clicks?.id)
    expect(read().kafkaMappings[2]?.id).toBe(clicks?.id)
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

  it.each([
    ['a second topic', { Topics: ['a', 'b'] }, 'Topics has 2 entries and must have exactly one'],
    ['a filter', { FilterCriteria: { Filters: [] } }, 'FilterCriteria is not emulated'],
    [
      'partial responses',
      { FunctionResponseTypes: ['ReportBatchItemFailures'] },
      'FunctionResponseTypes is not emulated',
    ],
    ['a batch above the limit', { BatchSize: 10_001 }, 'BatchSize is 10001; AWS takes 1 to 10000'],
    ['a window above the limit', { MaximumBatchingWindowInSeconds: 301 }, 'AWS takes 0 to 300'],
    ['no position', { StartingPosition: undefined }, 'StartingPosition is missing'],
  ])('refuse %s', (_, change, message) => {
    expect(() => read(withResource(clicks, change))).toThrow(`${clicks}: `)
    expect(() => read(withResource(clicks, change))).toThrow(message)
  })

  it('name every problem at once', () => {
    const both = () => read(withResource(clicks, { Topics: ['a', 'b'], BatchSize: 0, FilterCriteria: {} }))
    expect(both).toThrow(/FilterCriteria[\s\S]*Topics/)
  })

  it.each([
    [{ MaximumRetryAttempts: 2 }, 'MaximumRetryAttempts is not emulated'],
    [{ BisectBatchOnFunctionError: true }, 'BisectBatchOnFunctionError is not emulated'],
    [{ SomethingNew: 1 }, 'SomethingNew is not emulated'],
  ])('warn of %o by name', (change, message) => {
    expect(read(withResource(clicks, change)).warnings).toEqual([`${clicks}: ${message}`])
  })

  it('stay silent about defaults and about what a function cannot see', () => {
    const change = {
      MaximumRetryAttempts: -1,
      BisectBatchOnFunctionError: false,
      ProvisionedPollerConfig: { MinimumPollers: 1 },
      SourceAccessConfigurations: [],
    }
    expect(read(withResource(clicks, change)).warnings).toEqual([])
  })

  it('know the bucket for records that fit in no event', () => {
    const change = { DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['Lake', 'Arn'] } } } }
    expect(read(withResource(clicks, change)).kafkaMappings[2]?.onFailureBucket).toBe('orders-lake')
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
