import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { objectCreatedEvent } from '@cupel/core/s3-event'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { datasets } from '#datasets/index.ts'
import { type S3Server, startS3 } from '#localstack/s3/server.ts'
import { buildAll } from '#operations/build.ts'
import { type Run, root } from '../support/cupel.ts'
import { serverless } from '../support/serverless.ts'
import { extract, readZip } from '../support/zip.ts'

// biome-ignore lint/suspicious/noExplicitAny: CloudFormation, as it comes
type Properties = Record<string, any>
type Resource = { readonly Type: string; readonly Properties: Properties }

const cluster = 'arn:aws:kafka:eu-west-1:210987654321:cluster/events/6f1d2c3b-0000-4a5b-8c9d-112233445566-3'
const parameters = [
  'lakeBucket=acme-lake',
  'failureBucket=acme-failures',
  `mskClusterArn=${cluster}`,
  'databaseUrl=postgres://warehouse.acme.example:5432/cupel',
]
const handlers = {
  ingestStream: '.build/functions/bronze/ingest-stream/handler',
  landFile: '.build/functions/bronze/land-file/handler',
  refine: '.build/functions/silver/refine/handler',
  replay: '.build/functions/silver/replay/handler',
  load: '.build/functions/gold/load/handler',
  detectFraud: '.build/functions/gold/detect-fraud/handler',
  summarize: '.build/functions/gold/summarize/handler',
  sweep: '.build/functions/sweep/handler',
}
type FunctionKey = keyof typeof handlers
const keys = Object.keys(handlers) as FunctionKey[]

let directory: string
let packaging: Run
let resources: Record<string, Resource>
let parameterDefaults: Record<string, { Default: string }>
const archives = new Map<string, ReadonlyMap<string, Buffer>>() // by function or layer

// Packaged once for all tests below, as for a deployment but where there is no network and no account.
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cupel-package-'))
  await buildAll(root)
  packaging = serverless(
    ['package', '--package', directory, '--stage', 'prod', ...parameters.map((each) => `--param=${each}`)],
    {
      HOME: directory, // no profile of the person who runs the tests
      NODE_OPTIONS: `--require=${join(root, 'tests/support/no-network.cjs')}`,
    },
  )
  if ((await packaging.exit) !== 0) return
  const text = await readFile(join(directory, 'cloudformation-template-update-stack.json'), 'utf8')
  const template = JSON.parse(text)
  resources = template.Resources
  parameterDefaults = template.Parameters
  for (const name of [...keys, 'cupel', 'duckdb'])
    archives.set(name, await readZip(join(directory, `${name}.zip`)))
}, 120_000)
afterAll(() => rm(directory, { recursive: true, force: true }))

const ofType = (type: string): Properties[] =>
  Object.values(resources)
    .filter(({ Type }) => Type === type)
    .map(({ Properties }) => Properties)
const arnOf = (key: FunctionKey) => ({ 'Fn::GetAtt': [`${logicalName(key)}LambdaFunction`, 'Arn'] })
const logicalName = (key: string) => `${key[0]!.toUpperCase()}${key.slice(1)}`
const functionOf = (key: FunctionKey): Properties =>
  resources[`${logicalName(key)}LambdaFunction`]!.Properties
const layersOf = (key: FunctionKey): string[] =>
  functionOf(key).Layers.map(({ Ref }: { Ref: string }) => Ref.replace('LambdaLayer', '').toLowerCase())

