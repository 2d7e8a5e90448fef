import { createHash } from 'node:crypto'

export type Resource = { readonly Type: string; readonly Properties?: Json }
type Json = Readonly<Record<string, unknown>>
type Context = {
  readonly stackName: string
  readonly region: string
  readonly accountId: string
  readonly parameters: Readonly<Record<string, { readonly Default?: unknown }>> // a deployment may give others
}

/**
 * What the resources of a template are called and what its intrinsic functions give, as far as that is possible
 * without an account; the rest becomes a text that shows what was meant. Pure, and the same at every start.
 */
export class References {
  readonly #resources: Readonly<Record<string, Resource>>
  readonly #context: Context

  constructor(resources: Readonly<Record<string, Resource>>, context: Context) {
    this.#resources = resources
    this.#context = context
  }

  text(value: unknown): string {
    return asText(this.resolve(value))
  }

  /** The physical name of a resource: what it says, or what CloudFormation would make of stack and logical id. */
  nameOf(id: string): string {
    const { Type = '', Properties: properties = {} } = this.#resources[id] ?? {}
    for (const property of [
      'FunctionName',
      'BucketName',
      'QueueName',
      'TopicName',
      'TableName',
      'ClusterName',
      'Name',
    ]) {
      if (properties[property] !== undefined) return this.text(properties[property])
    }
    const name = `${this.#context.stackName}-${id}`
    return Type === 'AWS::S3::Bucket' ? name.toLowerCase() : name
  }

  arnOf(id: string): string {
    const { region, accountId } = this.#context
    const name = this.nameOf(id)
    switch (this.#resources[id]?.Type) {
      case 'AWS::Lambda::Function':
        return `arn:aws:lambda:${region}:${accountId}:function:${name}`
      case 'AWS::S3::Bucket':
        return `arn:aws:s3:::${name}`
      case 'AWS::Events::Rule':
        return `arn:aws:events:${region}:${accountId}:rule/${name}`
      case 'AWS::MSK::Cluster':
      case 'AWS::MSK::ServerlessCluster':
        return `arn:aws:kafka:${region}:${accountId}:cluster/${name}/${this.uuid(id)}-1`
      case 'AWS::IAM::Role':
        return `arn:aws:iam::${accountId}:role/${name}`
      default: {
        const service = this.#resources[id]?.Type.split('::')[1]?.toLowerCase() ?? 'unknown'
        return `arn:aws:${service}:${region}:${accountId}:${name}`
      }
    }
  }

  /** Like a UUID, and the same at every start. */
  uuid(of: string): string {
    const hash = createHash('sha256').update(`${this.#context.stackName}/${of}`).digest('hex')
    return hash.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
  }

  /**
   * A value with its intrinsic functions worked out as far as that is possible without an account; what is not
   * possible becomes a text that shows what was meant.
   * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
   */
  resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.resolve(item))
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value)
    const [name, argument] = entries[0] ?? ['', undefined]
    if (entries.length !== 1 || !(name === 'Ref' || name.startsWith('Fn::'))) {
      return Object.fromEntries(entries.map(([key, inner]) => [key, this.resolve(inner)]))
    }
    switch (name) {
      case 'Ref':
        return this.#reference(String(argument))
      case 'Fn::GetAtt': {
        const [id = '', attribute = ''] = Array.isArray(argument)
          ? argument.map(String)
          : String(argument).split('.')
        return this.#attribute(id, attribute)
      }
      case 'Fn::Sub': {
        const [text, own] = Array.isArray(argument) ? argument : [argument, {}]
        return String(text).replace(/\$\{([^}]+)\}/g, (_, expression: string) => {
          if (expression.startsWith('!')) return `\${${expression.slice(1)}}`
          if (expression in own) return this.text(own[expression])
          const dot = expression.indexOf('.')
          if (dot < 0) return asText(this.#reference(expression))
          return this.#attribute(expression.slice(0, dot), expression.slice(dot + 1))
        })
      }
      case 'Fn::Join': {
        const [separator, parts] = this.resolve(argument) as [string, unknown[]]
        return parts.map(asText).join(separator)
      }
      case 'Fn::Select': {
        const [index, list] = this.resolve(argument) as [number | string, unknown[]]
        return list[Number(index)]
      }
      case 'Fn::Split': {
        const [separator, text] = this.resolve(argument) as [string, unknown]
        return asText(text).split(separator)
      }
      case 'Fn::ImportValue':
        return this.text(argument)
      default:
        return JSON.stringify({ [name]: this.resolve(argument) })
    }
  }

  #reference(id: string): unknown {
    const { region, accountId, stackName, parameters } = this.#context
    const pseudo: Record<string, unknown> = {
      'AWS::Region': region,
      'AWS::AccountId': accountId,
      'AWS::Partition': 'aws',
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::StackName': stackName,
      'AWS::NoValue': undefined,
    }
    if (id in pseudo) return pseudo[id]
    if (parameters[id]?.Default !== undefined) return parameters[id].Default
    return this.#resources[id]?.Type.startsWith('AWS::MSK::') ? this.arnOf(id) : this.nameOf(id)
  }

  #attribute(id: string, attribute: string): string {
    return attribute === 'Arn' ? this.arnOf(id) : `${this.nameOf(id)}.${attribute}`
  }
}

/** The properties of a resource with intrinsic functions resolved on the way out. */
export class Properties {
  readonly #value: Json
  readonly #references: References

  constructor(value: unknown, references: References) {
    this.#value = typeof value === 'object' && value !== null ? (value as Json) : {}
    this.#references = references
  }

  keys = (): string[] => Object.keys(this.#value)
  /** As the template writes it, with its intrinsic functions. */
  raw = (name: string): unknown => this.#value[name]
  has = (name: string): boolean => this.#value[name] !== undefined
  object = (name: string): Properties => new Properties(this.#value[name], this.#references)

  list(name: string): unknown[] {
    const list = this.#references.resolve(this.#value[name])
    return Array.isArray(list) ? list : []
  }

  text(name: string): string | undefined {
    const value = this.#references.resolve(this.#value[name])
    return value === undefined || value === null ? undefined : asText(value)
  }

  number(name: string): number | undefined {
    const value = this.#references.resolve(this.#value[name])
    return value === undefined || value === null ? undefined : Number(value)
  }

  flag(name: string): boolean | undefined {
    const text = this.text(name)
    return text === undefined ? undefined : text === 'true'
  }

  /** Lambda's -1, which is the default of retries and record age; false is that of bisecting. */
  isInfinite = (name: string): boolean => ['-1', 'false'].includes(this.text(name) ?? '')
}

const asText = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : value === undefined
      ? ''
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value)

/** Without the properties that are undefined. */
export const defined = <T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as never
