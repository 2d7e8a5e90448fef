// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the foreign project has templates of its own
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
let project: string

// A project of somebody else: nothing in it knows this repository but its node_modules.
const files: Record<string, string> = {
  'serverless.yml': `
service: foreign
frameworkVersion: '4'
provider:
  name: aws
  runtime: nodejs22.x
  region: eu-central-1
  environment: { UPLOADS: foreign-uploads }
  layers: [{ Ref: CommonLambdaLayer }]
plugins: ['@cupel/localstack', serverless-offline]
layers: { common: { path: layer } }
package: { individually: true }
functions:
  hello:
    handler: built/hello.handler
    package: { patterns: ['!**', 'built/**'] } # at the root it would empty the layer
    maximumRetryAttempts: 0
    events:
      - msk:
          arn: arn:aws:kafka:eu-central-1:123456789012:cluster/demo/751d2973-a626-431c-9d4e-d7975eb44dd7-2
          topic: clicks
          consumerGroupId: foreign-clicks
          filterPatterns: [{ value: { kind: [click] } }]
      - s3: { bucket: foreign-uploads, rules: [{ prefix: in/ }] }
      - schedule: rate(1 hour)
  other: { handler: elsewhere/other.handler, package: { patterns: ['!**', 'elsewhere/**'] } }
resources:
  extensions:
    HelloEventSourceMappingMSKDemoClicks:
      Properties:
        MaximumBatchingWindowInSeconds: 0
        MaximumRetryAttempts: 0
        ProvisionedPollerConfig: { MinimumPollers: 1 }
        DestinationConfig: { OnFailure: { Destination: kafka://failed-clicks } }
custom:
  localstack:
    topics: { clicks: { partitions: 3 } }
    prepare: node -e "console.log('prepared for ' + process.env.DATABASE_URL)"
    atStart: { other: { since: yesterday } }
`,
  'layer/nodejs/node_modules/greeting/package.json': '{"type":"module","exports":"./index.js"}',
  'layer/nodejs/node_modules/greeting/index.js': 'export const greet = (name) => `hello ${name}`',
  'built/hello.mjs': `
import { existsSync } from 'node:fs'
import { greet } from 'greeting'
export const handler = async (event) => {
  const records = Object.values(event.records ?? {}).flat()
  for (const { partition, value } of records) {
    const text = Buffer.from(value, 'base64').toString()
    console.log('clicked', partition, text)
    if (text === 'bad click') throw new Error(text)
    if (text !== 'wait for an edit') continue
    while (!existsSync('goes-on')) await new Promise((resolve) => setTimeout(resolve, 20))
    console.log('ended', text)
  }
  for (const { s3 } of event.Records ?? []) console.log('uploaded', s3.bucket.name, s3.object.key, s3.object.size)
  if (event.name === 'nobody') throw new TypeError('nobody to greet')
  return { greeting: greet(event.name), uploads: process.env.UPLOADS, region: process.env.AWS_REGION }
}
`,
  'elsewhere/other.mjs':
    "export const handler = async ({ since }) => since ? console.log('goes on since', since) : 'other'",
}

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'cupel-plugin-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(project, name)), { recursive: true })
    await writeFile(join(project, name), text)
  }
  await symlink(join(root, 'node_modules'), join(project, 'node_modules'))
})
afterAll(() => rm(project, { recursive: true, force: true }))

/** Its own ports and no credentials. */
function environment() {
  const { PATH, HOME } = process.env
  const ports = ['KAFKA', 'S3', 'POSTGRES', 'LAMBDA'].map((name) => [`CUPEL_PORT_${name}`, '0'])
  return { PATH, HOME, AWS_EC2_METADATA_DISABLED: 'true', ...Object.fromEntries(ports) }
}

