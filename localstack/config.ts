import { resolve } from 'node:path'

/** Settings of the local cloud: `custom.localstack` in serverless.yml, and environment variables over it. */
export type LocalConfig = {
  readonly directory: string // absolute; holds all data
  readonly ports: Readonly<Record<'kafka' | 's3' | 'postgres' | 'lambda', number>> // 0: any free one
  readonly topics: Readonly<Record<string, { readonly partitions: number }>>
  readonly prepare?: string // shell command, run when the services are up
  readonly atStart: Readonly<Record<string, object>> // events by function key, each enqueued once when event sources run
  readonly postgres: boolean
  readonly database: string
  readonly duplicates: number // share of asynchronous events that are delivered twice
  readonly timeScale: number // the waits before retries of asynchronous invocations are so many times shorter
  readonly inspect?: number // port of the first function's inspector; nothing is inspected without
  /** Services to use in place of the embedded ones. */
  readonly real: {
    readonly kafkaBrokers?: string // host:port, comma-separated
    readonly s3?: S3Credentials & { readonly endpoint: string }
    readonly s3Events?: S3Events
    readonly databaseUrl?: string
  }
}

export type S3Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string }

/** How an S3 of one's own announces changes of its objects. Without topic and queue, by a webhook that it was given by hand. */
export type S3Events = {
  /** Of the Kafka in use: the S3 publishes its notifications there, and they are read with `groupId`. */
  readonly topic?: string
  readonly groupId: string
  /** SQS: the S3 notifies this queue, and it is polled. `endpoint` is where SQS answers. */
  readonly queue?: { readonly queueUrl: string; readonly endpoint: string }
  /** ARN of a target that the S3 knows: the template's notifications are put on their buckets with it. */
  readonly target?: string
}

const properties = [
  'directory',
  'ports',
  'topics',
  'prepare',
  'atStart',
  'database',
  'postgres',
  'duplicates',
  'timeScale',
]
const defaultPorts = { kafka: 29092, s3: 29000, postgres: 25432 }
export const defaultPartitions = 4

/**
 * Reads and checks the settings. Throws one Error that names every problem by its path or variable.
 * `lambdaPort` is serverless-offline's own setting.
 */
export function readConfig(
  custom: unknown,
  env: Readonly<Record<string, string | undefined>>,
  project: { readonly directory: string; readonly service: string; readonly lambdaPort: number },
): LocalConfig {
  const problems: string[] = []
  const at = (path: string) => `custom.localstack${path}`
  const object = (value: unknown, path: string, known?: readonly string[]): Record<string, unknown> => {
    if (value === undefined || value === null) return {}
    if (typeof value !== 'object' || Array.isArray(value)) {
      problems.push(`${at(path)} is not a mapping`)
      return {}
    }
    for (const name of Object.keys(value)) {
      if (known && !known.includes(name)) {
        problems.push(`${at(`${path}.${name}`)} is unknown; there are ${known.join(', ')}`)
      }
    }
    return value as Record<string, unknown>
  }
  const text = (value: unknown, path: string): string | undefined => {
    if (value === undefined) return undefined
    if (typeof value === 'string' && value !== '') return value
    problems.push(`${at(path)} is not a text`)
    return undefined
  }
  const port = (value: unknown, where: string): number => {
    const number = typeof value === 'string' ? Number(value || Number.NaN) : value
    if (Number.isInteger(number) && (number as number) >= 0 && (number as number) <= 65_535)
      return number as number
    problems.push(`${where} is not a port from 0 to 65535: ${value}`)
    return 0
  }

  const number = (value: unknown, where: string, from: number, to: number): number => {
    const read = typeof value === 'string' ? Number(value || Number.NaN) : value
    if (typeof read === 'number' && read >= from && read <= to) return read
    problems.push(`${where} is not a number from ${from} to ${to}: ${value}`)
    return from
  }

  const given = object(custom, '', properties)
  const numberOf = (name: 'duplicates' | 'timeScale', variable: string, from: number, to: number) =>
    env[variable]
      ? number(env[variable], variable, from, to)
      : number(given[name] ?? from, at(`.${name}`), from, to)
  const ports = object(given.ports, '.ports', Object.keys(defaultPorts))
  const portOf = (name: 'kafka' | 's3' | 'postgres'): number => {
    const variable = `CUPEL_PORT_${name.toUpperCase()}`
    if (env[variable]) return port(env[variable], variable)
    return port(ports[name] ?? defaultPorts[name], at(`.ports.${name}`))
  }
  const topics = Object.entries(object(given.topics, '.topics')).map(([topic, value]) => {
    const { partitions = defaultPartitions } = object(value, `.topics.${topic}`, ['partitions'])
    if (Number.isInteger(partitions) && (partitions as number) >= 1)
      return [topic, { partitions: partitions as number }]
    problems.push(`${at(`.topics.${topic}.partitions`)} is not a count of 1 or more`)
    return [topic, { partitions: 1 }]
  })
  if (given.postgres !== undefined && typeof given.postgres !== 'boolean') {
    problems.push(`${at('.postgres')} is neither true nor false`)
  }
  const prepare = text(given.prepare, '.prepare')
  const atStart = Object.entries(object(given.atStart, '.atStart')).map(([key, event]) => [
    key,
    object(event, `.atStart.${key}`),
  ])
  const directory = env.CUPEL_DIRECTORY || (text(given.directory, '.directory') ?? '.cupel')
  const database = text(given.database, '.database') ?? project.service
  const lambda = env.CUPEL_PORT_LAMBDA
    ? port(env.CUPEL_PORT_LAMBDA, 'CUPEL_PORT_LAMBDA')
    : port(project.lambdaPort, 'custom.serverless-offline.lambdaPort')
  const config: LocalConfig = {
    directory: resolve(project.directory, directory),
    ports: { kafka: portOf('kafka'), s3: portOf('s3'), postgres: portOf('postgres'), lambda },
    topics: Object.fromEntries(topics),
    ...(prepare !== undefined && { prepare }),
    atStart: Object.fromEntries(atStart),
    postgres: given.postgres !== false,
    database,
    duplicates: numberOf('duplicates', 'CUPEL_DUPLICATES', 0, 1),
    timeScale: numberOf('timeScale', 'CUPEL_TIME_SCALE', 1, 10_000),
    ...(env.CUPEL_INSPECT && { inspect: port(env.CUPEL_INSPECT, 'CUPEL_INSPECT') || 9229 }),
    real: realServices(env, problems, project.service),
  }
  if (problems.length > 0) throw new Error(`invalid configuration: ${problems.join('; ')}`)
  return config
}

