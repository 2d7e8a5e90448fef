import { createHash, randomBytes } from 'node:crypto'

/**
 * AWS finds functions that start themselves by the trace header, `X-Amzn-Trace-Id`: Lambda gives it to an invocation, the
 * function's AWS SDK sends it with each request, and S3 passes it on with the event of the change. Its `Lineage` counts how
 * often each function ran since the chain began. The form of `Lineage` is AWS's own business; this one is ours.
 *
 * What is not seen: changes that something else than an AWS SDK makes, or that another S3 announces. A chain ends at Kafka, as
 * on AWS. https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
 */
export const mostRunsInChain = 16

/** How often a function ran in the chain that a trace header is of. */
export const runsInChain = (trace: string | undefined, functionName: string): number =>
  lineageOf(trace).get(shortName(functionName)) ?? 0

/** The trace header of an invocation of `functionName` that `parent` led to, or that begins a chain. */
export function traceOfInvocation(parent: string | undefined, functionName: string): string {
  const [, root = newRoot()] = /(?:^|;)Root=([^;]+)/.exec(parent ?? '') ?? []
  const lineage = lineageOf(parent)
  lineage.set(shortName(functionName), runsInChain(parent, functionName) + 1)
  const counts = [...lineage].map(([name, count]) => `${name}:${count}`).join('|')
  return `Root=${root};Parent=${randomBytes(8).toString('hex')};Sampled=0;Lineage=${counts}`
}

function lineageOf(trace = ''): Map<string, number> {
  const [, counts = ''] = /(?:^|;)Lineage=([^;]+)/.exec(trace) ?? []
  return new Map(
    [...counts.matchAll(/([0-9a-f]{8}):(\d{1,9})/g)].map(([, name, count]) => [name!, Number(count)]),
  )
}

const shortName = (functionName: string) =>
  createHash('sha256').update(functionName).digest('hex').slice(0, 8)

const newRoot = () => `1-${Math.floor(Date.now() / 1000).toString(16)}-${randomBytes(12).toString('hex')}`
