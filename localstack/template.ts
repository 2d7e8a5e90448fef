import { type AsyncSettings, queueFile, readAsyncSettings } from './async-settings.ts'
import { defined, Properties, References, type Resource } from './intrinsics.ts'
import { type KafkaMapping, kafkaKind, readKafkaMapping } from './kafka-mapping.ts'

export type { KafkaMapping } from './kafka-mapping.ts'

/** What a compiled CloudFormation template says a deployment would wire together. */
export type Wiring = {
  readonly functions: readonly FunctionSettings[]
  readonly kafkaMappings: readonly KafkaMapping[]
  readonly bucketNotifications: readonly BucketNotification[]
  readonly schedules: readonly Schedule[]
  readonly buckets: readonly string[]
  readonly warnings: readonly string[] // what the template asks for and the local cloud does not do, by logical id
}

export type FunctionSettings = {
  readonly name: string // deployed name
  readonly key: string // name in serverless.yml
  readonly handler: string // path without extension, dot, export: `.build/functions/x/handler.handler`
  readonly timeoutSeconds: number
  readonly memoryMb: number
  readonly environment: Readonly<Record<string, string>>
  readonly layers: readonly string[] // layer directories on disk, in the order AWS unpacks them to /opt
  readonly reservedConcurrency?: number
  readonly deadLetterArn?: string // of a queue or a topic, for asynchronous events that are given up
  readonly mayStartItself?: boolean // RecursiveLoop is Allow
} & AsyncSettings

export type BucketNotification = {
  readonly id: string
  readonly bucket: string
  readonly events: readonly string[] // `s3:ObjectCreated:*`, as the template writes them
  readonly prefix?: string
  readonly suffix?: string
  readonly functionName: string
}

export type Schedule = {
  readonly ruleName: string
  readonly ruleArn: string
  readonly expression: string // `rate(5 minutes)` or `cron(…)`
  readonly functionName: string
  readonly input?: string // JSON text that replaces the event
  readonly enabled: boolean
}

export type Template = {
  readonly Parameters?: Readonly<Record<string, { readonly Default?: unknown }>>
  readonly Resources?: Readonly<Record<string, Resource>>
}

/** What the template does not say, because it depends on the machine or on serverless.yml. */
export type TemplateContext = {
  readonly stackName: string
  readonly region: string
  readonly accountId: string
  readonly functionKeys: Readonly<Record<string, string>> // deployed name → key in serverless.yml
  readonly layerDirectories: Readonly<Record<string, string>> // logical id → directory
}

/** The template asks for something that would behave differently here without anybody noticing. */
export class TemplateError extends Error {
  override name = 'TemplateError'
}

/**
 * Reads what the local cloud has to do from the compiled template: the one that a deployment would use. Pure.
 *
 * What is not emulated is either a warning (things would run, with a difference that is named) or, where ignoring
 * it would make a function see other events than on AWS, an error. Throws one TemplateError with all of them.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
 */
export function readTemplate(template: Template, context: TemplateContext): Wiring {
  const reader = new Reader(template, context)
  const wiring: Wiring = {
    functions: reader.functions(),
    kafkaMappings: reader.kafkaMappings(),
    bucketNotifications: reader.bucketNotifications(),
    schedules: reader.schedules(),
    buckets: reader.buckets(),
    warnings: reader.warnings,
  }
  reader.warnOfOtherTriggers()
  reader.judgeTogether(wiring)
  if (reader.errors.length > 0) throw new TemplateError(reader.errors.join('\n'))
  return wiring
}

class Reader {
  readonly warnings: string[] = []
  readonly errors: string[] = []
  readonly #resources: Readonly<Record<string, Resource>>
  readonly #context: TemplateContext
  readonly #references: References

  constructor(
    { Resources: resources = {}, Parameters: parameters = {} }: Template,
    context: TemplateContext,
  ) {
    this.#resources = resources
    this.#context = context
    this.#references = new References(resources, { ...context, parameters })
  }