describe('serverless package', () => {
  it('works without network and credentials', async () => {
    expect(await packaging.exit, packaging.output()).toBe(0)
    expect(packaging.output()).not.toMatch(/warning|deprecat/i)
  })

  it('reads each topic into bronze in large batches, and transactions for fraud at once', () => {
    const ingest = (topic: string, MaximumPollers = 2) => ({
      FunctionName: arnOf('ingestStream'),
      EventSourceArn: { Ref: 'KafkaCluster' },
      Topics: [topic],
      AmazonManagedKafkaEventSourceConfig: {
        ConsumerGroupId: `cupel-prod-ingest-${topic.replace('_', '-')}`,
      },
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 10_000,
      MaximumBatchingWindowInSeconds: 30,
      DestinationConfig: { OnFailure: { Destination: 'arn:aws:s3:::acme-failures' } },
      MaximumRetryAttempts: 10_000,
      ProvisionedPollerConfig: { MinimumPollers: 1, MaximumPollers, PollerGroupName: 'cupel-prod' },
    })
    expect(ofType('AWS::Lambda::EventSourceMapping')).toEqual([
      ...['user_profiles', 'merchant_info', 'account_balances', 'transactions'].map((topic) => ingest(topic)),
      ingest('sensor_stream', 1),
      ingest('purchases', 1),
      {
        FunctionName: arnOf('detectFraud'),
        EventSourceArn: { Ref: 'KafkaCluster' },
        Topics: ['transactions'],
        AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'cupel-prod-detect-fraud' },
        StartingPosition: 'TRIM_HORIZON',
        BatchSize: 1_000,
        MaximumBatchingWindowInSeconds: 0,
      },
    ])
  })

  it('reads from the cluster that was named', () => {
    expect(parameterDefaults.KafkaCluster?.Default).toBe(cluster)
  })

  it('ingests the topic of every dataset', () => {
    const read = ofType('AWS::Lambda::EventSourceMapping')
      .filter(({ FunctionName }) => FunctionName['Fn::GetAtt'][0] === 'IngestStreamLambdaFunction')
      .flatMap(({ Topics }) => Topics)
    expect(read.sort()).toEqual(datasets.flatMap(({ topic }) => topic ?? []).sort())
  })

  it('calls land-file for files, refine for bronze and load for silver objects, and nobody for others', () => {
    const notification = (key: FunctionKey, prefix: string, suffix?: string) => ({
      Event: 's3:ObjectCreated:*',
      Function: arnOf(key),
      Filter: {
        S3Key: {
          Rules: [{ Name: 'prefix', Value: prefix }, ...(suffix ? [{ Name: 'suffix', Value: suffix }] : [])],
        },
      },
    })
    const buckets = ofType('AWS::S3::Bucket').filter(({ BucketName }) => BucketName !== undefined)
    expect(buckets).toEqual([
      {
        BucketName: 'acme-lake',
        NotificationConfiguration: {
          LambdaConfigurations: [
            notification('landFile', 'landing/'),
            notification('refine', 'bronze/', '.ndjson'),
            notification('load', 'silver/', '.parquet'),
          ],
        },
      },
      { BucketName: 'acme-failures' },
    ])
  })

  it('summarizes every minute and sweeps every five', () => {
    expect(ofType('AWS::Events::Rule')).toEqual([
      {
        ScheduleExpression: 'rate(1 minute)',
        State: 'ENABLED',
        Targets: [{ Arn: arnOf('summarize'), Id: 'summarizeSchedule' }],
      },
      {
        ScheduleExpression: 'rate(5 minutes)',
        State: 'ENABLED',
        Targets: [{ Arn: arnOf('sweep'), Id: 'sweepSchedule' }],
      },
    ])
  })

  it('lets the bucket and the schedule call their functions, and nothing else', () => {
    const granted = ofType('AWS::Lambda::Permission').map(({ FunctionName, Principal }) => [
      FunctionName['Fn::GetAtt'][0],
      Principal,
    ])
    expect(granted.sort()).toEqual([
      ['LandFileLambdaFunction', 's3.amazonaws.com'],
      ['LoadLambdaFunction', 's3.amazonaws.com'],
      ['RefineLambdaFunction', 's3.amazonaws.com'],
      ['SummarizeLambdaFunction', 'events.amazonaws.com'],
      ['SweepLambdaFunction', 'events.amazonaws.com'],
    ])
    for (const { SourceArn } of ofType('AWS::Lambda::Permission')) expect(SourceArn).toBeTruthy()
  })

  it('declares time, memory, layers and environment of each function', () => {
    const LAKE_BUCKET = 'acme-lake'
    const DATABASE_URL = 'postgres://warehouse.acme.example:5432/cupel'
    const PERSONAL_DATA_KEY = '' // no dataset hashes
    const expected: Record<FunctionKey, object> = {
      ingestStream: { timeout: 60, memory: 512, layers: ['cupel'], environment: { LAKE_BUCKET } },
      landFile: {
        timeout: 900,
        memory: 1769,
        layers: ['cupel', 'duckdb'],
        environment: { LAKE_BUCKET },
      },
      refine: {
        timeout: 300,
        memory: 1769,
        concurrency: 10,
        layers: ['cupel', 'duckdb'],
        environment: { LAKE_BUCKET, PERSONAL_DATA_KEY },
      },
      replay: {
        timeout: 900,
        memory: 1769,
        layers: ['cupel', 'duckdb'],
        environment: {
          LAKE_BUCKET,
          DATABASE_URL,
          LOAD_FUNCTION: 'cupel-prod-load',
          DETECT_FRAUD_FUNCTION: 'cupel-prod-detectFraud',
          PERSONAL_DATA_KEY,
        },
      },
      load: {
        timeout: 300,
        memory: 1769,
        concurrency: 10,
        layers: ['cupel', 'duckdb'],
        environment: { LAKE_BUCKET, DATABASE_URL },
      },
      detectFraud: { timeout: 60, memory: 512, layers: ['cupel'], environment: { DATABASE_URL } },
      summarize: {
        timeout: 300,
        memory: 512,
        concurrency: 1,
        layers: ['cupel'],
        environment: { DATABASE_URL },
      },
      sweep: {
        timeout: 300,
        memory: 512,
        concurrency: 1,
        layers: ['cupel'],
        environment: {
          LAKE_BUCKET,
          DATABASE_URL,
          LAND_FILE_FUNCTION: 'cupel-prod-landFile',
          REFINE_FUNCTION: 'cupel-prod-refine',
          LOAD_FUNCTION: 'cupel-prod-load',
          DETECT_FRAUD_FUNCTION: 'cupel-prod-detectFraud',
        },
      },
    }
    expect(ofType('AWS::Lambda::Function')).toHaveLength(keys.length)
    for (const key of keys) {
      const found = functionOf(key)
      expect(found).toMatchObject({
        FunctionName: `cupel-prod-${key}`,
        Handler: `${handlers[key]}.handler`,
        Runtime: 'nodejs24.x',
        Architectures: ['x86_64'],
      })
      expect({
        timeout: found.Timeout,
        memory: found.MemorySize,
        ...(found.ReservedConcurrentExecutions && { concurrency: found.ReservedConcurrentExecutions }),
        layers: layersOf(key),
        environment: found.Environment.Variables,
      }).toEqual(expected[key])
    }
  })

  it('grants what the functions do, on what they do it to', () => {
    const { Statement } = ofType('AWS::IAM::Role')[0]!.Policies[0].PolicyDocument
    const granted = new Map<string, Set<string>>()
    for (const { Effect, Action, Resource } of Statement) {
      expect(Effect).toBe('Allow')
      for (const action of [Action].flat())
        for (const resource of [Resource].flat())
          granted.set(
            action,
            (granted.get(action) ?? new Set()).add(resource['Fn::Sub'] ?? resource.Ref ?? resource),
          )
    }
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: CloudFormation's own
    const logs =
      'arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/cupel-prod*:*'
    const functions = 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:cupel-prod'
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: CloudFormation's own
    // Network interfaces have no ARN before they exist: AWS itself asks for "*" in a VPC.
    // https://docs.aws.amazon.com/lambda/latest/dg/with-msk-permissions.html
    const inVpc = `CreateNetworkInterface DescribeNetworkInterfaces DeleteNetworkInterface
                   DescribeVpcs DescribeSubnets DescribeSecurityGroups`.split(/\s+/)
    expect(Object.fromEntries([...granted].map(([action, on]) => [action, [...on].sort()]))).toEqual({
      's3:ListBucket': ['arn:aws:s3:::acme-failures', 'arn:aws:s3:::acme-lake'],
      's3:GetObject': ['arn:aws:s3:::acme-lake/*'],
      's3:PutObject': ['arn:aws:s3:::acme-failures/*', 'arn:aws:s3:::acme-lake/*'],
      'lambda:InvokeFunction': [
        `${functions}-detectFraud`,
        `${functions}-landFile`,
        `${functions}-load`,
        `${functions}-refine`,
      ],
      'kafka:DescribeCluster': ['KafkaCluster'],
      'kafka:GetBootstrapBrokers': ['KafkaCluster'],
      'logs:CreateLogGroup': [logs],
      'logs:CreateLogStream': [logs],
      'logs:TagResource': [logs],
      'logs:PutLogEvents': [`${logs}:*`],
      ...Object.fromEntries(inVpc.map((action) => [`ec2:${action}`, ['*']])),
    })
  })

  it("packs into a function its own handler alone, and into the layers the project's packages and the engine", () => {
    for (const key of keys)
      expect([...archives.get(key)!.keys()].sort()).toEqual([
        `${handlers[key]}.mjs`,
        `${handlers[key]}.mjs.map`,
      ])
    expect(packagesIn('cupel')).toEqual(['@cupel/core', '@cupel/io'])
    expect(packagesIn('duckdb')).toEqual([
      '@cupel/duckdb',
      '@duckdb/node-bindings',
      '@duckdb/node-bindings-linux-x64',
    ])
  })

  it("keeps each function with its layers below Lambda's 250 MB", () => {
    // https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    const bytes = (name: string) =>
      [...archives.get(name)!.values()].reduce((sum, { length }) => sum + length, 0)
    for (const key of keys)
      expect([key, ...layersOf(key)].reduce((sum, name) => sum + bytes(name), 0)).toBeLessThan(
        250 * 1024 ** 2,
      )
    expect(bytes('cupel')).toBeLessThan(10 * 1024 ** 2)
  })
})

