import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ComposeConfig, progressOf, startContainers, whyNotUp } from '#operations/cli/compose.ts'
import { cupel, root } from '../support/cupel.ts'
import { type Answer, fakeDocker } from '../support/fake-docker.ts'

const read = (file: string) => readFileSync(join(root, 'localstack', file), 'utf8')

describe('localstack/compose.yml', () => {
  const text = read('compose.yml')
  type Service = {
    image: string
    ports: string[]
    healthcheck: { test: string[] }
    environment: Record<string, string>
    volumes?: string[]
  }
  const compose = load(text) as {
    services: Record<string, Service>
    volumes: Record<string, null>
    'x-variables': Record<string, string>
  }
  const services = Object.values(compose.services)

  it('starts each service in an exact version, on loopback only, with a health check', () => {
    expect(Object.keys(compose.services)).toEqual(['kafka', 'minio', 'postgres', 'pgadmin'])
    for (const { image, ports, healthcheck } of services) {
      expect(image).toMatch(/:[\w.-]*\d[\w.-]*(@sha256:[0-9a-f]{64})?$/)
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\$\{\w+:-\d+\}:\d+$/)
      expect(healthcheck.test[0]).toBe('CMD')
    }
  })

  it('keeps the data in volumes, each used once', () => {
    expect(Object.keys(compose.volumes)).toEqual(['kafka_data', 'minio_data', 'postgres_data'])
    expect(services.flatMap(({ volumes = [] }) => volumes.map((each) => each.split(':')[0]))).toEqual(
      Object.keys(compose.volumes),
    )
  })

  it('has one default for each setting, which .env.example says', () => {
    const defaults = new Set(
      [...text.matchAll(/\$\{(\w+):-([^}]*)\}/g)].map(([, name, value]) => `${name}=${value}`),
    )
    const example = read('.env.example')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    expect([...defaults].sort()).toEqual([...example].sort())
    expect(text.match(/\$/g)).toHaveLength([...text.matchAll(/\$\{\w+:-/g)].length) // no other interpolation
  })

  it('tells programs on this machine what it tells the services', () => {
    const { kafka, minio, postgres } = compose.services as Record<string, Service>
    const variables = compose['x-variables']
    expect(kafka!.environment.KAFKA_ADVERTISED_LISTENERS).toContain(`HOST://${variables.KAFKA_BROKERS},`)
    expect(variables.S3_EVENTS_TOPIC).toBe(minio!.environment.MINIO_NOTIFY_KAFKA_TOPIC_CUPEL)
    expect(variables.AWS_ACCESS_KEY_ID).toBe(minio!.environment.MINIO_ROOT_USER)
    expect(variables.AWS_SECRET_ACCESS_KEY).toBe(minio!.environment.MINIO_ROOT_PASSWORD)
    const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = postgres!.environment
    expect(variables.DATABASE_URL).toMatch(`postgres://${POSTGRES_USER}:${POSTGRES_PASSWORD}@127.0.0.1:`)
    expect(variables.DATABASE_URL?.endsWith(`/${POSTGRES_DB}`)).toBe(true)
  })
})

describe('what docker compose says', () => {
  const config = { services: { postgres: { ports: [{ published: '5432' }] } } } as unknown as ComposeConfig

  // As Docker 24 to 28 and Docker Desktop write them.
  it.each([
    [
      'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
      /does not run/,
    ],
    [
      'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get …',
      /refuses this account: add it to the group docker/,
    ],
    [
      'Error response from daemon: driver failed programming external connectivity on endpoint cupel-postgres-1 (4f): ' +
        'Bind for 127.0.0.1:5432 failed: port is already allocated',
      /port 5432 for postgres is taken.*localstack\/\.env/,
    ],
    [
      'Error response from daemon: failed to set up container networking: driver failed programming external ' +
        'connectivity on endpoint cupel-postgres-1: failed to bind host port 127.0.0.1:5432/tcp: address already in use',
      /port 5432 for postgres is taken/,
    ],
    [
      'Error response from daemon: Ports are not available: exposing port TCP 127.0.0.1:9000 -> 127.0.0.1:0: ' +
        'listen tcp 127.0.0.1:9000: bind: address already in use',
      /port 9000 is taken/,
    ],
    ['container cupel-kafka-1 is unhealthy', /cupel-kafka-1 does not get healthy: docker logs cupel-kafka-1/],
    [
      'Error response from daemon: toomanyrequests: You have reached your pull rate limit.',
      /toomanyrequests/,
    ],
  ])('%s: becomes a line that says what to do', (said, expected) => {
    const why = whyNotUp([' kafka Pulled ', said, ''], config)
    expect(why).toMatch(expected)
    expect(why).not.toContain('\n')
  })

  it('of its progress shows images and healthy containers', () => {
    const lines = [
      ' kafka Pulling ',
      ' 9824c27679d3 Pulling fs layer ',
      ' 9824c27679d3 Pulled ',
      ' Image postgres:18.4 Pulled ',
      ' Container cupel-kafka-1  Creating',
      ' Container cupel-kafka-1  Healthy',
    ]
    expect(lines.flatMap(progressOf)).toEqual([
      '  kafka is being fetched',
      '  postgres:18.4 is fetched',
      '  cupel-kafka-1 is healthy',
    ])
  })
})

