import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const npm = promisify(execFile)
let workspace: string // with the node_modules of all projects in it

/** A project of somebody else, with one function for each event source and no settings of this package. */
type Project = {
  readonly name: string
  readonly type: 'module' | 'commonjs' // of its package.json
  readonly handlers: string // file name
  readonly layer: boolean
  readonly esbuild?: string // settings of serverless-esbuild
}
const projects: readonly Project[] = [
  { name: 'JavaScript, ESM', type: 'module', handlers: 'handlers.js', layer: false },
  { name: 'JavaScript, ESM, a layer', type: 'commonjs', handlers: 'handlers.mjs', layer: true },
  { name: 'JavaScript, CommonJS', type: 'commonjs', handlers: 'handlers.js', layer: false },
  { name: 'JavaScript, CommonJS, a layer', type: 'module', handlers: 'handlers.cjs', layer: true },
  {
    name: 'TypeScript to CommonJS by serverless-esbuild',
    type: 'commonjs',
    handlers: 'handlers.ts',
    layer: false,
    esbuild: '{ bundle: true }',
  },
  {
    name: 'TypeScript to ESM by serverless-esbuild, a layer',
    type: 'module',
    handlers: 'handlers.ts',
    layer: true,
    esbuild: '{ format: esm, outputFileExtension: .mjs, external: [greeting], exclude: [greeting] }',
  },
]

const serverlessYml = ({ layer, esbuild }: Project) => `
service: foreign
frameworkVersion: '4'
plugins: [${esbuild ? 'serverless-esbuild, ' : ''}serverless-offline, '@cupel/localstack']
provider: { name: aws, runtime: nodejs22.x${layer ? ', layers: [!Ref CommonLambdaLayer]' : ''} }
${layer ? 'layers: { common: { path: layer } }' : ''}
${esbuild ? `custom: { esbuild: ${esbuild} }` : ''}
functions:
  clicks:
    handler: src/handlers.clicks
    events: [{ msk: { arn: 'arn:aws:kafka:us-east-1:123456789012:cluster/demo/751d2973-2', topic: clicks } }]
  orders:
    handler: src/handlers.orders
    events:
      - kafka:
          topic: orders
          bootstrapServers: ['b-1.example:9092']
          accessConfigurations: { saslScram512Auth: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:kafka' }
  uploads: { handler: src/handlers.uploads, events: [{ s3: foreign-uploads }] }
  tick: { handler: src/handlers.tick, events: [{ schedule: rate(1 minute) }] }
`

function handlersOf({ handlers, layer, type }: Project): string {
  const isTypeScript = handlers.endsWith('.ts')
  const isModule =
    isTypeScript || handlers.endsWith('.mjs') || (handlers.endsWith('.js') && type === 'module')
  const imported = isModule ? "import { greet } from 'greeting'" : "const { greet } = require('greeting')"
  return `
${layer ? imported : "const greet = (name) => 'hello ' + name"}
const say = (what${isTypeScript ? ': string' : ''}) => async (event${isTypeScript ? ': any' : ''}) => {
  const values = Object.values(event.records ?? {}).flat().map((each${isTypeScript ? ': any' : ''}) => atob(each.value))
  const keys = (event.Records ?? []).map((each${isTypeScript ? ': any' : ''}) => each.s3.object.key)
  console.log(what, event.eventSource ?? event.source ?? 'aws:s3', greet([...values, ...keys].join()))
}
${isModule ? 'export const' : 'Object.assign(exports, (([clicks, orders, uploads, tick]) => ({ clicks, orders, uploads, tick }))('}${
  isModule
    ? " [clicks, orders, uploads, tick] = ['clicks', 'orders', 'uploads', 'tick'].map(say)"
    : "['clicks', 'orders', 'uploads', 'tick'].map(say)))"
}
`.replace('(name) =>', isTypeScript ? '(name: string) =>' : '(name) =>')
}

beforeAll(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'localstack-installed-'))
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  await npm('npm', ['pack', '--ignore-scripts', '--pack-destination', workspace], {
    cwd: join(root, 'localstack'),
  })
  const { version, dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  await writeFile(join(workspace, 'package.json'), '{ "private": true }')
  const installed = [
    `./cupel-localstack-${version}.tgz`,
    `serverless@${dependencies.serverless}`,
    `serverless-offline@${dependencies['serverless-offline']}`,
    'serverless-esbuild@1.57.2',
    `esbuild@${dependencies.esbuild}`,
  ]
  await npm('npm', ['install', ...quiet, '--prefer-offline', ...installed], { cwd: workspace })
})
afterAll(() => rm(workspace, { recursive: true, force: true }))

describe.concurrent('@cupel/localstack, packed and installed', () => {
  it.for(projects)('runs a project of somebody else: $name', async (project, { expect }) => {
    const directory = await mkdtemp(join(workspace, 'project-'))
    const greeting = 'layer/nodejs/node_modules/greeting'
    const files = {
      'package.json': JSON.stringify({ private: true, type: project.type }),
      'serverless.yml': serverlessYml(project),
      [`src/${project.handlers}`]: handlersOf(project),
      ...(project.layer && {
        [`${greeting}/package.json`]: JSON.stringify({
          exports: { import: './index.mjs', require: './index.cjs' },
        }),
        [`${greeting}/index.mjs`]: "export const greet = (name) => 'hello ' + name",
        [`${greeting}/index.cjs`]: "exports.greet = (name) => 'hello ' + name",
      }),
    }
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, name)), { recursive: true })
      await writeFile(join(directory, name), text)
    }
    const child = fork(join(workspace, 'node_modules/serverless/bin/serverless.js'), ['offline'], {
      cwd: directory,
      silent: true,
      execArgv: [],
      env: environment(),
    })
    const exited = once(child, 'close')
    let output = ''
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    try {
      const ended = exited.then(() => Promise.reject(new Error(`ended before it was ready: ${output}`)))
      const [{ endpoints }] = (await Promise.race([once(child, 'message'), ended])) as [
        { endpoints: { kafka: string; s3: string } },
      ]
      const producer = new Kafka({ brokers: [endpoints.kafka], logLevel: logLevel.NOTHING }).producer()
      await producer.connect()
      await producer.send({ topic: 'clicks', messages: [{ value: 'a click' }] })
      await producer.send({ topic: 'orders', messages: [{ value: 'an order' }] })
      await producer.disconnect()
      const s3 = new S3Client({
        endpoint: endpoints.s3,
        region: 'us-east-1',
        forcePathStyle: true,
        credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
      })
      await s3.send(new PutObjectCommand({ Bucket: 'foreign-uploads', Key: 'an-upload', Body: 'x' }))
      s3.destroy()

      for (const line of [
        'clicks aws:kafka hello a click',
        'orders SelfManagedKafka hello an order',
        'uploads aws:s3 hello an-upload',
        'tick aws.events hello', // after a minute
      ])
        await expect.poll(() => output, { timeout: 120_000, interval: 250 }).toContain(line)
    } finally {
      child.kill('SIGINT')
      await exited.catch(() => {})
    }
    expect(child.exitCode, output).toBe(0)
  })
})

/** Its own ports and no credentials. */
function environment() {
  const { PATH, HOME } = process.env
  const ports = ['KAFKA', 'S3', 'POSTGRES', 'LAMBDA'].map((name) => [`CUPEL_PORT_${name}`, '0'])
  return { PATH, HOME, AWS_EC2_METADATA_DISABLED: 'true', ...Object.fromEntries(ports) }
}
