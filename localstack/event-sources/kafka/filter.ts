import { isRules, type Json, matches, matchesRules, type Pattern, readJson } from '../../event-pattern.ts'
import type { SourceRecord } from './event.ts'

/**
 * Whether a mapping's function gets the record: one of the filters matches, or there are none.
 *
 * A filter looks at the value only. Where its form and the pattern's differ (a pattern of fields and a plain text, a
 * list of rules and JSON, bytes that are not UTF-8), nothing of the value is compared and the record is delivered: SQS
 * and Kinesis would drop it. A tombstone has no form, and is delivered for the same reason.
 * https://docs.aws.amazon.com/lambda/latest/dg/kafka-filtering.html
 */
export function passes(filters: readonly Pattern[], { value }: Pick<SourceRecord, 'value'>): boolean {
  if (filters.length === 0) return true
  const content = contentOf(value)
  return filters.some((filter) => filter.fields.every(([, wanted]) => matchesContent(wanted, content)))
}

/** What of a pattern Lambda does not look at for Kafka, in words; undefined when there is nothing. */
export function unusable({ fields, oneOf }: Pattern): string | undefined {
  const others = fields.map(([name]) => name).filter((name) => name !== 'value')
  if (others.length > 0) return `has ${others.join(', ')}, and Kafka records are filtered by value only`
  return oneOf.length > 0 ? 'has $or beside value; it belongs into value' : undefined
}

type Content =
  | { readonly form: 'json'; readonly json: Json }
  | { readonly form: 'text'; readonly text: string }
  | undefined

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function contentOf(value: Uint8Array | null): Content {
  if (value === null) return undefined
  let text: string
  try {
    text = utf8.decode(value)
  } catch {
    return undefined
  }
  try {
    const json = readJson(text)
    if (json instanceof Map || Array.isArray(json)) return { form: 'json', json }
  } catch {} // plain text
  return { form: 'text', text }
}

function matchesContent(wanted: Pattern['fields'][number][1], content: Content): boolean {
  if (isRules(wanted)) return content?.form !== 'text' || matchesRules(wanted, [content.text])
  return content?.form !== 'json' || matches(wanted, content.json)
}
