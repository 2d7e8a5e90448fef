/** What AWS does, one behaviour a number. Tests that show it here have a name that begins with the number: `7. …`. */
export type Behaviour = {
  readonly number: number
  readonly aws: string // what AWS does
  readonly page: string // that says so
  readonly differs?: string // how the local cloud differs on purpose, or what AWS leaves open and is decided here
  readonly missing?: string // why there is no test: what is not emulated
}

const guide = (page: string) => `https://docs.aws.amazon.com/lambda/latest/dg/${page}.html`
const lambdaApi = (page: string) => `https://docs.aws.amazon.com/lambda/latest/api/${page}.html`
const s3Guide = (page: string) => `https://docs.aws.amazon.com/AmazonS3/latest/userguide/${page}.html`
const eventBridge = (page: string) => `https://docs.aws.amazon.com/eventbridge/latest/userguide/${page}.html`
const serverless = (page: string) => `https://github.com/oss-serverless/osls/blob/4.x/docs/events/${page}.md`

const msk = guide('with-msk')
const kafka = guide('with-kafka')
const configure = guide('with-msk-configure')
const sourceMapping = guide('invocation-eventsourcemapping')
const mappingApi = lambdaApi('API_CreateEventSourceMapping')
const positions = guide('kafka-starting-positions')
const groups = guide('kafka-consumer-group-id')
const scaling = guide('kafka-scaling-modes')
const retries = guide('kafka-retry-configurations')
const onFailure = guide('kafka-on-failure')
const kafkaDestination = guide('kafka-on-failure-destination')
const filtering = guide('kafka-filtering')
const filterSyntax = guide('invocation-eventfiltering')
const notification = s3Guide('notification-content-structure')
const s3Filtering = s3Guide('notification-how-to-filtering')
const async = guide('invocation-async-error-handling')
const rules = eventBridge('eb-create-rule-schedule')
const invoke = lambdaApi('API_Invoke')
const limits = guide('gettingstarted-limits')
const environment = guide('lambda-runtime-environment')