/** Runs a serverless command in the project. */
function serverless(args: string[], env: Record<string, string> = {}) {
  const child = fork(join(root, 'node_modules/serverless/bin/serverless.js'), args, {
    cwd: project,
    silent: true,
    execArgv: [],
    env: { ...environment(), ...env },
  })
  const output = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    output.stderr += chunk
  })
  return { child, output, exited: once(child, 'close').then(([code]) => code as number | null) }
}

async function readyMessage(child: ChildProcess, exited: Promise<unknown>, output: { stderr: string }) {
  const ended = exited.then(() => {
    throw new Error(`ended before it was ready: ${output.stderr}`)
  })
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [
    { endpoints: { kafka: string; s3: string; lambda: string; postgres: string } },
  ]
  return message
}

describe.sequential('serverless offline with the local cloud', () => {
  it('wires a foreign project: Kafka, S3, Invoke, PostgreSQL, and stops in order', {
    timeout: 60_000,
  }, async () => {
    const { child, output, exited } = serverless(['offline'])
    const ready = await readyMessage(child, exited, output)
    const { kafka, s3, lambda, postgres } = ready.endpoints
    expect(ready).toMatchObject({
      type: 'ready',
      functions: ['foreign-dev-hello', 'foreign-dev-other'],
      buckets: ['foreign-uploads'],
      consumerGroups: [
        {
          topic: 'clicks',
          groupId: 'foreign-clicks',
          functionKey: 'hello',
        },
      ],
    })
    expect(output.stdout).toContain(`prepared for ${postgres}`)
    await expect.poll(() => output.stdout, { timeout: 10_000 }).toContain('[other] goes on since yesterday')

    const client = new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING })
    const admin = client.admin()
    await admin.connect()
    const { topics } = await admin.fetchTopicMetadata({ topics: ['clicks'] })
    expect(topics[0]?.partitions).toHaveLength(3)
    const producer = client.producer()
    await producer.connect()
    const messages = ['{"kind":"view"}', 'first click', 'bad click'].map((value) => ({ partition: 2, value }))
    for (const message of messages) await producer.send({ topic: 'clicks', messages: [message] })
    await producer.disconnect()
    await expect.poll(() => output.stdout, { timeout: 10_000 }).toContain('[hello] clicked 2 first click')
    expect(output.stdout).not.toContain('kind')
    const failedClicks = async () =>
      (await admin.fetchTopicOffsets('failed-clicks')).reduce((sum, { high }) => sum + Number(high), 0)
    await expect.poll(failedClicks, { timeout: 10_000 }).toBeGreaterThan(0)
    await admin.disconnect()

    const uploads = new S3Client({ endpoint: s3, region: 'eu-central-1', forcePathStyle: true, credentials })
    await uploads.send(
      new PutObjectCommand({ Bucket: 'foreign-uploads', Key: 'in/a b.txt', Body: 'seven b' }),
    )
    await expect
      .poll(() => output.stdout, { timeout: 10_000 })
      .toContain('uploaded foreign-uploads in/a+b.txt 7')

    const minio = await readFile(new URL('fixtures/minio-notification.json', import.meta.url), 'utf8')
    const webhook = { method: 'POST', body: minio }
    expect((await fetch(`${lambda}/_localstack/s3-events`, webhook)).status).toBe(200)
    await expect
      .poll(() => output.stdout, { timeout: 10_000 })
      .toContain('uploaded foreign-uploads in/x+y%2B%C3%BC.json 7')

    const invoker = new LambdaClient({ endpoint: lambda, region: 'eu-central-1', credentials })
    const { Payload } = await invoker.send(
      new InvokeCommand({ FunctionName: 'hello', Payload: '{"name":"you"}' }),
    )
    expect(JSON.parse(Payload!.transformToString())).toEqual({
      greeting: 'hello you',
      uploads: 'foreign-uploads',
      region: 'eu-central-1',
    })

    // An edit while a record is under way: it ends in the old code, the next one meets the new, and no group notices.
    const members = async () => {
      const groups = client.admin()
      await groups.connect()
      const described = await groups.describeGroups(['foreign-clicks'])
      await groups.disconnect()
      return described.groups[0]?.members.map(({ memberId }) => memberId)
    }
    const click = async (value: string) => {
      const clicker = client.producer()
      await clicker.connect()
      await clicker.send({ topic: 'clicks', messages: [{ partition: 0, value }] })
      await clicker.disconnect()
    }
    const before = await members()
    const told: unknown[] = []
    child.on('message', (message: { type: string }) => message.type === 'reloaded' && told.push(message))
    await click('wait for an edit')
    await expect.poll(() => output.stdout, { timeout: 10_000 }).toContain('clicked 0 wait for an edit')
    const edited = files['built/hello.mjs']!.replace("'clicked'", "'edited'")
    await writeFile(join(project, 'built/hello.mjs'), edited)
    await expect.poll(() => told, { timeout: 10_000 }).toEqual([{ type: 'reloaded', functions: ['hello'] }])
    await writeFile(join(project, 'goes-on'), '')
    await click('after it')
    await expect.poll(() => output.stdout, { timeout: 10_000 }).toContain('edited 0 after it')
    expect(output.stdout.match(/wait for an edit/g)).toHaveLength(2) // begun and ended, once
    expect(output.stdout).toContain('ended wait for an edit')
    expect(before).toHaveLength(1)
    expect(await members()).toEqual(before)

    const database = new pg.Client(postgres)
    await database.connect()
    expect((await database.query('SELECT current_database() AS name')).rows).toEqual([{ name: 'foreign' }])
    await database.end()
    expect(JSON.parse(await readFile(join(project, '.cupel/endpoints.json'), 'utf8'))).toEqual({
      ...ready.endpoints,
      pid: child.pid,
    })

    const second = serverless(['offline', 'start'])
    expect(await second.exited).toBe(1)
    expect(second.output.stderr).toMatch(
      /^Error: another local cloud already runs in .*\.cupel \(process \d+\): stop it first/m,
    )

    const stoppingMs = Date.now()
    child.kill('SIGINT')
    expect(await exited).toBe(0)
    expect(Date.now() - stoppingMs).toBeLessThan(10_000)
    expect(existsSync(join(project, '.cupel/endpoints.json'))).toBe(false)
    expect(existsSync(join(project, '.cupel/postgres/data/postmaster.pid'))).toBe(false)
  })

  it.each([
    ['while it starts', 'prepared for'],
    ['when it runs', 'PostgreSQL  '],
  ])(
    'stops everything when the program that started it is killed %s',
    {
      timeout: 60_000,
    },
    async (_, line) => {
      // Reads the output through a pipe, which breaks with it.
      const parent = spawn(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `import { fork } from 'node:child_process'
         const child = fork(process.env.SERVERLESS, ['offline'], { silent: true })
         console.log(child.pid)
         child.stdout.pipe(process.stdout)`,
        ],
        {
          cwd: project,
          env: { ...environment(), SERVERLESS: join(root, 'node_modules/serverless/bin/serverless.js') },
        },
      )
      let said = ''
      parent.stdout.on('data', (chunk) => {
        said += chunk
      })
      await expect.poll(() => said, { timeout: 20_000 }).toContain(line)
      parent.kill('SIGKILL')
      const isAlive = () => {
        try {
          return process.kill(Number.parseInt(said, 10), 0)
        } catch {
          return false
        }
      }
      await expect.poll(isAlive, { timeout: 10_000 }).toBe(false)
      expect(existsSync(join(project, '.cupel/lock'))).toBe(false)
      expect(existsSync(join(project, '.cupel/endpoints.json'))).toBe(false)
      expect(existsSync(join(project, '.cupel/postgres/data/postmaster.pid'))).toBe(false)
    },
  )

  it('says in one line why it cannot start, and leaves nothing running', { timeout: 30_000 }, async () => {
    const malformed = {
      CUPEL_PORT_S3: 'many',
      KAFKA_BROKERS: 'nowhere',
      DATABASE_URL: 'mysql://root:secret@127.0.0.1/shop',
    }
    const refused = serverless(['offline'], { ...malformed, CUPEL_DIRECTORY: '.a' })
    expect(await refused.exited).toBe(1)
    expect(refused.output.stderr).toMatch(
      /^Error: invalid configuration: CUPEL_PORT_S3 is not a port from 0 to 65535: many; KAFKA_BROKERS is not host:port.*; DATABASE_URL is not a postgres URL\n/m,
    )
    expect(refused.output.stderr).not.toContain('secret')

    const text = files['serverless.yml']!
    await writeFile(
      join(project, 'serverless.yml'),
      text.replace(/prepare: .*/, 'prepare: echo no such table; exit 3'),
    )
    const { output, exited } = serverless(['offline'])
    expect(await exited).toBe(1)
    expect(output.stderr).toContain('failed with exit status 3: no such table\n')
    expect(existsSync(join(project, '.cupel/postgres/data/postmaster.pid'))).toBe(false)
    await writeFile(join(project, 'serverless.yml'), text.replace('atStart: { other:', 'atStart: { another:'))
    const unknown = serverless(['offline'])
    expect(await unknown.exited).toBe(1)
    expect(unknown.output.stderr).toContain(
      'custom.localstack.atStart.another is no function of the template; there are hello, other',
    )
    await writeFile(join(project, 'serverless.yml'), text)
  })
})

