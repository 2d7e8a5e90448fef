import type { AlertParts } from '#functions/gold/detect-fraud/alert.ts'
import { cutLine, cutText, type Line, type Span, span, widthOf, wrapText } from './text.ts'

const indent = '         ' // below the time
const leastMerchant = 12

/**
 * An alert in one line where it fits: time, amount, merchant, place, what each rule found, transaction. Where it does
 * not, what the rules found follows in lines of its own, broken between words; the transaction's id is never cut.
 */
export function layoutAlert(alert: AlertParts, time: string, columns: number): readonly Line[] {
  const { amount, currency, merchant, place, findings, transactionId, version } = alert
  const corrected = version > 1 ? ` (version ${version})` : ''
  const id = span(`${transactionId}${corrected}`, 'label')
  const separator = span(' · ', 'label')
  const headOf = (name: string): Line => [
    span(`${time} `, 'label'),
    span(`ALERT ${amount} ${currency}`, 'alarm'),
    separator,
    span(name, 'strong'),
    separator,
    span(place),
  ]
  const head = headOf(merchant)
  const found = findings.map(({ rule, explanation }) => [span(rule, 'warning'), span(`: ${explanation}`)])
  const whole = [...head, ...found.flatMap((finding) => [separator, ...finding]), separator, id]
  if (widthOf(whole) <= columns) return [whole]

  const rules = findings.flatMap(({ rule, explanation }) =>
    wrapText(`${rule}: ${explanation}`, columns - indent.length).map((text, index): Line => {
      const named = index === 0 && text.startsWith(rule)
      return named
        ? [span(indent), span(rule, 'warning'), span(text.slice(rule.length))]
        : [span(indent), span(text)]
    }),
  )
  const headIn = (width: number): Line => {
    const tooMuch = Math.max(0, widthOf(head) - width)
    return headOf(cutText(merchant, Math.max(leastMerchant, widthOf([span(merchant)]) - tooMuch)))
  }
  const short = headIn(columns - widthOf([id]) - 2)
  const padding = columns - widthOf(short) - widthOf([id])
  return padding >= 2
    ? [[...short, span(' '.repeat(padding)), id], ...rules]
    : [cutLine(headIn(columns), columns), ...rules, ...below(id, columns)]
}

/** In a line of its own; in a terminal narrower than that, in as many as it takes. */
const below = (item: Span, columns: number): readonly Line[] =>
  widthOf([span(indent), item]) <= columns
    ? [[span(indent), item]]
    : wrapText(item.text, columns).map((text) => [span(text, item.tone)])