type Rest = Pick<Behaviour, 'differs' | 'missing'>
const parts: Record<string, readonly (readonly [aws: string, page: string, rest?: Rest])[]> = {
  'Kafka: the event': [
    ['MSK: `eventSource` is `aws:kafka`, with `eventSourceArn`', msk],
    ['self-managed: `eventSource` is `SelfManagedKafka`, without ARN', kafka],
    ['`bootstrapServers` is one text, with commas', msk, { differs: 'names the broker that is read here' }],
    ['`records` are under `<topic>-<partition>`', msk],
    ['offset, partition and timestamp are numbers', msk],
    ['`timestampType` follows the topic', msk],
    ['key and value are base64 of the bytes', msk],
    ['without key there is no `key`', filtering],
    [
      'a tombstone has no `value`',
      filtering,
      { differs: 'AWS documents no form; this one is what clients met' },
    ],
    ['header bytes are signed', msk],
    [
      'headers are a list, repeated names too',
      msk,
      { differs: 'headers of different names that interleave are grouped by name' },
    ],
  ],
  'Kafka: batches': [
    ['`BatchSize` at most, in partition order', sourceMapping],
    ['the default window is 500 ms', mappingApi],
    ['a window starts with the first record', sourceMapping],
    ['a full batch does not wait', sourceMapping],
    ['window 0 sends what is there', guide('with-kafka-low-latency')],
    ['no event is above 6 MB, base64 counted', sourceMapping],
    [
      'a record too large for an event goes to the destination',
      onFailure,
      { differs: 'without a destination it is skipped, with a line that names it; AWS does not say' },
    ],
    ['a batch may hold several partitions', configure],
    ['an empty topic invokes nothing', sourceMapping],
  ],
  'Kafka: position and group': [
    ['TRIM_HORIZON reads from the beginning', positions],
    ['LATEST reads what comes', positions, { differs: 'misses nothing while it is being created' }],
    ['AT_TIMESTAMP reads from a second on', positions],
    ['committed offsets win over the position', groups],
    ['the default group is the mapping’s id', groups, { differs: 'derived from the logical id' }],
    ['another member of the group gets its part', groups],
    ['`enabled: false` joins no group', mappingApi],
  ],
  'Kafka: order and offsets': [
    ['one invocation at a time for a partition', configure],
    ['at most as many invocations as partitions', scaling],
    [
      'pollers work at the same time',
      scaling,
      { differs: '`MinimumPollers`, 10 at most; no scaling with the lag' },
    ],
    ['commits follow success', configure],
    ['what is committed is the last offset + 1', configure],
    ['a crash gives duplicates, never a loss', sourceMapping],
  ],
  'Kafka: failures': [
    ['the same batch comes again, later ones wait', configure],
    [
      'retries are infinite by default',
      retries,
      { differs: 'from 0.2 to 30 s apart; AWS publishes no numbers' },
    ],
    ['a timeout is a failure', configure],
    ['`MaximumRetryAttempts` come after the first', retries, { differs: 'a throttled call is no attempt' }],
    ['infinite retries end after 10 with a destination', retries],
    ['too old records are not sent', retries],
    [
      'bisecting isolates a bad record',
      retries,
      { differs: 'in the middle, at the cost of no retry, as for Kinesis; AWS does not say for Kafka' },
    ],
    [
      'reported records come again, others do not',
      retries,
      { differs: 'just those, before the rest of their partition; AWS does not say how order is kept' },
    ],
    ['an empty or no list reports nothing', retries],
    ['a wrong address fails the batch', retries],
    ['an identifier as text fails the batch', retries],
    ['only with `FunctionResponseTypes`', retries],
    [
      'SQS, SNS and S3 destinations',
      onFailure,
      { differs: 'SQS and SNS are files in `destinations/`; AWS documents no key for S3' },
    ],
    ['Kafka destination: a message a record', kafkaDestination],
    ['the source topic is no destination', kafkaDestination],
    [
      'a destination that is down loses records',
      guide('monitoring-metrics-types'),
      { differs: 'after 3 tries' },
    ],
  ],
  'Kafka: filters': [
    ['filters are ORed, fields ANDed', filterSyntax],
    ['unmatched records are committed, not sent', filterSyntax],
    ['only unmatched records: no invocation', filterSyntax],
    ['another form than the pattern’s is delivered', filtering],
    ['numbers are equal by their text', filterSyntax],
    ['`exists` looks at leaves', filterSyntax],
    ['only `value` is filtered', filtering, { differs: 'any other key is refused at start' }],
  ],
  'Kafka: configuration': [
    ['no position is TRIM_HORIZON', serverless('msk')],
    ['`maximumBatchingWindow: 0` is dropped', mappingApi, { differs: 'with a warning' }],
    ['unknown properties are refused', serverless('msk')],
    ['a function has 14 minutes at most', configure, { differs: 'a warning' }],
  ],
  S3: [
    ['keys are encoded as in a form, `/` kept', notification],
    [
      'event names by operation, without `s3:`',
      s3Guide('notification-how-to-event-types-and-destinations'),
      { differs: 'no uploads by form (`Post`) reach the embedded S3' },
    ],
    ['`size` is there, also 0', notification],
    [
      '`versionId` only with versioning',
      notification,
      { differs: 'of an S3 of your own; the embedded one has no versions' },
    ],
    ['a tag is no ObjectCreated', s3Guide('notification-how-to-event-types-and-destinations')],
    ['prefix and suffix are literal', s3Filtering],
    ['overlapping notifications are refused', s3Filtering],
    ['delivery is asynchronous', guide('with-s3')],
    [
      'retries after 1 and 2 minutes more',
      async,
      { differs: 'SQS, SNS and event buses are files in `destinations/`' },
    ],
    [
      'uploads while nothing listens arrive later',
      s3Guide('EventNotifications'),
      { differs: 'from a topic or a queue; what no webhook took is the server’s to repeat' },
    ],
    ['events may come twice', s3Guide('EventNotifications'), { differs: 'only on demand' }],
    [
      'a loop is stopped after about 16',
      guide('invocation-recursion'),
      { differs: 'seen only where the writer is an AWS SDK and the S3 is this one' },
    ],
  ],
  Schedules: [
    ['`rate` counts from the start', rules],
    ['`cron` in UTC, six fields', eventBridge('eb-cron-expressions')],
    ['`rate(1 minutes)` is refused', rules],
    ['the event of a scheduled rule', guide('with-eventbridge-scheduler')],
    ['`input` replaces the event', eventBridge('eb-transform-target-input')],
    ['a failure is retried twice', async],
  ],
  Invoke: [
    ['RequestResponse 200, Event 202, DryRun 204', invoke],
    ['a thrown error is 200, with `Unhandled`', guide('nodejs-exceptions')],
    ['a timeout is `Sandbox.Timedout`', invoke],
    ['no answer is `null`', invoke],
    ['too large requests are 413', limits],
    ['too large answers are an error', limits],
    ['unknown functions 404, bad JSON 400', invoke],
    [
      '`LogType: Tail` has the last 4 KB',
      invoke,
      { differs: 'lines are as the function wrote them; START, END and REPORT are in no other log' },
    ],
    ['over the reserved concurrency is 429', guide('configuration-concurrency')],
    ['one invocation at a time in an environment', environment],
    [
      'module state and `/tmp` outlive an invocation',
      environment,
      { differs: 'a folder of its own in `TMPDIR` for `/tmp`' },
    ],
    ['context: time left, memory as text, UTC', guide('nodejs-context')],
  ],
}

/** All of them by part, numbered through. */
export const behaviours: readonly (Behaviour & { readonly part: string })[] = Object.entries(parts)
  .flatMap(([part, list]) => list.map(([aws, page, rest]) => ({ part, aws, page, ...rest })))
  .map((behaviour, index) => ({ ...behaviour, number: index + 1 }))

/** The numbers that the name of a test begins with: `7. 8. arrive as …` shows both. */
export const numbersOf = (testName: string): number[] =>
  (/^(\d{1,2}\. )+/.exec(testName)?.[0] ?? '').split('. ').filter(Boolean).map(Number)