describe('other commands', () => {
  it('57. package works with layers, without network and credentials, and an msk event without position is TRIM_HORIZON', {
    timeout: 30_000,
  }, async () => {
    const { output, exited } = serverless(['package', '--package', 'packaged'])
    expect([await exited, output.stdout]).toEqual([0, ''])
    expect(existsSync(join(project, 'packaged/common.zip'))).toBe(true)
    const compiled = join(project, 'packaged/cloudformation-template-update-stack.json')
    const { Resources } = JSON.parse(await readFile(compiled, 'utf8'))
    expect(files['serverless.yml']).not.toContain('startingPosition')
    expect(Resources.HelloEventSourceMappingMSKDemoClicks.Properties.StartingPosition).toBe('TRIM_HORIZON')
  })

  it('59. a property that Kafka events do not have is refused by name', {
    timeout: 30_000,
  }, async () => {
    const text = files['serverless.yml']!
    const selfManaged = `
      - kafka:
          accessConfigurations: { saslPlainAuth: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:s' }
          bootstrapServers: ['b:9092']
          topic: orders
          batchWindow: 1`
    await writeFile(
      join(project, 'serverless.yml'),
      text
        .replace('topic: clicks\n', 'topic: clicks\n          batchSise: 1\n')
        .replace('\n      - s3:', `${selfManaged}\n      - s3:`),
    )
    const { output, exited } = serverless(['package'])
    expect(await exited).toBe(1)
    await writeFile(join(project, 'serverless.yml'), text)
    const said = output.stdout + output.stderr
    expect(said).toContain("'functions.hello.events.0.msk': unrecognized property 'batchSise'")
    expect(said).toContain("'functions.hello.events.1.kafka': unrecognized property 'batchWindow'")
  })

  it('invoke local runs the built function with its layers', { timeout: 30_000 }, async () => {
    await writeFile(join(project, 'event.json'), '{"name":"file"}')
    const good = serverless(['invoke', 'local', '-f', 'hello', '--path', 'event.json'])
    const bad = serverless(['invoke', 'local', '-f', 'hello', '--data', '{"name":"nobody"}'])
    expect([await good.exited, JSON.parse(good.output.stdout)]).toEqual([
      0,
      { greeting: 'hello file', uploads: 'foreign-uploads', region: 'eu-central-1' },
    ])
    expect([await bad.exited, JSON.parse(bad.output.stdout)]).toEqual([
      1,
      expect.objectContaining({ errorType: 'TypeError', errorMessage: 'nobody to greet' }),
    ])
  })
})