function packagesIn(layer: string): string[] {
  const names = [...archives.get(layer)!.keys()].map(
    (file) => /^nodejs\/node_modules\/(@[^/]+\/[^/]+)\//.exec(file)?.[1] ?? file,
  )
  return [...new Set(names)].filter((name) => !name.endsWith('/.version')).sort()
}

describe('a packaged function, in /var/task with its layers in /opt', () => {
  /** What the function's own process gave: the handler's type, and what became of each event. */
  type Outcome = {
    readonly handler?: string
    readonly error?: Thrown // by the module
    readonly answers: readonly { readonly answer?: unknown; readonly error?: Thrown }[]
  }
  type Thrown = { readonly code?: string; readonly message: string; readonly isCupelError: boolean }

  // Loads a handler by its name in the template, the way of Lambda's runtime for Node.js, and calls it with each event.
  const runtime = `
    import { CupelError } from '@cupel/core/errors'
    const [name, ...events] = process.argv.slice(2)
    const [, file, exported] = /^(.*\\/[^./]+)\\.(.*)$/.exec(name)
    const thrown = (error) => ({
      error: { code: error.code, message: error.message, isCupelError: error instanceof CupelError },
    })
    const outcome = { answers: [] }
    try {
      const { [exported]: handler } = await import(new URL(file + '.mjs', import.meta.url))
      outcome.handler = typeof handler
      for (const event of events)
        outcome.answers.push(
          await handler(JSON.parse(event), { awsRequestId: '0' }).then((answer) => ({ answer }), thrown),
        )
    } catch (error) {
      Object.assign(outcome, thrown(error))
    }
    process.stdout.write(JSON.stringify(outcome), () => process.exit())
  `
  const tasks = {} as Record<FunctionKey, string> // where each function is laid out
  let s3: S3Server
  const damaged = { key: 'landing/merchants/a.parquet', eTag: '', size: 0 } // DuckDB says so

  beforeAll(async () => {
    for (const key of keys) tasks[key] = await layOut(key)
    s3 = await startS3({ directory: join(directory, 's3') })
    const client = new S3Client({
      endpoint: s3.endpoint,
      region: 'eu-west-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    })
    await client.send(new CreateBucketCommand({ Bucket: 'acme-lake' }))
    await client.send(
      new PutObjectCommand({ Bucket: 'acme-lake', Key: damaged.key, Body: 'PAR1 and no more' }),
    )
    client.destroy()
  })
  afterAll(() => s3?.close())

  /**
   * Lambda's runtime finds layers through NODE_PATH, which Node itself ignores for ES modules: a link in the task's folder
   * does the same. The AWS SDK is the runtime's own, and nothing else of this project is in reach.
   */
  async function layOut(key: FunctionKey): Promise<string> {
    const base = join(directory, 'lambda', layersOf(key).join('-'))
    const task = join(base, 'var', key, 'task')
    if ((await mkdir(join(base, 'node_modules'), { recursive: true })) !== undefined) {
      for (const layer of layersOf(key)) await extract(archives.get(layer)!, join(base, 'opt'))
      await symlink(join(root, 'node_modules/@aws-sdk'), join(base, 'node_modules/@aws-sdk'))
    }
    await extract(archives.get(key)!, task)
    await symlink(join(base, 'opt/nodejs/node_modules'), join(task, 'node_modules'))
    await writeFile(join(task, 'runtime.mjs'), runtime)
    return task
  }

  async function call(
    key: FunctionKey,
    events: readonly unknown[],
    environment: Record<string, string> = functionOf(key).Environment.Variables,
  ): Promise<Outcome> {
    const ofLambda = {
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'example',
      AWS_MAX_ATTEMPTS: '1',
      AWS_ENDPOINT_URL_S3: s3.endpoint,
    }
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['runtime.mjs', `./${functionOf(key).Handler}`, ...events.map((event) => JSON.stringify(event))],
      { cwd: tasks[key], env: { ...ofLambda, ...environment, TMPDIR: tasks[key] } },
    )
    return JSON.parse(stdout)
  }

  const example = async (name: string) =>
    JSON.parse(await readFile(join(root, `tests/fixtures/events/${name}.json`), 'utf8'))

  const noEvent = { error: { code: 'EVENT_SHAPE', isCupelError: true } } // an error of one layer known in the other
  const calls: Record<FunctionKey, readonly { readonly event: unknown; readonly becomes: object }[]> = {
    ingestStream: [
      {
        event: { eventSource: 'aws:kafka', records: {} },
        becomes: { answer: { objects: 0, records: 0, redelivered: 0 } },
      },
      { event: [], becomes: noEvent },
    ],
    landFile: [
      {
        event: objectCreatedEvent('acme-lake', [damaged]),
        becomes: { answer: { files: 1, records: 1, rejected: 1 } },
      },
      { event: [], becomes: noEvent },
    ],
    refine: [
      { event: { Records: [] }, becomes: { answer: { objects: 0, skipped: 0 } } },
      { event: [], becomes: noEvent },
    ],
    replay: [{ event: [], becomes: { error: { code: 'REQUEST', isCupelError: true } } }],
    load: [
      { event: { Records: [] }, becomes: { answer: { objects: 0, skipped: 0 } } },
      { event: [], becomes: noEvent },
    ],
    detectFraud: [{ event: [], becomes: noEvent }],
    summarize: [],
    sweep: [],
  }

  it.each(keys)(
    '%s loads with the variables that the template declares, no fewer and no more, and does nothing with an empty batch',
    async (key) => {
      const { handler, answers } = await call(
        key,
        calls[key].map(({ event }) => event),
      )
      expect(handler).toBe('function')
      expect(answers).toMatchObject(calls[key].map(({ becomes }) => becomes))

      const declared = Object.keys(functionOf(key).Environment.Variables)
      const { error } = await call(key, [], {})
      expect(error).toMatchObject({ code: 'CONFIGURATION', isCupelError: true })
      const missing = [...error!.message.matchAll(/(\w+) is missing/g)].map(([, name]) => name)
      expect(declared).toEqual(expect.arrayContaining(missing))
      const code = archives.get(key)!.get(`${handlers[key]}.mjs`)!.toString()
      for (const name of declared) expect(code).toMatch(new RegExp(`from\\.\\w+\\("${name}"`))
    },
  )

  it('says in its own error that S3 cannot be reached', async () => {
    const unreachable = {
      ...functionOf('refine').Environment.Variables,
      AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1',
    }
    const { answers } = await call('refine', [await example('s3-bronze')], unreachable)
    expect(answers).toMatchObject([{ error: { code: 'OBJECT', isCupelError: true } }])
  })

  it.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'takes records from a Kafka event to bronze, and with the engine in its layer to silver',
    async () => {
      expect((await call('ingestStream', [await example('kafka')])).answers).toMatchObject([
        { answer: { objects: 1, records: 3, redelivered: 0 } },
      ])
      expect((await call('refine', [await example('s3-bronze')])).answers).toMatchObject([
        { answer: { objects: 1, skipped: 0, records: 3, silver: 2, quarantined: 1, duplicates: 0 } },
      ])
    },
  )
})