  functions(): FunctionSettings[] {
    const asynchronous = new Map(
      this.#ofType('AWS::Lambda::EventInvokeConfig').map(([id, config]) => [
        config.text('FunctionName'),
        readAsyncSettings(config, {
          warn: (what) => this.#warn(id, what),
          refuse: (what) => this.errors.push(`${id}: ${what}`),
        }),
      ]),
    )
    return this.#ofType('AWS::Lambda::Function').flatMap(([id, properties]) => {
      const name = properties.text('FunctionName') ?? this.#references.nameOf(id)
      const key = this.#context.functionKeys[name]
      if (key === undefined) {
        // The framework's own helper functions call AWS; locally there is nothing for them to do.
        if (!id.startsWith('CustomDashresource')) this.#warn(id, 'has no code in this project and is not run')
        return []
      }
      const handler = properties.text('Handler')
      if (handler === undefined) {
        this.#warn(id, 'is a container image and is not run')
        return []
      }
      const deadLetterArn = properties.object('DeadLetterConfig').text('TargetArn')
      if (deadLetterArn !== undefined)
        this.#warn(id, `the dead-letter queue ${deadLetterArn} is a file here: ${queueFile(deadLetterArn)}`)
      const variables = properties.object('Environment').object('Variables')
      const environment = variables.keys().map((name) => [name, variables.text(name) ?? ''] as const)
      return {
        name,
        key,
        handler,
        timeoutSeconds: properties.number('Timeout') ?? 3,
        memoryMb: properties.number('MemorySize') ?? 128,
        environment: Object.fromEntries(environment),
        layers: asList(properties.raw('Layers')).flatMap((layer) => this.#layerDirectory(id, layer)),
        ...(properties.text('RecursiveLoop') === 'Allow' && { mayStartItself: true }),
        ...defined({
          reservedConcurrency: properties.number('ReservedConcurrentExecutions'),
          deadLetterArn,
        }),
        ...asynchronous.get(name),
      }
    })
  }

  #layerDirectory(id: string, layer: unknown): string[] {
    const reference = (layer as { Ref?: string } | null)?.Ref
    const directory = reference === undefined ? undefined : this.#context.layerDirectories[reference]
    if (directory !== undefined) return [directory]
    this.#warn(
      id,
      `uses the layer ${reference ?? this.#references.text(layer)}, which has no directory in this project`,
    )
    return []
  }

  kafkaMappings(): KafkaMapping[] {
    return this.#ofType('AWS::Lambda::EventSourceMapping').flatMap(([id, properties]) => {
      const kind = kafkaKind(properties)
      if (kind === undefined) {
        const source = properties.text('EventSourceArn') ?? 'from no event source'
        this.#warn(id, `reads ${source}, which is not emulated`)
        return []
      }
      const functionName = this.#functionOf(id, properties.text('FunctionName'))
      if (functionName === undefined) return []
      return readKafkaMapping(id, kind, properties, {
        functionName,
        references: this.#references,
        warn: (what) => this.#warn(id, what),
        refuse: (what) => this.errors.push(`${id}: ${what}`),
      })
    })
  }

  bucketNotifications(): BucketNotification[] {
    const ofBuckets = this.#ofType('AWS::S3::Bucket').flatMap(([id, properties]) => {
      const configuration = properties.object('NotificationConfiguration')
      for (const name of configuration.keys()) {
        if (name !== 'LambdaConfigurations')
          this.#warn(id, `NotificationConfiguration.${name} is not emulated`)
      }
      return configuration.list('LambdaConfigurations').flatMap((entry, index) => {
        const notification = this.#properties(entry)
        const rules = notification
          .object('Filter')
          .object('S3Key')
          .list('Rules')
          .map((rule) => this.#properties(rule))
        return this.#notification(id, index, {
          bucket: this.#references.nameOf(id),
          event: notification.text('Event'),
          target: notification.text('Function'),
          rules: rules.map((rule) => [rule.text('Name') ?? '', rule.text('Value') ?? '']),
        })
      })
    })
    // `existing: true` in serverless.yml: the framework's own resource, whose rules are {Prefix} or {Suffix}.
    const ofExisting = this.#ofType('Custom::S3').flatMap(([id, properties]) =>
      properties.list('BucketConfigs').flatMap((entry, index) => {
        const notification = this.#properties(entry)
        const rules = notification.list('Rules').map((rule) => this.#properties(rule))
        return this.#notification(id, index, {
          bucket: properties.text('BucketName') ?? '',
          event: notification.text('Event'),
          target: properties.text('FunctionName'),
          rules: rules.flatMap((rule) => rule.keys().map((name) => [name, rule.text(name) ?? ''] as const)),
        })
      }),
    )
    return [...ofBuckets, ...ofExisting]
  }

  #notification(
    id: string,
    index: number,
    found: {
      bucket: string
      event: string | undefined
      target: string | undefined
      rules: (readonly [string, string])[]
    },
  ): BucketNotification[] {
    const functionName = this.#functionOf(id, found.target)
    if (functionName === undefined || found.event === undefined) return []
    const rule = (wanted: string) => found.rules.find(([name]) => name.toLowerCase() === wanted)?.[1]
    return [
      {
        id: this.#references.uuid(`${id}/${index}`),
        bucket: found.bucket,
        events: [found.event],
        ...defined({ prefix: rule('prefix'), suffix: rule('suffix') }),
        functionName,
      },
    ]
  }

  buckets(): string[] {
    const declared = this.#ofType('AWS::S3::Bucket').map(([id]) => id)
    const own = declared
      .filter((id) => id !== 'ServerlessDeploymentBucket')
      .map((id) => this.#references.nameOf(id))
    const existing = this.#ofType('Custom::S3').map(([, properties]) => properties.text('BucketName') ?? '')
    return [...new Set([...own, ...existing])].filter((name) => name !== '')
  }

  schedules(): Schedule[] {
    const { region, accountId } = this.#context
    const rules = this.#ofType('AWS::Events::Rule').flatMap(([id, properties]): Schedule[] => {
      if (properties.has('EventPattern')) this.#warn(id, 'EventPattern is not emulated')
      const expression = properties.text('ScheduleExpression')
      if (expression === undefined) return []
      return properties.list('Targets').flatMap((entry) => {
        const target = this.#properties(entry)
        const functionName = this.#functionOf(id, target.text('Arn'))
        if (functionName === undefined) return []
        for (const name of ['InputPath', 'InputTransformer']) {
          if (target.has(name))
            this.errors.push(
              `${id}: ${name} is not emulated, and without it the function would see another event`,
            )
        }
        const ruleName = this.#references.nameOf(id)
        return {
          ruleName,
          ruleArn: `arn:aws:events:${region}:${accountId}:rule/${ruleName}`,
          expression,
          functionName,
          ...defined({ input: target.text('Input') }),
          enabled: properties.text('State') !== 'DISABLED',
        }
      })
    })
    const scheduler = this.#ofType('AWS::Scheduler::Schedule').flatMap(([id, properties]): Schedule[] => {
      const target = properties.object('Target')
      const functionName = this.#functionOf(id, target.text('Arn'))
      const expression = properties.text('ScheduleExpression')
      if (functionName === undefined || expression === undefined) return []
      const ruleName = this.#references.nameOf(id)
      const zone = properties.text('ScheduleExpressionTimezone') ?? 'UTC'
      if (expression.startsWith('cron(') && !/^(Etc\/)?UTC$/.test(zone))
        this.errors.push(
          `${id}: the time zone ${zone} is not emulated, and in UTC it would come at another time`,
        )
      return [
        {
          ruleName,
          ruleArn: `arn:aws:scheduler:${region}:${accountId}:schedule/default/${ruleName}`,
          expression,
          functionName,
          // Without an input the scheduler sends an empty event, not a rule's envelope.
          input: target.text('Input') ?? '{}',
          enabled: properties.text('State') !== 'DISABLED',
        },
      ]
    })
    return [...rules, ...scheduler]
  }

  warnOfOtherTriggers(): void {
    for (const [id, { Type }] of Object.entries(this.#resources)) {
      if (/^AWS::(SNS::Subscription|IoT::TopicRule|Logs::SubscriptionFilter|Pipes::Pipe)$/.test(Type)) {
        this.#warn(id, `${Type} is not emulated`)
      }
    }
  }

  /** What only shows when mappings and functions are seen together. */
  judgeTogether({ functions, kafkaMappings }: Pick<Wiring, 'functions' | 'kafkaMappings'>): void {
    for (const { name, timeoutSeconds } of functions) {
      // https://docs.aws.amazon.com/lambda/latest/dg/with-msk-configure.html
      if (timeoutSeconds > 840 && kafkaMappings.some(({ functionName }) => functionName === name))
        this.#warn(name, `its timeout is ${timeoutSeconds} s, and with a Kafka event AWS takes 840 at most`)
    }
    const groups = kafkaMappings.map(({ consumerGroupId }) => consumerGroupId)
    for (const group of new Set(groups.filter((each, index) => groups.indexOf(each) !== index)))
      this.errors.push(`the consumer group ${group} is that of several mappings; each has to have its own`)
  }

  /** The deployed name in a name or an ARN; undefined, with a warning, when it is no function of this project. */
  #functionOf(id: string, target: string | undefined): string | undefined {
    const [, name] = /(?:^|:function:)([^:]+)$/.exec(target ?? '') ?? []
    if (name !== undefined && this.#context.functionKeys[name] !== undefined) return name
    this.#warn(id, `calls ${target ?? 'no function'}, which is not run here`)
    return undefined
  }

  #warn(id: string, what: string): void {
    this.warnings.push(`${id}: ${what}`)
  }

  #ofType(type: string): (readonly [id: string, properties: Properties])[] {
    return Object.entries(this.#resources)
      .filter(([, resource]) => resource.Type === type)
      .map(([id, resource]) => [id, this.#properties(resource.Properties)])
  }

  #properties(value: unknown): Properties {
    return new Properties(value, this.#references)
  }
}

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
