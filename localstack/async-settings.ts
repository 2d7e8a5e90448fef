import type { Properties } from './intrinsics.ts'

/** Where what a function failed on goes. */
export type AsyncDestination =
  | { readonly kind: 'bucket'; readonly bucket: string }
  | { readonly kind: 'function'; readonly functionName: string }
  | { readonly kind: 'queue'; readonly arn: string } // of SQS, a topic of SNS or an event bus

/** How a function's asynchronous invocations are treated. */
export type AsyncSettings = {
  readonly maximumRetryAttempts?: number // 0 to 2; default 2
  readonly maximumEventAgeSeconds?: number // 60 to 21,600; default 21,600
  readonly onFailure?: AsyncDestination
}

/** Where messages to a queue are found, below the data folder. */
export const queueFile = (arn: string): string =>
  `destinations/${(arn.split(':').at(-1) ?? '').replace(/[^\w.-]/g, '_')}.ndjson`

/**
 * Reads an `AWS::Lambda::EventInvokeConfig`. What AWS would not take is refused.
 * https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
 */
export function readAsyncSettings(
  config: Properties,
  { warn, refuse }: Record<'warn' | 'refuse', (what: string) => void>,
): AsyncSettings {
  const numberOf = (name: string, from: number, to: number) => {
    const value = config.number(name)
    if (value !== undefined && !(value >= from && value <= to))
      refuse(`${name} is ${value}; AWS takes ${from} to ${to}`)
    return value
  }
  const retries = numberOf('MaximumRetryAttempts', 0, 2)
  const age = numberOf('MaximumEventAgeInSeconds', 60, 21_600)
  const destinations = config.object('DestinationConfig')
  if (destinations.has('OnSuccess')) warn('DestinationConfig.OnSuccess is not emulated')
  const arn = destinations.object('OnFailure').text('Destination')
  const onFailure = arn === undefined ? undefined : destinationOf(arn, { warn, refuse })
  return {
    ...(retries !== undefined && { maximumRetryAttempts: retries }),
    ...(age !== undefined && { maximumEventAgeSeconds: age }),
    ...(onFailure && { onFailure }),
  }
}

function destinationOf(
  arn: string,
  { warn, refuse }: Record<'warn' | 'refuse', (what: string) => void>,
): AsyncDestination | undefined {
  const [, bucket] = /^arn:aws[\w-]*:s3:::(.+)$/.exec(arn) ?? []
  if (bucket !== undefined) return { kind: 'bucket', bucket }
  const [, functionName] = /^arn:aws[\w-]*:lambda:[^:]*:[^:]*:function:([^:]+)/.exec(arn) ?? []
  if (functionName !== undefined) return { kind: 'function', functionName }
  if (/^arn:aws[\w-]*:(sqs|sns|events):/.test(arn)) {
    warn(`the on-failure destination ${arn} is a file here: ${queueFile(arn)}`)
    return { kind: 'queue', arn }
  }
  refuse(`the on-failure destination ${arn} is none: AWS takes ARNs of S3, SQS, SNS, Lambda and EventBridge`)
  return undefined
}
