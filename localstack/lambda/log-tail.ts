const tailBytes = 4096

/** How an invocation went, for the line that ends its log. */
export type LogReport = {
  readonly requestId: string
  readonly durationMs: number
  readonly memoryMb: number
  readonly maxMemoryMb?: number // unknown of a process that did not end its invocation
  readonly initMs?: number // of a new environment
  readonly ended?: string // error type, when the environment ended with the invocation
}

/**
 * What Lambda returns for `LogType: Tail`: the last 4 KB of what an invocation logged, between Lambda's own lines, in
 * base64. The function's lines stand as it wrote them, without the time and the id that the Node.js runtime puts first.
 * https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export function logTail(written: string, report: LogReport): string {
  const { requestId, durationMs, memoryMb, maxMemoryMb, initMs, ended } = report
  const measured = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(durationMs)} ms`,
    `Memory Size: ${memoryMb} MB`,
    maxMemoryMb !== undefined && `Max Memory Used: ${maxMemoryMb} MB`,
    initMs !== undefined && `Init Duration: ${initMs.toFixed(2)} ms`,
    ended !== undefined && (ended === 'Sandbox.Timedout' ? 'Status: timeout' : 'Status: error'),
    ended !== undefined && ended !== 'Sandbox.Timedout' && `Error Type: ${ended}`,
  ].filter((part) => part !== false)
  const log = `START RequestId: ${requestId} Version: $LATEST\n${written}END RequestId: ${requestId}\n${measured.join('\t')}\n`
  return Buffer.from(log).subarray(-tailBytes).toString('base64')
}

/** Collects what may still be in the tail at the end, however much is written. */
export function makeTailCollector() {
  let text = ''
  return {
    line: (line: string) => {
      text = `${text}${line}\n`.slice(-tailBytes)
    },
    text: () => text,
  }
}
