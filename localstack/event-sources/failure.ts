import { oneLine } from '../errors.ts'
import type { InvokeResult } from '../lambda/invoke.ts'

/** One line for people about what a function answered instead of succeeding: `TypeError: x is not a function`. */
export function describeFailure({ statusCode, payload }: InvokeResult): string {
  if (statusCode === 429) return 'throttled (429)'
  let said: { errorType?: unknown; errorMessage?: unknown } | null
  try {
    said = JSON.parse(payload)
  } catch {
    said = null
  }
  const type = typeof said?.errorType === 'string' ? said.errorType : `status ${statusCode}`
  const message = typeof said?.errorMessage === 'string' ? oneLine(said.errorMessage) : ''
  return message ? `${type}: ${message}` : type
}