describe('starting and deleting the containers', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cupel-docker-'))
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(directory, { recursive: true })
  })
  async function withDocker(answers: Record<string, Answer>) {
    const docker = await fakeDocker(directory, answers)
    vi.stubEnv('PATH', docker.path)
    return docker
  }
  const notes: string[] = []
  const signal = new AbortController().signal
  const start = () => startContainers(root, { note: (line) => notes.push(line), signal })
  const stdout = JSON.stringify({
    services: { kafka: { ports: [{ published: '9092' }] } },
    'x-variables': { KAFKA_BROKERS: '127.0.0.1:9092' },
    'x-pages': { pgAdmin: 'http://127.0.0.1:5050' },
  })
  const resolved = { version: { stdout: 'dev\n' }, config: { stdout } }

  it('waits until they are healthy, and gives the variables that compose resolved', async () => {
    const docker = await withDocker({ ...resolved, up: { stderr: ' Container cupel-kafka-1  Healthy\n' } })
    expect(await start()).toEqual({
      variables: { KAFKA_BROKERS: '127.0.0.1:9092' },
      pages: { pgAdmin: 'http://127.0.0.1:5050' },
    })
    expect(notes.at(-1)).toBe('  cupel-kafka-1 is healthy')
    expect(await docker.calls()).toEqual([
      'compose version --short',
      'compose --file localstack/compose.yml config --format json',
      'compose --file localstack/compose.yml --progress plain up --detach --wait --wait-timeout 300',
    ])
  })

  it('refuses when the environment names other services', async () => {
    vi.stubEnv('S3_ENDPOINT', 'http://127.0.0.1:1')
    await expect(start()).rejects.toThrow(/^S3_ENDPOINT is set, and --services compose .*: unset it/)
  })

  it('says when docker is not here', async () => {
    vi.stubEnv('PATH', directory)
    await expect(start()).rejects.toThrow(/^docker is not here: install/)
  })

  const port = 'Bind for 127.0.0.1:9092 failed: port is already allocated\n'
  it.each<[string, Record<string, Answer>, RegExp]>([
    ['no compose plugin', { version: { exitCode: 1 } }, /docker has no compose plugin: install/],
    [
      'an old one',
      { version: { stdout: 'v2.20.2-desktop.1\n' } },
      /Docker Compose 2\.20\.2 is too old.*2\.23\.1/,
    ],
    [
      'a wrong .env',
      {
        version: { stdout: '2.40.3\n' },
        config: { stderr: 'failed to read localstack/.env: line 2', exitCode: 1 },
      },
      /does not accept localstack\/compose\.yml: failed to read/,
    ],
    ['a taken port', { ...resolved, up: { stderr: port, exitCode: 1 } }, /port 9092 for kafka is taken/],
  ])('says what is wrong: %s', async (_, answers, expected) => {
    await withDocker(answers)
    await expect(start()).rejects.toThrow(expected)
  })

  it('is a part of reset, when it is told so', async () => {
    const docker = await withDocker({})
    const missing = join(directory, 'missing')
    const run = cupel(['reset', '--services', 'compose'], { PATH: docker.path, CUPEL_DIRECTORY: missing })
    expect(await run.exit, run.output()).toBe(0)
    expect(run.output()).toContain('Deleted the containers of localstack/compose.yml and their volumes\n')
    expect(await docker.calls()).toEqual([
      'compose --file localstack/compose.yml --progress plain down --volumes',
    ])
  })
})
