import { describe, expect, it } from 'vitest'
import { readConfig } from '#localstack/config.ts'

const project = { directory: '/project', service: 'orders', lambdaPort: 3002 }
const read = (custom: unknown, env: Record<string, string> = {}) => readConfig(custom, env, project)

describe('the settings of the local cloud', () => {
  it('have a default for everything', () => {
    expect(read(undefined)).toEqual({
      directory: '/project/.cupel',
      ports: { kafka: 29092, s3: 29000, postgres: 25432, lambda: 3002 },
      topics: {},
      atStart: {},
      postgres: true,
      database: 'orders',
      duplicates: 0,
      timeScale: 1,
      real: {},
    })
  })

  it('come from serverless.yml, and from the environment over it', () => {
    const custom = {
      directory: 'data',
      ports: { kafka: 1, s3: 2, postgres: 0 },
      topics: { clicks: { partitions: 3 }, views: null },
      prepare: 'npm run migrate',
      atStart: { sweep: { graceMs: 0 }, load: null },
      database: 'shop',
      postgres: false,
    }
    const env = {
      CUPEL_PORT_S3: '0',
      CUPEL_PORT_LAMBDA: '5',
      CUPEL_DIRECTORY: '/elsewhere',
      CUPEL_PORT_KAFKA: '',
    }
    expect(read(custom, env)).toMatchObject({
      directory: '/elsewhere',
      ports: { kafka: 1, s3: 0, postgres: 0, lambda: 5 },
      topics: { clicks: { partitions: 3 }, views: { partitions: 4 } },
      prepare: 'npm run migrate',
      atStart: { sweep: { graceMs: 0 }, load: {} },
      database: 'shop',
      postgres: false,
    })
    expect(read(custom).directory).toBe('/project/data')
  })

  it('make retries come sooner and events come twice, from either', () => {
    const custom = { duplicates: 0.1, timeScale: 60 }
    expect(read(custom)).toMatchObject(custom)
    expect(read(custom, { CUPEL_DUPLICATES: '1', CUPEL_TIME_SCALE: '2.5' })).toMatchObject({
      duplicates: 1,
      timeScale: 2.5,
    })
    expect(() => read({ duplicates: 2 }, { CUPEL_TIME_SCALE: '0' })).toThrow(
      /custom\.localstack\.duplicates is not a number from 0 to 1: 2; CUPEL_TIME_SCALE is not a number from 1 to 10000: 0/,
    )
  })

  it('take real services from the environment', () => {
    const env = {
      KAFKA_BROKERS: 'a:9092,b:9092',
      S3_ENDPOINT: 'http://127.0.0.1:9000',
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'secret',
      DATABASE_URL: 'postgresql://u:p@db/x',
    }
    expect(read({}, env).real).toEqual({
      kafkaBrokers: 'a:9092,b:9092',
      s3: { endpoint: 'http://127.0.0.1:9000', accessKeyId: 'id', secretAccessKey: 'secret' },
      databaseUrl: 'postgresql://u:p@db/x',
    })
  })

  it('take from the environment how an S3 of one’s own announces its changes', () => {
    const env = {
      S3_ENDPOINT: 'http://127.0.0.1:9000',
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'secret',
      S3_EVENTS_TOPIC: 's3-events',
    }
    const target = 'arn:minio:sqs::CUPEL:kafka'
    const s3Events = { topic: 's3-events', groupId: 'orders-s3-events' }
    expect(read({}, env).real.s3Events).toEqual(s3Events)
    expect(read({}, { ...env, S3_EVENTS_TARGET: target }).real.s3Events).toEqual({ ...s3Events, target })
    const S3_EVENTS_QUEUE = 'http://sqs.us-east-1.localhost:4566/000000000000/uploads'
    const queue = { queueUrl: S3_EVENTS_QUEUE, endpoint: 'http://sqs.us-east-1.localhost:4566' }
    expect(read({}, { ...env, S3_EVENTS_QUEUE }).real.s3Events).toEqual({ ...s3Events, queue })
    const AWS_ENDPOINT_URL_SQS = 'http://127.0.0.1:4566'
    expect(read({}, { ...env, S3_EVENTS_QUEUE, AWS_ENDPOINT_URL_SQS }).real.s3Events?.queue).toEqual({
      ...queue,
      endpoint: AWS_ENDPOINT_URL_SQS,
    })
  })

  it.each<[unknown, Record<string, string>, string]>([
    [{}, { S3_EVENTS_TOPIC: 's3-events' }, 'are of an S3 of your own, and S3_ENDPOINT is not set'],
    [{}, { S3_EVENTS_TOPIC: 's3 events' }, 'S3_EVENTS_TOPIC is not the name of a topic'],
    [{}, { S3_EVENTS_TARGET: 'kafka' }, 'S3_EVENTS_TARGET is not an ARN'],
    [{}, { S3_EVENTS_QUEUE: 'uploads' }, 'S3_EVENTS_QUEUE is not the URL of a queue'],
    [{}, { S3_EVENTS_QUEUE: 'http://127.0.0.1:1/1/q' }, 'S3_ENDPOINT is not set'],
    [{ port: 1 }, {}, 'custom.localstack.port is unknown; there are directory, ports,'],
    [{ ports: { redis: 1 } }, {}, 'custom.localstack.ports.redis is unknown'],
    [{ ports: { s3: 70_000 } }, {}, 'custom.localstack.ports.s3 is not a port from 0 to 65535: 70000'],
    [{ topics: { a: { partition: 3 } } }, {}, 'custom.localstack.topics.a.partition is unknown'],
    [
      { topics: { a: { partitions: 0 } } },
      {},
      'custom.localstack.topics.a.partitions is not a count of 1 or more',
    ],
    [{ topics: ['a'] }, {}, 'custom.localstack.topics is not a mapping'],
    [{ prepare: ['x'] }, {}, 'custom.localstack.prepare is not a text'],
    [{ atStart: { sweep: 'now' } }, {}, 'custom.localstack.atStart.sweep is not a mapping'],
    [{ postgres: 'no' }, {}, 'custom.localstack.postgres is neither true nor false'],
    [{}, { CUPEL_PORT_KAFKA: 'x' }, 'CUPEL_PORT_KAFKA is not a port'],
    [{}, { KAFKA_BROKERS: 'localhost' }, 'KAFKA_BROKERS is not host:port'],
    [{}, { S3_ENDPOINT: 'localhost:9000' }, 'S3_ENDPOINT is not an http or https URL'],
    [{}, { S3_ENDPOINT: 'http://localhost:9000' }, 'S3_ENDPOINT needs its credentials in AWS_ACCESS_KEY_ID'],
    [{}, { DATABASE_URL: 'mysql://x' }, 'DATABASE_URL is not a postgres URL'],
  ])('refuse %j with %j', (custom, env, message) => {
    expect(() => read(custom, env)).toThrow(message)
  })

  it('name every problem, and no password', () => {
    const message = /port is unknown.*; DATABASE_URL is not/
    expect(() => read({ port: 1 }, { DATABASE_URL: 'mysql://u:hidden@x' })).toThrow(message)
    expect(() => read({}, { DATABASE_URL: 'mysql://u:hidden@x' })).not.toThrow('hidden')
  })
})