function realServices(
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
  service: string,
): LocalConfig['real'] {
  const { S3_EVENTS_TOPIC, S3_EVENTS_QUEUE, S3_EVENTS_TARGET, AWS_ENDPOINT_URL_SQS } = env
  const announces = Boolean(S3_EVENTS_TOPIC || S3_EVENTS_QUEUE || S3_EVENTS_TARGET)
  const { KAFKA_BROKERS, S3_ENDPOINT, DATABASE_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = env
  if (KAFKA_BROKERS && !/^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/.test(KAFKA_BROKERS)) {
    problems.push('KAFKA_BROKERS is not host:port, or several with commas between')
  }
  if (S3_ENDPOINT && !/^https?:$/.test(protocolOf(S3_ENDPOINT))) {
    problems.push('S3_ENDPOINT is not an http or https URL')
  }
  if (DATABASE_URL && !/^postgres(ql)?:$/.test(protocolOf(DATABASE_URL))) {
    problems.push('DATABASE_URL is not a postgres URL')
  }
  if (S3_ENDPOINT && !(AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY)) {
    problems.push('S3_ENDPOINT needs its credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
  }
  if (announces && !S3_ENDPOINT) {
    problems.push(
      'S3_EVENTS_TOPIC, S3_EVENTS_QUEUE and S3_EVENTS_TARGET are of an S3 of your own, and S3_ENDPOINT is not set',
    )
  }
  if (S3_EVENTS_TOPIC && !/^[\w.-]{1,249}$/.test(S3_EVENTS_TOPIC)) {
    problems.push('S3_EVENTS_TOPIC is not the name of a topic: letters, digits, `.`, `_` and `-`')
  }
  if (S3_EVENTS_QUEUE && !/^https?:$/.test(protocolOf(S3_EVENTS_QUEUE))) {
    problems.push('S3_EVENTS_QUEUE is not the URL of a queue, as http://127.0.0.1:4566/000000000000/NAME is')
  }
  if (S3_EVENTS_TARGET && !/^arn:[^:]*:[^:]*:[^:]*:[^:]*:.+$/.test(S3_EVENTS_TARGET)) {
    problems.push('S3_EVENTS_TARGET is not an ARN, as arn:minio:sqs::NAME:kafka is')
  }
  return {
    ...(announces && {
      s3Events: {
        groupId: `${service}-s3-events`,
        ...(S3_EVENTS_TOPIC && { topic: S3_EVENTS_TOPIC }),
        ...(S3_EVENTS_QUEUE && {
          queue: {
            queueUrl: S3_EVENTS_QUEUE,
            // LocalStack names its queues by a host that not every machine resolves.
            endpoint: AWS_ENDPOINT_URL_SQS || originOf(S3_EVENTS_QUEUE),
          },
        }),
        ...(S3_EVENTS_TARGET && { target: S3_EVENTS_TARGET }),
      },
    }),
    ...(KAFKA_BROKERS && { kafkaBrokers: KAFKA_BROKERS }),
    ...(S3_ENDPOINT && {
      s3: {
        endpoint: S3_ENDPOINT,
        accessKeyId: AWS_ACCESS_KEY_ID ?? '',
        secretAccessKey: AWS_SECRET_ACCESS_KEY ?? '',
      },
    }),
    ...(DATABASE_URL && { databaseUrl: DATABASE_URL }),
  }
}

const protocolOf = (url: string): string => (URL.canParse(url) ? new URL(url).protocol : '')
const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : '')
