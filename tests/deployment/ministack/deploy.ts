import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DeleteObjectsCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { readTemplate, type Template } from '#localstack/template.ts'
import { buildAll } from '#operations/build.ts'
import { differences, type Facts, factsOfCloud, factsOfWiring } from './facts.ts'
import { installMinistack, type Ministack, startMinistack } from './ministack.ts'
import { flowThroughQueue } from './queue-flow.ts'

const account = {
  region: 'us-east-1',
  accountId: '123456789012', // that of the cluster in serverless.yml
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
}
const stage = 'local'
const lake = 'cupel-lake-local'
const runMs = 60_000 // for a cold function with a native engine on a loaded machine

/**
 * `npm run deploy:local`: deploys what `serverless package` made to an AWS on loopback, sees a function run there after an
 * upload, compares what stands there with what the local cloud derives from the same template, and removes it again.
 * Then the other way around: functions run here, on that AWS's S3, whose notifications come through its SQS.
 * Exit code 0 when all of it holds, or when there is no Python to run that AWS; 1 otherwise.
 */
async function main(root: string): Promise<number> {
  const program = await installMinistack(join(root, '.build/tools'))
  if (program === undefined) {
    console.log('SKIPPED: deploying to ministack (no python3 from 3.10, with venv, here)')
    return 0
  }
  const directory = await mkdtemp(join(tmpdir(), 'cupel-deploy-'))
  let cloud: Ministack | undefined
  const interrupt = () => process.exit(130) // ends ministack too
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    await buildAll(root)
    cloud = await startMinistack(program, directory, root, account.accountId)
    say(`ministack at ${cloud.endpoint}`)
    const stands = await deployAndLook(root, directory, cloud)
    const wrong = await flowThroughQueue(root, directory, cloud.endpoint, account)
    say(wrong ?? 'with its S3 and a queue of its SQS, the layers of a local start reconcile')
    const holds = stands && wrong === undefined
    if (!holds) console.error(errorsIn(cloud.log()))
    return holds ? 0 : 1
  } catch (error) {
    console.error(`Error: ${(error as Error).message}`)
    if (cloud) console.error(errorsIn(cloud.log()))
    return 1
  } finally {
    await cloud?.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

async function deployAndLook(root: string, directory: string, { endpoint }: Ministack): Promise<boolean> {
  const packaged = join(directory, 'package')
  const serverless = (...args: string[]) =>
    runServerless(root, args, {
      HOME: directory, // no profile of the person who runs this
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
      AWS_SESSION_TOKEN: '',
      AWS_PROFILE: '',
    })
  const s3 = new S3Client({ endpoint, ...account, forcePathStyle: true })
  try {
    await serverless('package', '--stage', stage, '--package', packaged)
    say('packaged')
    await serverless('deploy', '--stage', stage, '--package', packaged)
    const promised = await factsOfPackage(packaged)
    const standing = () => factsOfCloud(endpoint, account.region, account.credentials)
    const found = await standing()
    say(`deployed: ${countsOf(found)}`)
    const differing = differences(promised, found)
    if (differing.length === 0)
      say('the local cloud derives the same from the template as far as ministack keeps it')
    else say(`the local cloud derives (-) other than what stands there (+):\n${differing.join('\n')}`)

    const missing = await missingAfterUpload(s3)
    if (missing.length === 0) say('an upload to bronze ran refine, which wrote silver and quarantine')
    else say(`${runMs / 1000} s after an upload to bronze there is no ${missing.join(' and no ')}`)

    await empty(s3, promised)
    await serverless('remove', '--stage', stage)
    const left = await standing()
    say(left.length === 0 ? 'removed' : `left behind by the removal:\n${left.join('\n')}`)
    return differing.length + missing.length + left.length === 0
  } finally {
    s3.destroy()
  }
}

/** What the local cloud makes of the very template that is deployed. */
async function factsOfPackage(packaged: string): Promise<Facts> {
  const json = async (name: string) => JSON.parse(await readFile(join(packaged, name), 'utf8'))
  const [template, state] = await Promise.all([
    json('cloudformation-template-update-stack.json'),
    json('serverless-state.json'),
  ])
  const functions = Object.entries(state.service.functions as Record<string, { name: string }>)
  const layers = Object.entries(template.Resources as Template['Resources'] & object).flatMap(
    ([id, { Type, Properties }]) =>
      Type === 'AWS::Lambda::LayerVersion' ? [[id, (Properties as { LayerName: string }).LayerName]] : [],
  )
  const wiring = readTemplate(template, {
    stackName: `${state.service.service}-${stage}`,
    region: account.region,
    accountId: account.accountId,
    functionKeys: Object.fromEntries(functions.map(([key, { name }]) => [name, key])),
    layerDirectories: Object.fromEntries(layers),
  })
  for (const warning of wiring.warnings) say(`warning of the local cloud: ${warning}`)
  return factsOfWiring(wiring)
}

/** Uploads a bronze object of a good record and a broken one. What refine should have written and has not. */
async function missingAfterUpload(s3: S3Client): Promise<readonly string[]> {
  const merchant = {
    merchant_id: '5e6f7a8b-1c2d-4e3f-9a0b-c1d2e3f4a5b6',
    name: 'Uploaded & Sons',
    category: 'fuel',
    risk: 'low',
    country: 'Japan',
    city: '大阪',
    updated_at: '2026-02-03T04:05:06Z',
  }
  const line = (offset: number, value: object) =>
    `${JSON.stringify({ topic: 'merchant_info', partition: 8, offset, timestamp: 1_770_091_506_000, key: null, headers: [], format: 'json', value })}\n`
  const name = 'by hand/merchants & more'
  await s3.send(
    new PutObjectCommand({
      Bucket: lake,
      Key: `bronze/merchant-folder/${name}.ndjson`,
      Body: line(0, merchant) + line(1, { ...merchant, country: 'nowhere' }),
    }),
  )
  const awaited = [`silver/processed-merchants/${name}.parquet`, `quarantine/merchants/${name}.ndjson`]
  const isThere = (Key: string) =>
    s3.send(new HeadObjectCommand({ Bucket: lake, Key })).then(
      () => true,
      () => false,
    )
  for (const startedMs = performance.now(); ; await sleep(250)) {
    const there = await Promise.all(awaited.map(isThere))
    if (there.every(Boolean) || performance.now() - startedMs > runMs)
      return awaited.filter((_, index) => !there[index])
  }
}

/** CloudFormation deletes no bucket that holds objects. */
async function empty(s3: S3Client, facts: Facts): Promise<void> {
  for (const fact of facts) {
    const Bucket = /^bucket (.*)$/.exec(fact)?.[1]
    if (Bucket === undefined) continue
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }))
    const Objects = Contents.map(({ Key }) => ({ Key }))
    if (Objects.length > 0) await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
  }
}

async function runServerless(
  root: string,
  args: string[],
  environment: Record<string, string>,
): Promise<void> {
  const program = createRequire(join(root, 'package.json')).resolve('serverless/bin/serverless.js')
  const child = spawn(process.execPath, [program, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FORCE_COLOR: '0', ...environment },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`serverless ${args.join(' ')} failed with exit code ${code}:\n${output}`)
}

const countsOf = (facts: Facts): string => {
  const counts = new Map<string, number>()
  for (const fact of facts) {
    const kind = fact.slice(0, fact.indexOf(' '))
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts].map(([kind, count]) => `${count} ${kind}${count === 1 ? '' : 's'}`).join(', ')
}

const errorsIn = (log: string): string =>
  log
    .split('\n')
    .filter((line) => /error|warning/i.test(line))
    .slice(-20)
    .join('\n')

const started = performance.now()
const say = (line: string) =>
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}`)

process.exitCode = await main(process.cwd()) // as npm runs it: in the project's directory
